//! One connection: what has been read of a request, and by when all of it must be there.

use std::fmt::Write;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, Shutdown, recv, send, shutdown};

use super::request::{MAX_BYTES, Page, Refusal, Request, Then};
use crate::run::health::Health;
use crate::text::Buffer;

/// What a client has for one request, from its first byte on; and then to take leave.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);

/// A place for a connection.
pub(super) struct Connection {
    socket: Option<OwnedFd>,
    /// What was read and not yet answered: so many bytes.
    bytes: [u8; MAX_BYTES],
    length: usize,
    /// When it came, or was answered last.
    since: Instant,
    /// Nothing was answered yet.
    is_new: bool,
    /// By when there must be a whole request, if there is a part of one.
    deadline: Option<Instant>,
    /// It was answered for the last time. What the client still sends is thrown away: to close at once
    /// would throw away the answer.
    is_over: bool,
}

impl Connection {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            socket: None,
            bytes: [0; MAX_BYTES],
            length: 0,
            since: now,
            is_new: true,
            deadline: None,
            is_over: false,
        }
    }

    pub(super) fn open(&mut self, socket: OwnedFd, now: Instant) {
        self.close();
        self.socket = Some(socket);
        self.since = now;
    }

    pub(super) fn keep(&self, keep: &mut dyn FnMut(BorrowedFd)) {
        if let Some(socket) = &self.socket {
            keep(socket.as_fd());
        }
    }

    pub(super) fn close(&mut self) {
        self.socket = None;
        self.length = 0;
        self.is_new = true;
        self.deadline = None;
        self.is_over = false;
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    pub(super) fn deadline_mut(&mut self) -> Option<&mut Instant> {
        self.deadline.as_mut()
    }

    /// Whether it is there, and asks nothing. Who is new is about to ask: else the next one to come would
    /// take its place before its request is there.
    pub(super) fn is_idle(&self) -> bool {
        let asks = self.is_new || self.deadline.is_some();
        self.socket.is_some() && (self.is_over || !asks)
    }

    /// Who has to go first where there is no place left: nobody, those who ask nothing, those who
    /// have been at it for the longest time.
    pub(super) fn rank(&self) -> (bool, bool, Instant) {
        (self.socket.is_some(), !self.is_idle(), self.since)
    }

    /// Reads once, and answers each whole request. What is left is announced again.
    pub(super) fn attend(&mut self, health: &Health, now: Instant) {
        match self.read() {
            Ok(0) => self.close(),
            Ok(_) if self.is_over => self.length = 0,
            Ok(_) => {
                self.deadline.get_or_insert(now + REQUEST_TIMEOUT);
                self.answer_all(health, now);
            }
            Err(Errno::EAGAIN) => {}
            Err(_) => self.close(),
        }
    }

    fn read(&mut self) -> nix::Result<usize> {
        let Some(socket) = &self.socket else {
            return Err(Errno::EAGAIN);
        };
        let room = self.bytes.get_mut(self.length..).unwrap_or_default();
        let count = recv(socket.as_raw_fd(), room, MsgFlags::empty())?;
        self.length += count;
        Ok(count)
    }

    fn answer_all(&mut self, health: &Health, now: Instant) {
        while self.length > 0 {
            let bytes = self.bytes.get(..self.length).unwrap_or_default();
            let Some(request) = Request::read(bytes) else {
                return;
            };
            self.bytes.copy_within(request.length..self.length, 0);
            self.length -= request.length;
            self.since = now;
            self.is_new = false;
            self.deadline = (self.length > 0).then_some(now + REQUEST_TIMEOUT);
            self.answer(&request, health, now);
        }
    }

    fn answer(&mut self, request: &Request, health: &Health, now: Instant) {
        let Some(socket) = &self.socket else { return };
        let answer = write_answer(request, health, now);
        let sent = send(socket.as_raw_fd(), answer.bytes(), MsgFlags::MSG_NOSIGNAL);
        // There always is room for one answer, unless the client asks on and on and does not read.
        let is_sent = sent == Ok(answer.bytes().len());
        match request.then {
            Then::Keep if is_sent => {}
            Then::Linger if is_sent => self.linger(now),
            _ => self.close(),
        }
    }

    fn linger(&mut self, now: Instant) {
        if let Some(socket) = &self.socket {
            // It fails where the client has gone, and then nothing is left to be sent.
            let _gone = shutdown(socket.as_raw_fd(), Shutdown::Write);
        }
        self.is_over = true;
        self.length = 0;
        self.deadline = Some(now + REQUEST_TIMEOUT);
    }

    /// Ends what has taken too long.
    pub(super) fn expire(&mut self, health: &Health, now: Instant) {
        if self.deadline.is_none_or(|deadline| deadline > now) {
            return;
        }
        if self.is_over {
            return self.close();
        }
        let too_late = Request::refused(Refusal::TookTooLong, 0);
        self.answer(&too_late, health, now);
    }
}

/// Enough for the longest of them.
type Answer = Buffer<2048>;

/// The whole answer. Its reason phrase is the verdict, so that it is also seen where only that is
/// shown, or only the head was wanted.
fn write_answer(request: &Request, health: &Health, now: Instant) -> Answer {
    let (mut status, mut body) = (Buffer::<256>::new(), Buffer::<1536>::new());
    let mut kind = "text/plain; charset=utf-8";
    // There is room for all of it.
    let _fits = match request.asks {
        Ok(page) => {
            let verdict = match page {
                Page::Liveness => health.liveness(now),
                Page::Readiness | Page::Status => health.readiness(now),
            };
            let code = if verdict.is_healthy() { 200 } else { 503 };
            let _fits = match page {
                Page::Liveness | Page::Readiness => writeln!(body, "{verdict}"),
                Page::Status => {
                    kind = "application/json";
                    health.write_json(&mut body, now)
                }
            };
            write!(status, "{code} {verdict}")
        }
        Err(refusal) => {
            let _fits = writeln!(body, "{}", refusal.status());
            status.write_str(refusal.status())
        }
    };
    let mut answer = Answer::new();
    let _fits = write!(
        answer,
        "HTTP/1.1 {}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n{}{}\r\n{}",
        status.text(),
        body.bytes().len(),
        if request.then == Then::Keep {
            ""
        } else {
            "Connection: close\r\n"
        },
        if request.asks == Err(Refusal::NotAllowed) {
            "Allow: GET, HEAD\r\n"
        } else {
            ""
        },
        if request.is_head { "" } else { body.text() },
    );
    answer
}
