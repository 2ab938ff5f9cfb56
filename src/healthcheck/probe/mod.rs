//! What a health check asks besides the PID file: each probe has one outcome.

use std::fmt;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::UnixCredentials;
use nix::unistd::Pid;

use super::Deadline;
use crate::cli::{Address, Http, Probe, Url};
use crate::file::Entry;
use crate::sys::describe;
use crate::time::{Exact, millis};

mod grpc;
mod heartbeat;
mod http;
mod stream;

use stream::Stream;

/// What a probe has found, and how long that took.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) name: String,
    pub(crate) finding: Finding,
    pub(crate) after: Duration,
}

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

impl Outcome {
    pub(crate) fn is_healthy(&self) -> bool {
        use Finding::{Accepts, Answered, Fresh, Serving};
        matches!(self.finding, Accepts | Answered(..) | Serving | Fresh(_))
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self {
            name,
            finding,
            after,
        } = self;
        write!(f, "{name} {finding}")?;
        match finding {
            // A look at a file takes no time worth telling, and a timeout tells its own.
            Finding::Fresh(_)
            | Finding::NoHeartbeat(_)
            | Finding::NoConnection(_)
            | Finding::NoAnswer(_) => Ok(()),
            _ => write!(f, " after {}ms", millis(*after)),
        }
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
            Self::Fresh(age) => write!(f, "was touched {} ago", Seconds(*age)),
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
                write!(f, "{what} within --timeout {}", Exact(*timeout))
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
                let name = grpc::status_name(*status);
                write!(f, "answered gRPC status {status} ({name})")
            }
            Self::Refused(code) => write!(f, "refused the request (HTTP/2 error {code})"),
            Self::NoHeartbeat(why) => f.write_str(why),
        }
    }
}

/// A time in seconds and tenths: `30.0s`.
struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}.{}s", self.0.as_secs(), self.0.subsec_millis() / 100)
    }
}

/// Asks once. (Apart from its caller, whose stack would else be larger by an answer's buffers, and cost
/// a health check without probes a page or two.)
#[inline(never)]
pub(crate) fn ask(probe: &Probe, http: &Http, deadline: Deadline) -> Outcome {
    let start = Instant::now();
    let (name, finding) = match probe {
        Probe::Heartbeat(path, max_age) => (
            format!("heartbeat {}", path.display()),
            heartbeat::look(path, *max_age),
        ),
        Probe::Unix(path) => {
            let address = Address::Unix(path.clone());
            (
                format!("unix {}", path.display()),
                connect(&address, deadline),
            )
        }
        Probe::Tcp(endpoint) => (
            format!("tcp {}", endpoint.text),
            connect(&endpoint.address, deadline),
        ),
        Probe::Http(url) => {
            let mut answer = http::Answer::new(http);
            let request = http::request(url, http);
            let finding = stream::converse(&url.address, &request, deadline, &mut answer);
            (url.text.clone(), finding)
        }
        Probe::Grpc(endpoint) => {
            let mut answer = grpc::Answer::new();
            let request = grpc::request(endpoint, &http.headers);
            let finding = stream::converse(&endpoint.address, &request, deadline, &mut answer);
            (format!("grpc {}", endpoint.text), finding)
        }
    };
    let after = start.elapsed();
    Outcome {
        name,
        finding,
        after,
    }
}

/// Asks a web server at a Unix socket, unless there is a reason not to believe whoever has made that:
/// whatever it answers.
pub(super) fn ask_at(
    socket: &Entry,
    distrust: &dyn Fn(UnixCredentials) -> Option<Finding>,
    target: &str,
    deadline: Deadline,
) -> Finding {
    let mut stream = match Stream::at(socket, deadline) {
        Ok(stream) => stream,
        Err(finding) => return finding,
    };
    match stream.peer().map(distrust) {
        Ok(None) => {}
        Ok(Some(finding)) => return finding,
        Err(errno) => return Finding::BrokeOff(errno),
    }
    let http = Http {
        head: false,
        headers: Vec::new(),
        expect: vec![100..=599],
        contains: Vec::new(),
    };
    let url = Url {
        text: String::new(),
        // The connection is there.
        address: Address::Tcp(Vec::new()),
        host: "localhost".to_owned(),
        target: target.to_owned(),
    };
    let mut answer = http::Answer::new(&http);
    stream.converse(&http::request(&url, &http), &mut answer)
}

fn connect(address: &Address, deadline: Deadline) -> Finding {
    match Stream::connect(address, deadline) {
        Ok(_accepted) => Finding::Accepts,
        Err(finding) => finding,
    }
}

/// How far an answer has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Undecided,
    /// The finding is known, but the server has not sent all of its answer.
    Decided,
    Complete,
}

/// An answer that is read piece by piece, however it was cut.
trait Reader {
    fn take(&mut self, bytes: &[u8]) -> Progress;

    /// What is found. No more bytes are read.
    fn end(&mut self) -> Finding;
}

#[cfg(any(fuzzing, test))]
pub(crate) mod fuzz;
#[cfg(test)]
pub(crate) mod tests;
