//! The probes of a health check: each request to the server besides the PID file, and its outcome.

use std::fmt;
use std::time::{Duration, Instant};

use super::deadline::Deadline;
use crate::cli::{Address, Exchange, Healthcheck, Probe, Written};
use crate::verdict::Finding;

mod connection;
mod fastcgi;
mod grpc;
mod heartbeat;
mod http;
mod reply;
mod stream;
#[cfg_attr(not(feature = "tls"), path = "no_tls.rs")]
mod tls;

pub(super) use connection::Connection;
use tls::Settings;

/// What a probe has found, and how long that took.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome<'a> {
    pub(crate) name: ProbeName<'a>,
    pub(crate) finding: Finding,
    pub(crate) elapsed: Duration,
}

/// A probe as people read it: `tcp 127.0.0.1:5432`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ProbeName<'a>(pub(crate) &'a Written<Probe>);

impl Outcome<'_> {
    pub(crate) fn is_healthy(&self) -> bool {
        self.finding.is_healthy()
    }
}

impl fmt::Display for ProbeName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self.0.value {
            Probe::Heartbeat(..) => "heartbeat ",
            Probe::Unix(_) => "unix ",
            Probe::Tcp(_) => "tcp ",
            Probe::Http(_) => "",
            Probe::Fastcgi(_) => "fastcgi ",
            Probe::Grpc(_) => "grpc ",
        })?;
        f.write_str(&self.0.text)
    }
}

/// Runs a probe once.
// Not inlined: the buffers for an answer would make the caller's stack larger, and cost a health check without probes a
// page or two.
#[inline(never)]
pub(crate) fn run<'a>(
    probe: &'a Written<Probe>,
    options: &Healthcheck,
    deadline: Deadline,
) -> Outcome<'a> {
    let start = Instant::now();
    let http = &options.http;
    let exchange = |address: &Address, tls, request: Vec<u8>, reader: &mut dyn Reader| {
        stream::exchange(address, tls, &request, deadline, reader)
    };
    let finding = match &probe.value {
        Probe::Heartbeat(path, max_age) => heartbeat::check(path, *max_age),
        Probe::Unix(path) => talk(&Address::Unix(path.clone()), &options.exchange, deadline),
        Probe::Tcp(endpoint) => talk(&endpoint.address, &options.exchange, deadline),
        Probe::Http(url) => {
            let request = http::request(&url.target, &url.host, http);
            let mut answer = http::Answer::new(http);
            let tls = Settings::of(url.transport, &http.headers, "http/1.1");
            exchange(&url.address, tls, request, &mut answer)
        }
        Probe::Fastcgi(endpoint) => {
            let request = fastcgi::request(&endpoint.service);
            let mut answer = fastcgi::Answer::new(http);
            exchange(&endpoint.address, None, request, &mut answer)
        }
        Probe::Grpc(endpoint) => {
            let request = grpc::request(endpoint, &http.headers);
            let mut answer = grpc::Answer::default();
            let tls = Settings::of(endpoint.transport, &http.headers, "h2");
            exchange(&endpoint.address, tls, request, &mut answer)
        }
    };
    Outcome {
        name: ProbeName(probe),
        finding,
        elapsed: start.elapsed(),
    }
}

/// Connects, and looks at the answer if one is expected.
fn talk(address: &Address, exchange: &Exchange, deadline: Deadline) -> Finding {
    if !exchange.reply.is_empty() {
        let mut answer = reply::Answer::new(&exchange.reply);
        let tls = Settings::of(exchange.transport, &[], "");
        return stream::exchange(address, tls, &exchange.send, deadline, &mut answer);
    }
    match Connection::connect(address, deadline) {
        Ok(_connected) => Finding::AcceptsConnections,
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

/// Reads an answer piece by piece, wherever it is cut.
trait Reader {
    /// Takes the bytes that it understands off the front of those that are unread.
    fn read(&mut self, unread: &mut &[u8]) -> Progress;

    /// The finding. No more bytes are read.
    fn finish(&mut self) -> Finding;
}

/// The bytes that a reader has received and not understood yet.
#[derive(Default)]
struct Unread(Vec<u8>);

impl Unread {
    fn feed(&mut self, bytes: &[u8], reader: &mut dyn Reader) -> Progress {
        self.0.extend_from_slice(bytes);
        let mut rest = self.0.as_slice();
        let progress = reader.read(&mut rest);
        let read = self.0.len() - rest.len();
        self.0.drain(..read);
        progress
    }
}

#[cfg(any(fuzzing, test))]
pub(crate) mod fuzz;
