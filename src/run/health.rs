//! The server's health: what hinit and the server's notify messages have established, and the verdicts that
//! follow. Pure: the caller passes the time.

use std::time::{Duration, Instant};

use nix::unistd::Pid;

use super::notify::NotifyEvent;
use crate::cli::Notify;
use crate::time::earliest;
use crate::verdict::Verdict;

mod json;
mod phase;

use phase::Phase;

/// How long a server may take to be ready before hinit warns.
const READY_WARNING_AFTER: Duration = Duration::from_mins(1);

/// How many bytes of the server's `STATUS=` are kept.
const MAX_STATUS: usize = 256;

#[cfg_attr(test, derive(Clone))]
pub(super) struct Health {
    /// None: it has ended.
    server: Option<Pid>,
    started: Instant,
    stage: Stage,
    pending: Pending,
    /// When to warn that the server is not ready, unless hinit has warned already.
    ready_warning_at: Option<Instant>,
    stopping: Option<Stopping>,
    /// The phase when hinit was first asked to stop the server.
    phase_at_stop: Option<Phase>,
    /// A signal or a terminal has stopped the server, and nothing has continued it.
    is_suspended: bool,
    /// The longest time between two watchdog pings.
    watchdog: Option<Duration>,
    /// The first ping starts the watchdog, because a server may take its time to start.
    last_ping: Option<Instant>,
    /// Whether the current silence was already logged.
    warned_silent: bool,
    /// The server's `STATUS=`.
    status: String,
    /// The server's `ERRNO=`.
    errno: Option<i32>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The child has not executed the server yet.
    Launching,
    Running,
    /// The server has sent `RELOADING=1`, and no `READY=1` since.
    Reloading,
}

/// What the server still has to do before it is ready.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Pending {
    /// Send `READY=1`.
    ready_message: bool,
    /// Pass the probes of `--ready-when`.
    probes: bool,
}

impl Pending {
    const NOTHING: Self = Self {
        ready_message: false,
        probes: false,
    };
}

/// Why the server counts as stopping.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stopping {
    /// hinit was asked to stop it, and so to stop each process that replaces it.
    Requested,
    /// This server has sent `STOPPING=1`.
    Announced,
}

impl Health {
    /// `has_probes`: the server is ready only after the probes of `--ready-when`.
    pub(super) fn new(
        server: Pid,
        notify: Option<&Notify>,
        has_probes: bool,
        now: Instant,
    ) -> Self {
        Self {
            server: Some(server),
            started: now,
            stage: Stage::Launching,
            pending: Pending {
                ready_message: notify.is_some(),
                probes: has_probes,
            },
            ready_warning_at: None,
            stopping: None,
            phase_at_stop: None,
            is_suspended: false,
            watchdog: notify.and_then(|notify| notify.watchdog),
            last_ping: None,
            warned_silent: false,
            status: String::new(),
            errno: None,
        }
    }

    /// The child has executed the server.
    pub(super) fn set_started(&mut self, now: Instant) {
        self.started = now;
        if self.stage == Stage::Launching {
            self.stage = Stage::Running;
        }
        self.ready_warning_at = Some(now + READY_WARNING_AFTER);
    }

    /// All probes of `--ready-when` have succeeded.
    pub(super) fn set_probes_passed(&mut self) {
        self.pending.probes = false;
    }

    pub(super) fn apply(&mut self, event: NotifyEvent, now: Instant) {
        match event {
            NotifyEvent::Ready => {
                self.pending.ready_message = false;
                // Its message may arrive before hinit notices its exec.
                self.stage = Stage::Running;
                self.record_ping(now);
            }
            NotifyEvent::WatchdogPing => self.record_ping(now),
            // As if it had sent no ping for the whole interval.
            NotifyEvent::WatchdogTrigger => {
                self.last_ping = self.watchdog.and_then(|watchdog| now.checked_sub(watchdog));
            }
            // A server that has not been ready yet is still starting.
            NotifyEvent::Reloading if self.pending.ready_message => {}
            NotifyEvent::Reloading => self.stage = Stage::Reloading,
            NotifyEvent::Stopping => {
                self.stopping.get_or_insert(Stopping::Announced);
            }
            NotifyEvent::WatchdogTimeout(time) => {
                self.watchdog = Some(time).filter(|time| !time.is_zero());
            }
            NotifyEvent::Status(status) => {
                let end = status.floor_char_boundary(MAX_STATUS);
                self.status.clear();
                self.status.push_str(status.get(..end).unwrap_or_default());
            }
            NotifyEvent::Errno(errno) => self.errno = Some(errno),
            NotifyEvent::ReloadTime(_)
            | NotifyEvent::MainPid(_)
            | NotifyEvent::ExtendTimeout(_)
            | NotifyEvent::Ignored => {}
        }
    }

    fn record_ping(&mut self, now: Instant) {
        self.last_ping = Some(now);
        self.warned_silent = false;
    }

    pub(super) fn set_ended(&mut self) {
        self.server = None;
    }

