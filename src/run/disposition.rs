//! What becomes of a signal that hinit receives, other than SIGCHLD.

use nix::libc::{SIGTSTP, SIGTTIN, SIGTTOU, c_int};

use crate::cli::Run;

/// The stop signals of job control that a process can handle (signal(7)).
const JOB_CONTROL: [c_int; 3] = [SIGTSTP, SIGTTIN, SIGTTOU];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Disposition {
    /// The signal that the server gets. None: hinit drops it (`--rewrite TERM=0`).
    pub(super) pass_on_as: Option<c_int>,
    /// It asks for a stop.
    pub(super) is_stop: bool,
    /// hinit stops as well, because the sender cannot see the server stop. On a terminal hinit follows the
    /// server's own stop instead.
    pub(super) stops_hinit: bool,
}

/// `is_alone`: hinit has no terminal, and is not PID 1, which the kernel does not stop. (A function, because only job
/// control asks for it.)
pub(super) fn decide(signal: c_int, options: &Run, is_alone: impl FnOnce() -> bool) -> Disposition {
    let pass_on_as = options.rewrites.apply(signal);
    Disposition {
        pass_on_as,
        is_stop: pass_on_as.is_some() && options.stop.signals.contains(signal),
        stops_hinit: JOB_CONTROL.contains(&signal) && options.profile.stops && is_alone(),
    }
}

#[cfg(test)]
mod tests;
