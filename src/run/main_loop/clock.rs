//! When hinit comes back by itself, and what is due then.

use std::time::{Duration, Instant};

use super::MainLoop;
use crate::error::Error;
use crate::run::pause::watchdog_look_interval;
use crate::run::ready::ReadyWhen;
use crate::run::shutdown::StopEvent;
use crate::run::sockets::Sockets;
use crate::sys;
use crate::time::{Rounded, earliest};

impl MainLoop<'_> {
    /// When to come back at the latest, if nothing else happens.
    pub(super) fn next_wakeup(&mut self) -> Option<Instant> {
        let watchdog = self.health.deadline();
        let probes = self.sockets.as_ref().and_then(Sockets::deadline);
        let asking = self.ready_when.as_ref().and_then(ReadyWhen::deadline);
        let others = earliest(&[self.shutdown.deadline(), probes, asking]);
        let interval = match (others, self.options.notify) {
            (None, Some(_)) => self.health.watchdog().map(watchdog_look_interval),
            _ => None,
        };
        let deadline = earliest(&[watchdog, others]);
        let look = self
            .pause_detector
            .next_wakeup(deadline, interval, Instant::now);
        earliest(&[self.release_code_at, look])
    }

    /// hinit stood still, and with it the server: every deadline that runs moves by that time.
    pub(super) fn postpone_deadlines(&mut self, pause: Duration) {
        self.log.verbose(format_args!(
            "hinit was paused for {}; every deadline moves by that time",
            Rounded(pause)
        ));
        self.shutdown.postpone(pause);
        self.health.postpone(pause, Instant::now());
        if let Some(sockets) = &mut self.sockets {
            sockets.postpone(pause);
        }
        if let Some(ready_when) = &mut self.ready_when {
            ready_when.postpone(pause);
        }
    }

    /// What is due by now. An error, if the server could not be started.
    pub(super) fn handle_deadlines(&mut self) -> Result<StopEvent, Error> {
        // Before hinit leaves somebody behind. The end of a child that was made with another exit signal
        // than SIGCHLD may even send no signal at all.
        if self.shutdown.is_ending()
            && let Some(event) = self.reap()?
        {
            return Ok(event);
        }
        let now = Instant::now();
        if self.release_code_at.is_some_and(|at| at <= now) {
            self.release_code_at = None;
            sys::release_code();
        }
        if let Some(sockets) = &mut self.sockets {
            sockets.expire(&self.health, now);
        }
        if let Some(ready_when) = &mut self.ready_when {
            ready_when.handle_deadline(now, self.log);
        }
        self.warn_if_late(now);
        Ok(if self.is_watchdog_due(now) {
            StopEvent::Silent
        } else {
            StopEvent::Deadline
        })
    }
}