    /// Another process is the server now. The old one's `STOPPING=1` and its silence do not concern it.
    pub(super) fn replace_server(&mut self, server: Pid, is_suspended: bool, now: Instant) {
        self.server = Some(server);
        self.is_suspended = is_suspended;
        self.clear_announced_stop();
        if self.last_ping.is_some() {
            self.record_ping(now);
        }
    }

    /// The previous server has ended: a `STOPPING=1` since the replacement may have been its own.
    pub(super) fn clear_announced_stop(&mut self) {
        self.stopping = self
            .stopping
            .filter(|stopping| *stopping == Stopping::Requested);
    }

    pub(super) fn set_suspended(&mut self, is_suspended: bool) {
        self.is_suspended = is_suspended;
    }

    pub(super) fn set_stop_requested(&mut self, now: Instant) {
        self.phase_at_stop.get_or_insert(self.phase(now));
        self.stopping = Some(Stopping::Requested);
    }

    /// What was wrong with the server then: most likely that is why hinit was asked.
    pub(super) fn fault_at_stop(&self) -> Option<Verdict> {
        let fault = self.phase_at_stop.filter(Phase::is_fault);
        fault.map(Phase::liveness)
    }

    /// Whether the server runs and pings its watchdog; if not, only a restart helps.
    pub(super) fn liveness(&self, now: Instant) -> Verdict {
        self.phase(now).liveness()
    }

    /// Whether the server may get requests: it is alive, has become ready, and is not stopping. One that
    /// reloads keeps serving with its old configuration.
    pub(super) fn readiness(&self, now: Instant) -> Verdict {
        self.phase(now).readiness()
    }

    fn phase(&self, now: Instant) -> Phase {
        let Some(pid) = self.server else {
            return Phase::Ended;
        };
        if self.is_suspended {
            return Phase::Stopped(pid);
        }
        if let Some(silent) = self.silent(now) {
            return silent;
        }
        if self.stopping.is_some() {
            return Phase::Stopping(pid);
        }
        match self.stage {
            Stage::Launching => Phase::Launching(pid),
            Stage::Running | Stage::Reloading if self.pending != Pending::NOTHING => {
                Phase::Starting(pid)
            }
            Stage::Running => Phase::Ready(pid),
            Stage::Reloading => Phase::Reloading(pid),
        }
    }

    /// Whether the server has sent `READY=1` and passed hinit's probes, as far as each is required.
    pub(super) fn has_become_ready(&self) -> bool {
        self.pending == Pending::NOTHING && self.stage != Stage::Launching
    }

    /// The silence that is longer than the watchdog allows. A server that stops need not ping.
    fn silent(&self, now: Instant) -> Option<Phase> {
        let (watchdog, last_ping) = (self.watchdog?, self.last_ping?);
        let silence = now.saturating_duration_since(last_ping);
        let is_too_long = self.stopping.is_none() && silence >= watchdog;
        is_too_long.then_some(Phase::Silent { silence, watchdog })
    }

    pub(super) fn watchdog(&self) -> Option<Duration> {
        self.watchdog
    }

    /// The server was paused for this time and could not ping. A watchdog that ran out meanwhile starts anew.
    pub(super) fn postpone(&mut self, by: Duration, now: Instant) {
        if let Some(last_ping) = &mut self.last_ping
            && !self.warned_silent
        {
            let has_run_out = self
                .watchdog
                .is_some_and(|watchdog| *last_ping + watchdog <= now);
            *last_ping = if has_run_out { now } else { *last_ping + by };
        }
        if let Some(at) = &mut self.ready_warning_at {
            *at += by;
        }
    }

    /// When hinit may have to warn: of silence, or that the server is not ready.
    pub(super) fn deadline(&self) -> Option<Instant> {
        if !self.is_watched() {
            return None;
        }
        let silent_at = match (self.last_ping, self.watchdog) {
            (Some(last_ping), Some(watchdog)) if !self.warned_silent => Some(last_ping + watchdog),
            _ => None,
        };
        let warning_at = self.ready_warning_at.filter(|_| !self.has_become_ready());
        earliest(&[silent_at, warning_at])
    }

    /// A server that stops need neither ping nor become ready.
    fn is_watched(&self) -> bool {
        self.server.is_some() && self.stopping.is_none()
    }

    /// Whether to warn now that the server is not ready. True at most once.
    pub(super) fn take_ready_warning(&mut self, now: Instant) -> bool {
        let is_due = self.ready_warning_at.is_some_and(|at| at <= now)
            && self.is_watched()
            && !self.has_become_ready();
        if is_due {
            self.ready_warning_at = None;
        }
        is_due
    }

    /// The verdict to warn of, if the server is silent for too long; once for each silence.
    pub(super) fn take_silence_warning(&mut self, now: Instant) -> Option<Verdict> {
        if self.warned_silent || self.server.is_none() {
            return None;
        }
        let silent = self.silent(now)?;
        self.warned_silent = true;
        Some(silent.liveness())
    }
}

#[cfg(test)]
pub(crate) mod tests;
