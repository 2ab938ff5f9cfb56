//! Every finding of a probe, and its text.

use std::fmt;
use std::time::Duration;

use nix::errno::Errno;
use nix::unistd::Pid;

use crate::file::Kind;
use crate::sys::describe;
use crate::text::Escaped;
use crate::time::{ExactDuration, SecondsAndTenths};

#[cfg_attr(not(any(feature = "tls", test)), path = "finding/no_tls.rs")]
mod tls;

pub(crate) use tls::TlsFault;

/// What a probe has found. Its text follows the name of the probe.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    AcceptsConnections,
    /// The answer begins with `--reply`.
    ExpectedReply,
    /// An expected answer: its status code and reason phrase.
    ExpectedStatus(u16, String),
    Serving,
    /// The age of a heartbeat file.
    FreshHeartbeat(Duration),

    Unreachable(Errno),
    /// The user that has made the socket.
    UntrustedPeer(u32),
    /// The process that has made the socket, which is not the server's parent.
    PeerNotParent(Pid),
    /// There was no connection within this `--timeout`.
    ConnectTimeout(Duration),
    AnswerTimeout(Duration),
    /// The server closed the connection before its answer was complete.
    ClosedEarly,
    ConnectionLost(Errno),
    /// The server does not use this protocol.
    WrongProtocol(&'static str),
    /// The beginning of an answer that does not begin with `--reply`.
    UnexpectedReply(Vec<u8>),
    HeadersTooLong,
    UnexpectedStatus(u16, String),
    /// An expected answer, but its body does not contain this text.
    TextMissing(u16, String),
    /// An expected answer, but its body contains this text.
    TextPresent(u16, String),
    /// An expected answer, but the end of its body was not searched.
    BodyTooLong(u16),
    /// A status of the gRPC health protocol that is not SERVING.
    NotServing(u64),
    /// The status of a gRPC call that failed.
    GrpcStatus(u32),
    /// The server has refused the request by this protocol, with this code of an error.
    Refused(&'static str, u32),
    BadHeartbeat(HeartbeatFault),
    #[cfg_attr(
        not(any(feature = "tls", test)),
        allow(dead_code, reason = "this build has no TLS")
    )]
    Tls(TlsFault),
}

/// Why a heartbeat file does not count.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum HeartbeatFault {
    Missing,
    Unreadable(Errno),
    NotRegular(Kind),
    NoClock,
    InFuture,
    TooOld { age: Duration, max_age: Duration },
}

impl Finding {
    pub(crate) fn is_healthy(&self) -> bool {
        use Finding::{AcceptsConnections, ExpectedReply, ExpectedStatus, FreshHeartbeat, Serving};
        matches!(
            self,
            AcceptsConnections | ExpectedReply | ExpectedStatus(..) | Serving | FreshHeartbeat(_)
        )
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::AcceptsConnections => f.write_str("accepts connections"),
            Self::ExpectedReply => f.write_str("answered as expected"),
            Self::ExpectedStatus(code, reason) | Self::UnexpectedStatus(code, reason) => {
                let blank = if reason.is_empty() { "" } else { " " };
                write!(f, "answered {code}{blank}{reason}")
            }
            Self::Serving => f.write_str("answered SERVING"),
            Self::FreshHeartbeat(age) => write!(f, "was touched {} ago", SecondsAndTenths(*age)),
            Self::Unreachable(errno) => write!(f, "cannot be reached: {}", describe(*errno)),
            Self::UntrustedPeer(user) => {
                write!(f, "belongs to UID {user}, which is not trusted")
            }
            Self::PeerNotParent(pid) => {
                write!(
                    f,
                    "belongs to process {pid}, which is not the server's parent"
                )
            }
            Self::ConnectTimeout(timeout) => {
                let timeout = ExactDuration(*timeout);
                write!(f, "accepted no connection within --timeout {timeout}")
            }
            Self::AnswerTimeout(timeout) => {
                let timeout = ExactDuration(*timeout);
                write!(f, "gave no complete answer within --timeout {timeout}")
            }
            Self::ClosedEarly => f.write_str("closed the connection without a complete answer"),
            Self::ConnectionLost(errno) => {
                write!(f, "lost the connection: {}", describe(*errno))
            }
            Self::WrongProtocol(protocol) => write!(f, "sent an answer that is not {protocol}"),
            Self::UnexpectedReply(bytes) => {
                let text = Escaped(bytes);
                write!(f, "answered `{text}` instead of --reply")
            }
            Self::HeadersTooLong => f.write_str("sent more than 16 KiB or 100 fields of headers"),
            Self::TextMissing(code, text) => write!(
                f,
                "answered {code}, but the first 64 KiB of the body do not contain `{text}`"
            ),
            Self::TextPresent(code, text) => {
                write!(f, "answered {code}, but the body contains `{text}`")
            }
            Self::BodyTooLong(code) => write!(
                f,
                "answered {code}, but the body is longer than the 64 KiB that `--lacks` can search"
            ),
            Self::NotServing(status) => f.write_str(match status {
                2 => "answered NOT_SERVING",
                3 => "answered SERVICE_UNKNOWN",
                _ => "answered UNKNOWN",
            }),
            Self::GrpcStatus(status) => {
                let name = status_name(*status);
                write!(f, "answered gRPC status {status} ({name})")
            }
            Self::Refused(protocol, code) => {
                write!(f, "refused the request ({protocol} error {code})")
            }
            Self::BadHeartbeat(fault) => write!(f, "{fault}"),
            Self::Tls(fault) => write!(f, "{fault}"),
        }
    }
}

impl fmt::Display for HeartbeatFault {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("does not exist"),
            Self::Unreadable(errno) => write!(f, "cannot be checked: {}", describe(*errno)),
            Self::NotRegular(kind) => write!(f, "is not a regular file ({kind})"),
            Self::NoClock => f.write_str("cannot be compared with the clock"),
            Self::InFuture => f.write_str("was touched in the future"),
            Self::TooOld { age, max_age } => {
                let (age, max_age) = (SecondsAndTenths(*age), SecondsAndTenths(*max_age));
                write!(f, "was touched {age} ago, which is more than {max_age}")
            }
        }
    }
}

/// The name of a gRPC status.
fn status_name(status: u32) -> &'static str {
    // One string, because each pointer in a table costs a relocation at each start.
    const NAMES: &str = "OK,CANCELLED,UNKNOWN,INVALID_ARGUMENT,DEADLINE_EXCEEDED,NOT_FOUND,ALREADY_EXISTS,\
        PERMISSION_DENIED,RESOURCE_EXHAUSTED,FAILED_PRECONDITION,ABORTED,OUT_OF_RANGE,UNIMPLEMENTED,INTERNAL,\
        UNAVAILABLE,DATA_LOSS,UNAUTHENTICATED";
    let mut names = NAMES.split(',');
    let name = usize::try_from(status).ok().and_then(|at| names.nth(at));
    name.unwrap_or("unknown")
}

#[cfg(test)]
pub(crate) mod tests;
