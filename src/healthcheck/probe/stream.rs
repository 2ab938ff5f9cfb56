//! The exchange of a request and an answer over a connection, as they are or through TLS.

use std::time::{Duration, Instant};

use super::super::deadline::Deadline;
use super::connection::Connection;
use super::tls::{Session, Settings};
use super::{Finding, Progress, Reader, Unread};
use crate::cli::Address;

/// How long and how much to read on once the finding is known, so that the server can send all of its
/// answer: a server that sends it in steps would log a broken pipe. At most this part of the time that is left.
const REST_TIMEOUT: Duration = Duration::from_millis(100);
const REST_PART: u32 = 8;
const REST_SIZE: usize = 1024 * 1024;

pub(super) struct Stream {
    connection: Connection,
    tls: Option<Session>,
}

/// Connects, sends the request, and gives the answer to the reader.
pub(super) fn exchange(
    address: &Address,
    tls: Option<Settings>,
    request: &[u8],
    deadline: Deadline,
    reader: &mut dyn Reader,
) -> Finding {
    let connection = Connection::connect(address, deadline);
    match connection.and_then(|connection| Stream::over(connection, tls)) {
        Ok(mut stream) => stream.exchange(request, reader),
        Err(finding) => finding,
    }
}

impl Stream {
    /// With these settings the handshake of TLS comes first.
    fn over(mut connection: Connection, tls: Option<Settings>) -> Result<Self, Finding> {
        let session = tls.map(|settings| Session::start(&mut connection, &settings));
        Ok(Self {
            tls: session.transpose()?,
            connection,
        })
    }

    pub(super) fn exchange(&mut self, request: &[u8], reader: &mut dyn Reader) -> Finding {
        let outcome = self.send_and_receive(request, reader);
        if let Some(session) = &mut self.tls {
            session.close(&self.connection);
        }
        match outcome {
            Ok(()) => reader.finish(),
            Err(finding) => finding,
        }
    }

    fn send_and_receive(&mut self, request: &[u8], reader: &mut dyn Reader) -> Result<(), Finding> {
        self.connection.on_timeout = Finding::AnswerTimeout;
        self.send(request)?;
        let mut unread = Unread::default();
        let mut bytes = [0; 4096];
        // How many bytes may follow the finding, once it is known.
        let mut rest: Option<usize> = None;
        loop {
            let length = match self.receive(&mut bytes) {
                Ok(0) => return Ok(()),
                // The finding is known, and does not depend on the rest.
                Err(_) if rest.is_some() => return Ok(()),
                length => length?,
            };
            match unread.feed(bytes.get(..length).unwrap_or_default(), reader) {
                Progress::Undecided => {}
                Progress::Decided => {
                    if rest.is_none() {
                        self.shorten_deadline();
                    }
                    rest = rest.unwrap_or(REST_SIZE).checked_sub(length);
                    if rest.is_none() {
                        return Ok(());
                    }
                }
                Progress::Complete => return Ok(()),
            }
        }
    }

    fn shorten_deadline(&mut self) {
        let now = Instant::now();
        let left = self.connection.deadline.at.saturating_duration_since(now);
        self.connection.deadline.at = now + REST_TIMEOUT.min(left / REST_PART);
    }

    fn send(&mut self, bytes: &[u8]) -> Result<(), Finding> {
        match &mut self.tls {
            None => self.connection.send(bytes),
            Some(session) => session.send(&self.connection, bytes),
        }
    }

    fn receive(&mut self, bytes: &mut [u8]) -> Result<usize, Finding> {
        match &mut self.tls {
            None => self.connection.receive(bytes),
            Some(session) => session.receive(&self.connection, bytes),
        }
    }
}
