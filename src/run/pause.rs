//! Whether hinit stood still, and with it the server: `docker pause`, the freezer of a cgroup, a virtual machine
//! that was stopped. The time of a pause must not count against the server.
//!
//! The kernel tells nobody of a pause, so hinit notices it by a wake-up far past its time. A pause can end before
//! the deadline that hinit waits for, and so would go unnoticed: hence hinit looks in between.

use std::time::{Duration, Instant};

/// How often hinit looks while a deadline runs.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);
/// A look that is later than this was kept from its time by a pause, and not by a busy machine. (Waits on a CPU
/// limit of 20m were up to 700 ms late.)
const MAX_LATENESS: Duration = Duration::from_secs(1);

/// How often to look for the sake of a watchdog: more often than it can run out, but seldom for long ones.
pub(super) fn watchdog_look_interval(watchdog: Duration) -> Duration {
    LOOK_INTERVAL.max(watchdog / 10)
}

/// The next look.
#[derive(Default)]
pub(super) struct PauseDetector {
    next_look: Option<Instant>,
    /// When hinit has looked at the clock since the last wait, if it has.
    seen: Option<Instant>,
}

impl PauseDetector {
    /// When to wake up at the latest, given the next deadline and how often to look, if other than usual.
    pub(super) fn next_wakeup(
        &mut self,
        deadline: Option<Instant>,
        interval: Option<Duration>,
        now: impl FnOnce() -> Instant,
    ) -> Option<Instant> {
        // A pause can begin before the wait does. No clock is asked where no deadline runs.
        let seen = self.seen.take();
        let next = || seen.unwrap_or_else(now) + interval.unwrap_or(LOOK_INTERVAL);
        self.next_look = deadline.map(|at| at.min(next()));
        self.next_look
    }

    /// It is now so late, and a deadline may begin to run.
    pub(super) fn see(&mut self, now: Instant) {
        self.seen = Some(now);
    }

    /// How long hinit stood still before `now`, if it did. `now` is asked for only while a deadline runs.
    pub(super) fn pause(&self, now: impl FnOnce() -> Instant) -> Option<Duration> {
        let next_look = self.next_look?;
        let late = now().saturating_duration_since(next_look);
        (late > MAX_LATENESS).then_some(late)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_wake_up_far_past_its_time_was_a_pause() {
        let start = Instant::now();
        let at = |time| start + millis(time);
        // The deadline, how often to look, the next look; when hinit woke up, the pause.
        for (deadline, interval, look, woke_up, pause) in [
            (None, None, None, 9000, None),
            (Some(200), None, Some(200), 200, None),
            (Some(200), None, Some(200), 1200, None),
            (Some(200), None, Some(200), 1201, Some(1001)),
            (Some(3000), None, Some(500), 1500, None),
            (Some(3000), None, Some(500), 1501, Some(1001)),
            (Some(3000), None, Some(500), 4500, Some(4000)),
            // A signal came first.
            (Some(3000), None, Some(500), 100, None),
            (Some(30_000), Some(3000), Some(3000), 4000, None),
            (Some(30_000), Some(3000), Some(3000), 9000, Some(6000)),
        ] {
            let mut detector = PauseDetector::default();
            let interval = interval.map(millis);
            let next = detector.next_wakeup(deadline.map(at), interval, || start);
            assert_eq!(next, look.map(at));
            assert_eq!(detector.pause(|| at(woke_up)), pause.map(millis));
        }
    }

    #[test]
    fn a_pause_before_the_wait_counts_as_well() {
        let start = Instant::now();
        let mut detector = PauseDetector::default();
        detector.see(start);
        let next = detector.next_wakeup(Some(start + millis(2000)), None, || start + millis(3000));
        assert_eq!(next, Some(start + millis(500)));
        assert_eq!(detector.pause(|| start + millis(3000)), Some(millis(2500)));
        // Until it looks at the clock again, its last look is an old one.
        let next = detector.next_wakeup(Some(start + millis(9000)), None, || start + millis(3000));
        assert_eq!(next, Some(start + millis(3500)));
    }

    #[test]
    fn a_long_watchdog_needs_few_looks() {
        for (watchdog, interval) in [(300, 500), (5000, 500), (30_000, 3000)] {
            assert_eq!(watchdog_look_interval(millis(watchdog)), millis(interval));
        }
    }
}
