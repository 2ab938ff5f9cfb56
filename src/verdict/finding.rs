//! Every finding of a probe, and its words.

use std::fmt;
use std::time::Duration;

use nix::errno::Errno;
use nix::unistd::Pid;

use crate::sys::describe;
use crate::time::{ExactDuration, SecondsAndTenths};

/// What a probe has found. As a text it goes on after the probe's name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    Accepts,
    /// An answer as expected: its status code and what the server calls it.
    Answered(u16, String),
    Serving,
    /// A file was touched so long ago.
    Fresh(Duration),

    Unreachable(Errno),
    /// This user has made the socket.
    Untrusted(u32),
    /// This process has made the socket, and not the server's parent.
    NotParent(Pid),
    /// The deadline, which comes from this `--timeout`, was first.
    NoConnection(Duration),
    NoAnswer(Duration),
    /// The connection was closed before there was a whole answer.
    Closed,
    BrokeOff(Errno),
    /// Something else than this protocol.
    IsNot(&'static str),
    /// The head of an answer that never ends.
    HeadTooLong,
    Unexpected(u16, String),
    /// An answer as expected, but without this text in its body.
    Lacks(u16, String),
    /// A status of the gRPC health protocol: not SERVING.
    NotServing(u64),
    /// An error of gRPC.
    GrpcStatus(u32),
    /// An error of HTTP/2: the request was refused.
    Refused(u32),
    /// The file that is no heartbeat: why not.
    NoHeartbeat(String),
}

impl Finding {
    pub(crate) fn is_healthy(&self) -> bool {
        use Finding::{Accepts, Answered, Fresh, Serving};
        matches!(self, Accepts | Answered(..) | Serving | Fresh(_))
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Accepts => f.write_str("accepts connections"),
            Self::Answered(code, reason) | Self::Unexpected(code, reason) => {
                write!(f, "answered {code}")?;
                if reason.is_empty() {
                    Ok(())
                } else {
                    write!(f, " {reason}")
                }
            }
            Self::Serving => f.write_str("answered SERVING"),
            Self::Fresh(age) => write!(f, "was touched {} ago", SecondsAndTenths(*age)),
            Self::Unreachable(errno) => write!(f, "cannot be reached: {}", describe(*errno)),
            Self::Untrusted(user) => write!(f, "belongs to UID {user}, which is not trusted"),
            Self::NotParent(pid) => {
                write!(f, "is process {pid}'s, not that of the server's parent")
            }
            Self::NoConnection(timeout) | Self::NoAnswer(timeout) => {
                let what = match self {
                    Self::NoAnswer(_) => "gave no complete answer",
                    _ => "accepted no connection",
                };
                write!(f, "{what} within --timeout {}", ExactDuration(*timeout))
            }
            Self::Closed => f.write_str("closed the connection without a complete answer"),
            Self::BrokeOff(errno) => write!(f, "broke off: {}", describe(*errno)),
            Self::IsNot(protocol) => write!(f, "sent what is not {protocol}"),
            Self::HeadTooLong => f.write_str("sent a head of more than 16 KiB or 100 fields"),
            Self::Lacks(code, text) => {
                write!(
                    f,
                    "answered {code}, but without `{text}` in its first 64 KiB"
                )
            }
            Self::NotServing(status) => f.write_str(match status {
                2 => "answered NOT_SERVING",
                3 => "answered SERVICE_UNKNOWN",
                _ => "answered UNKNOWN",
            }),
            Self::GrpcStatus(status) => {
                let name = status_name(*status);
                write!(f, "answered gRPC status {status} ({name})")
            }
            Self::Refused(code) => write!(f, "refused the request (HTTP/2 error {code})"),
            Self::NoHeartbeat(why) => f.write_str(why),
        }
    }
}

/// The name of a gRPC status.
fn status_name(status: u32) -> &'static str {
    const NAMES: [&str; 17] = [
        "OK",
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
        "UNAUTHENTICATED",
    ];
    let name = usize::try_from(status).ok().and_then(|at| NAMES.get(at));
    name.copied().unwrap_or("unknown")
}

#[cfg(test)]
pub(crate) mod tests;
