//! Who is left below hinit.

use nix::errno::Errno;
use nix::unistd::getpid;

use crate::process::{self, Process, State};
use crate::sys;

/// hinit's children that are alive. Orphans are among them: they come to hinit.
pub(super) fn living() -> Vec<Process> {
    // The kernel knows at once whether there is any; /proc is read only then.
    if sys::ended_child() == Err(Errno::ECHILD) || !process::is_proc_ours() {
        return Vec::new();
    }
    let own = getpid();
    process::all()
        .filter(|process| process.parent == own && process.state != State::Ended)
        .collect()
}
