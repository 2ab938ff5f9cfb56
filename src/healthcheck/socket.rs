//! Queries hinit about its server, at the socket beside the PID file.

use nix::sys::socket::UnixCredentials;
use nix::unistd::{Pid, getpid};

use super::deadline::Deadline;
use super::probe::Connection;
use crate::file::is_trusted;
use crate::pidfile::{PidFile, SOCKET, beside};
use crate::process;
use crate::verdict::{Finding, Verdict};

#[derive(Clone, Copy, Debug)]
pub(super) enum Query {
    Liveness,
    Readiness,
}

/// How long the first line of an answer may be. hinit's has a few dozen bytes.
const MAX_LINE: usize = 512;

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
    let mut bytes = [0; MAX_LINE];
    ask(file, parent, query, deadline, &mut bytes)
        .and_then(|answer| judge(answer, file.pid))
        .unwrap_or_else(|finding| Some(Verdict::SocketFailed(beside(&file.shown, SOCKET), finding)))
}

/// The start of hinit's answer, with its first line: the rest of it does not matter, so the code that reads the answers of
/// other servers is not needed.
fn ask<'a>(
    file: &PidFile,
    parent: Option<Pid>,
    query: Query,
    deadline: Deadline,
    bytes: &'a mut [u8; MAX_LINE],
) -> Result<&'a [u8], Finding> {
    let mut connection = Connection::connect_to_hinit(file, deadline)?;
    let peer = connection.peer().map_err(Finding::ConnectionLost)?;
    if let Some(finding) = distrust(peer, parent) {
        return Err(finding);
    }
    connection.on_timeout = Finding::AnswerTimeout;
    connection.send(match query {
        Query::Liveness => b"GET /livez HTTP/1.0\r\n\r\n",
        Query::Readiness => b"GET /readyz HTTP/1.0\r\n\r\n",
    })?;
    let mut length = 0;
    loop {
        let count = connection.receive(bytes.get_mut(length..).unwrap_or_default())?;
        // The answer has ended, or there is no room for such a line.
        if count == 0 {
            return Err(Finding::ClosedEarly);
        }
        length += count;
        if bytes.contains(&b'\n') {
            return Ok(bytes);
        }
    }
}

/// Reads the verdict on this process, which is the reason phrase of the status line (RFC 9112, 4). None: it is healthy.
fn judge(answer: &[u8], pid: Pid) -> Result<Option<Verdict>, Finding> {
    let line = answer.split(|&byte| byte == b'\n').next();
    let status = line.and_then(|line| line.strip_prefix(b"HTTP/1.1 "));
    let status = status.and_then(|status| str::from_utf8(status.trim_ascii_end()).ok());
    let status = status.unwrap_or_default();
    if status.starts_with("200 ") {
        return Ok(None);
    }
    match status.strip_prefix("503 unhealthy: ") {
        Some(reason) => Ok(Some(Verdict::ReportedByHinit(pid, reason.to_owned()))),
        None => Err(Finding::WrongProtocol("hinit's")),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verdict_is_in_the_status_line() {
        const PID: Pid = Pid::from_raw(7);
        let reported = |reason: &str| Ok(Some(Verdict::ReportedByHinit(PID, reason.to_owned())));
        let not_hinits = || Err(Finding::WrongProtocol("hinit's"));
        for (answer, expected) in [
            (
                &b"HTTP/1.1 200 healthy: a\r\n\r\n503 unhealthy: b\n"[..],
                Ok(None),
            ),
            (b"HTTP/1.1 503 unhealthy: a\r\n", reported("a")),
            (b"HTTP/1.1 503 unhealthy: a: b\n", reported("a: b")),
            (b"HTTP/1.1 503 Service Unavailable\r\n", not_hinits()),
            (b"HTTP/1.1 503 unhealthy: \xff\n", not_hinits()),
            (b"HTTP/1.1 404 Not Found\r\n", not_hinits()),
            (b"HTTP/1.1 2000 OK\n", not_hinits()),
            (b"HTTP/1.0 200 healthy: a\n", not_hinits()),
            (b"\nHTTP/1.1 200 healthy: a\n", not_hinits()),
        ] {
            assert_eq!(judge(answer, PID), expected, "{}", answer.escape_ascii());
        }
    }
}
