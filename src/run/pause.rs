//! Whether hinit was paused, and the server with it: by `docker pause`, the freezer of a cgroup, or a virtual
//! machine that was stopped. The time of a pause must not count against the server.
//!
//! The kernel reports no pause, so hinit infers it from a wake-up far past its deadline. A pause that ends before
//! the deadline would go unnoticed, so hinit also wakes up in between.

use std::time::{Duration, Instant};

/// How often hinit wakes up while a deadline runs.
const CHECK_INTERVAL: Duration = Duration::from_millis(500);
/// A wake-up that is later than this was delayed by a pause, and not by a busy machine. (With a CPU limit of 20m
/// wake-ups were up to 700 ms late.)
const MAX_LATENESS: Duration = Duration::from_secs(1);

/// How often to wake up where only a watchdog runs: a tenth of its time at most, so that long ones cost little.
pub(super) fn watchdog_check_interval(watchdog: Duration) -> Duration {
    CHECK_INTERVAL.max(watchdog / 10)
}

#[derive(Default)]
pub(super) struct PauseDetector {
    next_check: Option<Instant>,
    /// The instant of this wake-up: when the main loop first read the clock since the last wait, if it has.
    seen: Option<Instant>,
}

impl PauseDetector {
    /// The time of the next wake-up, given the next deadline and an interval in place of the usual one.
    pub(super) fn next_wakeup(
        &mut self,
        deadline: Option<Instant>,
        interval: Option<Duration>,
        now: impl FnOnce() -> Instant,
    ) -> Option<Instant> {
        // A pause can begin before the wait does. Where no deadline runs, the clock is not read.
        let seen = self.seen.take();
        self.next_check = deadline.map(|at| {
            let seen = seen.unwrap_or_else(now);
            // A deadline that passed while hinit worked is not late because of a pause.
            at.clamp(seen, seen + interval.unwrap_or(CHECK_INTERVAL))
        });
        self.next_check
    }

    /// The instant of this wake-up, until the next wait: from it deadlines begin to run, and by it they are over. A pause
    /// that has begun since would be taken for the server's time, because it is found only after that wait.
    pub(super) fn now(&mut self, clock: impl FnOnce() -> Instant) -> Instant {
        *self.seen.get_or_insert_with(clock)
    }

    /// hinit has worked for some time since: with little CPU time that can be seconds, and is no pause.
    pub(super) fn forget_seen(&mut self) {
        self.seen = None;
    }

    /// How long hinit was paused until now, if it was. The clock is read only while a deadline runs.
    pub(super) fn pause(&mut self, clock: impl FnOnce() -> Instant) -> Option<Duration> {
        let next_check = self.next_check?;
        let late = self.now(clock).saturating_duration_since(next_check);
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
    fn a_wake_up_far_past_its_deadline_was_a_pause() {
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
        detector.now(|| start);
        let next = detector.next_wakeup(Some(start + millis(2000)), None, || start + millis(3000));
        assert_eq!(next, Some(start + millis(500)));
        assert_eq!(detector.pause(|| start + millis(3000)), Some(millis(2500)));
        // Until it looks at the clock again, that look is an old one.
        let next = detector.next_wakeup(Some(start + millis(9000)), None, || start + millis(3000));
        assert_eq!(next, Some(start + millis(3500)));
    }

    #[test]
    fn a_wake_up_has_one_instant() {
        let start = Instant::now();
        let mut detector = PauseDetector::default();
        assert_eq!(detector.now(|| start), start);
        // A pause: no deadline is over by it, before the wait after it has found it.
        assert_eq!(detector.now(|| start + millis(3000)), start);
        detector.next_wakeup(Some(start + millis(2000)), None, || start + millis(3000));
        assert_eq!(detector.pause(|| start + millis(3000)), Some(millis(2500)));
        assert_eq!(detector.now(|| start + millis(9000)), start + millis(3000));
    }

    #[test]
    fn a_pause_while_hinit_does_what_is_due_counts() {
        let start = Instant::now();
        let mut detector = PauseDetector::default();
        detector.next_wakeup(Some(start + millis(2000)), None, || start);
        assert_eq!(detector.pause(|| start + millis(20)), None);
        let next = detector.next_wakeup(Some(start + millis(2000)), None, || start + millis(3000));
        assert_eq!(next, Some(start + millis(520)));
        assert_eq!(detector.pause(|| start + millis(3000)), Some(millis(2480)));
    }

    #[test]
    fn a_deadline_that_passed_while_hinit_worked_is_no_pause() {
        let start = Instant::now();
        let mut detector = PauseDetector::default();
        detector.now(|| start);
        // Signalling all that the server left took 3 s.
        detector.forget_seen();
        let deadline = Some(start + millis(250));
        let next = detector.next_wakeup(deadline, None, || start + millis(3000));
        assert_eq!(next, Some(start + millis(3000)));
        for (woke_up, pause) in [(3001, None), (4001, Some(millis(1001)))] {
            detector.forget_seen();
            assert_eq!(detector.pause(|| start + millis(woke_up)), pause);
        }
    }

    #[test]
    fn a_long_watchdog_needs_few_wake_ups() {
        for (watchdog, interval) in [(300, 500), (5000, 500), (30_000, 3000)] {
            assert_eq!(watchdog_check_interval(millis(watchdog)), millis(interval));
        }
    }
}
