//! What hinit itself says of its server, on the socket beside the PID file.

use nix::sys::socket::UnixCredentials;
use nix::unistd::{Pid, getpid};

use super::Deadline;
use super::probe::ask_at;
use crate::file::is_trusted;
use crate::pidfile::{PidFile, SOCKET, beside};
use crate::process;
use crate::verdict::{Finding, Verdict};

/// What is to be asked.
#[derive(Clone, Copy, Debug)]
pub(super) enum Question {
    IsAlive,
    IsReady,
}

/// Asks the hinit that keeps this PID file and is the parent of the process in it, as far as /proc tells.
/// None, if it finds nothing wrong. (Apart from its caller, as `probe::ask`.)
#[inline(never)]
pub(super) fn ask(
    file: &PidFile,
    parent: Option<Pid>,
    question: Question,
    deadline: Deadline,
) -> Option<Verdict> {
    let target = match question {
        Question::IsAlive => "/livez",
        Question::IsReady => "/readyz",
    };
    let distrust = |peer| distrust(peer, parent);
    let finding = match file.socket() {
        Ok(entry) => ask_at(&entry, &distrust, target, deadline),
        Err(errno) => Finding::Unreachable(errno),
    };
    match finding {
        Finding::Answered(200, _) => None,
        Finding::Answered(503, said) => {
            let reason = said.strip_prefix("unhealthy: ").unwrap_or(&said);
            Some(Verdict::Said(file.pid, reason.to_owned()))
        }
        finding => Some(Verdict::Unanswered(beside(&file.path, SOCKET), finding)),
    }
}

/// Why what this process answers does not count, if it does not. The name of the socket may lead to that
/// of another hinit: whoever may write the directory can put a symlink there.
fn distrust(peer: UnixCredentials, parent: Option<Pid>) -> Option<Finding> {
    let pid = Pid::from_raw(peer.pid());
    if parent == Some(pid) {
        None
    } else if !is_trusted(peer.uid()) {
        Some(Finding::Untrusted(peer.uid()))
    } else if parent.is_some() && pid != getpid() && process::is_proc_ours() {
        Some(Finding::NotParent(pid))
    } else {
        // /proc does not tell the parent, or speaks of other processes; or the kernel is gVisor's, which takes
        // the caller for the peer (SO_PEERCRED).
        None
    }
}
