//! What a health check asks besides the PID file: each probe has one outcome.

use std::fmt;
use std::time::{Duration, Instant};

use nix::sys::socket::UnixCredentials;

use super::Deadline;
use crate::cli::{Address, Http, Probe, Url};
use crate::file::Entry;
use crate::time::millis;
use crate::verdict::Finding;

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

impl Outcome {
    pub(crate) fn is_healthy(&self) -> bool {
        self.finding.is_healthy()
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
mod tests;
