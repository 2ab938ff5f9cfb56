//! The phase of the server's life that `/status` shows, and the verdicts in it.

use std::time::Duration;

use nix::unistd::Pid;

use crate::verdict::Verdict;

#[derive(Clone, Copy)]
pub(super) enum Phase {
    /// The child has not executed the server yet.
    Launching(Pid),
    /// The server runs and is not ready yet.
    Starting(Pid),
    Ready(Pid),
    Reloading(Pid),
    Stopping(Pid),
    /// It has not pinged its watchdog for longer than that allows.
    Silent {
        silence: Duration,
        watchdog: Duration,
    },
    /// By a signal or a terminal.
    Stopped(Pid),
    Ended,
}

impl Phase {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Launching(_) | Self::Starting(_) => "starting",
            Self::Ready(_) => "ready",
            Self::Reloading(_) => "reloading",
            Self::Stopping(_) => "stopping",
            Self::Silent { .. } => "silent",
            Self::Stopped(_) => "stopped",
            Self::Ended => "ended",
        }
    }

    /// Whether something is wrong with the server.
    pub(super) fn is_fault(&self) -> bool {
        matches!(self, Self::Silent { .. } | Self::Stopped(_))
    }

    pub(super) fn liveness(self) -> Verdict {
        match self {
            Self::Launching(pid)
            | Self::Starting(pid)
            | Self::Ready(pid)
            | Self::Reloading(pid)
            | Self::Stopping(pid) => Verdict::Healthy(pid),
            Self::Silent { silence, watchdog } => Verdict::Silent { silence, watchdog },
            Self::Stopped(pid) => Verdict::Stopped(pid),
            Self::Ended => Verdict::NoServer,
        }
    }

    pub(super) fn readiness(self) -> Verdict {
        match self {
            Self::Launching(_) => Verdict::NoServer,
            Self::Starting(pid) => Verdict::NotReady(pid),
            Self::Stopping(pid) => Verdict::Stopping(pid),
            Self::Ready(_)
            | Self::Reloading(_)
            | Self::Silent { .. }
            | Self::Stopped(_)
            | Self::Ended => self.liveness(),
        }
    }
}
