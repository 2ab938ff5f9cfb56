//! When the main loop wakes up by itself, and what it does then.

use std::time::{Duration, Instant};

use super::MainLoop;
use crate::error;
use crate::run::pause::{PauseDetector, watchdog_check_interval};
use crate::run::ready::ReadyWhen;
use crate::run::shutdown::StopEvent;
use crate::run::sockets::Sockets;
use crate::sys;
use crate::time::{ShortDuration, earliest};

/// How long after its exec a server is taken to stay. Code that hinit unmaps before that would have to be mapped
/// again for a server that ends at once. To read the counter of killed processes would delay its end as well.
const RELEASE_CODE_AFTER: Duration = Duration::from_millis(20);

#[derive(Default)]
pub(super) struct Clock {
    pub(super) pause_detector: PauseDetector,
    /// When to unmap the code that only the start has needed, and to begin to count the processes that the kernel kills.
    release_code_at: Option<Instant>,
}

impl Clock {
    /// The instant of this wake-up.
    pub(super) fn now(&mut self) -> Instant {
        self.pause_detector.now(Instant::now)
    }

    pub(super) fn release_code_after_start(&mut self, started: Instant) {
        self.release_code_at = Some(started + RELEASE_CODE_AFTER);
    }

    pub(super) fn release_code_now(&mut self, now: Instant) {
        self.release_code_at = Some(now);
    }
}

impl MainLoop<'_> {
    /// The next deadline of all, if there is one.
    pub(super) fn next_wakeup(&mut self) -> Option<Instant> {
        let watchdog = self.health.deadline();
        let probes = self.sockets.as_ref().and_then(Sockets::deadline);
        let ready_when = self.ready_when.as_ref().and_then(ReadyWhen::deadline);
        let others = earliest(&[self.shutdown.deadline(), probes, ready_when]);
        let interval = match (others, self.options.notify) {
            (None, Some(_)) => self.health.watchdog().map(watchdog_check_interval),
            (_, None) | (Some(_), _) => None,
        };
        let deadline = earliest(&[watchdog, others]);
        let detector = &mut self.clock.pause_detector;
        let pause_check = detector.next_wakeup(deadline, interval, Instant::now);
        earliest(&[self.clock.release_code_at, pause_check])
    }

    /// Moves every deadline, because neither hinit nor the server ran for this time.
    pub(super) fn postpone_deadlines(&mut self, pause: Duration) {
        self.log().verbose(format_args!(
            "hinit was paused for {}; every deadline moves by that time",
            ShortDuration(pause)
        ));
        self.shutdown.postpone(pause);
        self.health.postpone(pause, self.clock.now());
        if let Some(sockets) = &mut self.sockets {
            sockets.postpone(pause);
        }
        if let Some(ready_when) = &mut self.ready_when {
            ready_when.postpone(pause);
        }
    }

    /// Does what is due by now. An error: the server could not be started.
    pub(super) fn handle_deadlines(&mut self) -> error::Result<StopEvent> {
        // A child that was made with another exit signal than SIGCHLD, or with none, ends without a SIGCHLD. The end
        // of an orphan must not keep hinit from what is due: where processes fork without end, one has ended each time.
        if self.shutdown.is_ending()
            && let Some(event @ (StopEvent::ServerEnded | StopEvent::NoneLeft)) = self.reap(None)?
        {
            return Ok(event);
        }
        let now = self.clock.now();
        if self.clock.release_code_at.is_some_and(|at| at <= now) {
            self.clock.release_code_at = None;
            self.server.begin_to_count_oom_kills();
            sys::release_code();
        }
        if let Some(sockets) = &mut self.sockets {
            sockets.expire(&self.health, now);
        }
        let log = self.log();
        if let Some(ready_when) = &mut self.ready_when {
            ready_when.handle_deadline(now, log);
        }
        self.warn_if_late(now);
        Ok(if self.take_watchdog_expiry(now) {
            StopEvent::WatchdogExpired
        } else {
            StopEvent::Deadline
        })
    }
}
