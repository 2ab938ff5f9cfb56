//! Queries hinit about its server, at the socket beside the PID file.

use nix::sys::socket::UnixCredentials;
use nix::unistd::{Pid, getpid};

use super::deadline::Deadline;
use super::probe::get_from;
use crate::file::is_trusted;
use crate::pidfile::{PidFile, SOCKET, beside};
use crate::process;
use crate::verdict::{Finding, Verdict};

#[derive(Clone, Copy, Debug)]
pub(super) enum Query {
    Liveness,
    Readiness,
}

/// Queries the hinit that keeps this PID file. It must be the parent of the process in the file, as far as /proc
/// shows that. None: it reports that the server is healthy.
// Not inlined, because its buffers would make the stack of every health check larger.
#[inline(never)]
pub(super) fn query(
    file: &PidFile,
    parent: Option<Pid>,
    query: Query,
    deadline: Deadline,
) -> Option<Verdict> {
    let target = match query {
        Query::Liveness => "/livez",
        Query::Readiness => "/readyz",
    };
    let distrust = |peer| distrust(peer, parent);
    let finding = match file.socket() {
        Ok(entry) => get_from(&entry, &distrust, target, deadline),
        Err(errno) => Finding::Unreachable(errno),
    };
    match finding {
        Finding::ExpectedStatus(200, _) => None,
        Finding::ExpectedStatus(503, verdict) => {
            let reason = verdict.strip_prefix("unhealthy: ").unwrap_or(&verdict);
            Some(Verdict::ReportedByHinit(file.pid, reason.to_owned()))
        }
        finding => Some(Verdict::SocketFailed(beside(&file.shown, SOCKET), finding)),
    }
}

/// Why the answer of this process does not count, if it does not. The socket can be that of another hinit: a
/// user who may write to the directory can put a symlink there.
fn distrust(peer: UnixCredentials, parent: Option<Pid>) -> Option<Finding> {
    let pid = Pid::from_raw(peer.pid());
    if parent == Some(pid) {
        None
    } else if !is_trusted(peer.uid()) {
        Some(Finding::UntrustedPeer(peer.uid()))
    } else if parent.is_some() && pid != getpid() && process::is_proc_ours() {
        Some(Finding::PeerNotParent(pid))
    } else {
        // /proc does not show the parent, or describes other processes; or the kernel is gVisor's, whose
        // SO_PEERCRED returns the caller's own PID.
        None
    }
}
