//! One connection: what was read of a request, and the deadline for the rest of it.

use std::fmt::Write;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollEvent, EpollFlags};
use nix::sys::socket::{MsgFlags, Shutdown, recv, send, shutdown};

use super::request::{AfterAnswer, MAX_BYTES, Page, Refusal, Request};
use crate::run::health::Health;
use crate::text::Buffer;

/// How long a client may take for one request, from its first byte on; and to close the connection after the last
/// answer.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);

pub(super) struct Connection {
    /// None: it is not in use.
    socket: Option<OwnedFd>,
    /// The first `length` of them were read and not yet answered.
    bytes: [u8; MAX_BYTES],
    length: usize,
    /// When it was opened, or answered last.
    last_active: Instant,
    /// It has not had a whole request yet.
    is_new: bool,
    /// For the rest of a request of which a part has arrived.
    deadline: Option<Instant>,
    /// It had its last answer. What the client still sends is discarded, because closing a socket with unread
    /// bytes would discard the answer (RFC 9112, 9.6).
    is_lingering: bool,
}

impl Connection {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            socket: None,
            bytes: [0; MAX_BYTES],
            length: 0,
            last_active: now,
            is_new: true,
            deadline: None,
            is_lingering: false,
        }
    }

    pub(super) fn open(&mut self, socket: OwnedFd, now: Instant) {
        self.close();
        self.socket = Some(socket);
        self.last_active = now;
    }

    /// Adds it to `epoll`, if it is still open.
    pub(super) fn watch(&mut self, epoll: &Epoll, number: u64) {
        let event = EpollEvent::new(EpollFlags::EPOLLIN, number);
        if let Some(socket) = &self.socket
            && epoll.add(socket, event).is_err()
        {
            self.close();
        }
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
        self.is_lingering = false;
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    pub(super) fn deadline_mut(&mut self) -> Option<&mut Instant> {
        self.deadline.as_mut()
    }

    /// Whether it is open and between two requests. A new connection counts as busy until its first request:
    /// else the next client would replace it before that request arrives.
    pub(super) fn is_idle(&self) -> bool {
        let is_busy = self.is_new || self.deadline.is_some();
        self.socket.is_some() && (self.is_lingering || !is_busy)
    }

    /// The least of all connections is the next to be replaced: an unused one, else an idle one, else a busy one;
    /// of several the one that was active the longest time ago.
    pub(super) fn eviction_order(&self) -> (bool, bool, Instant) {
        (self.socket.is_some(), !self.is_idle(), self.last_active)
    }

    /// Reads once, and answers each whole request. For bytes that are left epoll reports another event.
    pub(super) fn handle_event(&mut self, health: &Health, now: Instant) {
        match self.read() {
            Ok(0) => self.close(),
            Ok(_) if self.is_lingering => self.length = 0,
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
            self.last_active = now;
            self.is_new = false;
            self.deadline = (self.length > 0).then_some(now + REQUEST_TIMEOUT);
            self.answer(&request, health, now);
        }
    }

    fn answer(&mut self, request: &Request, health: &Health, now: Instant) {
        let Some(socket) = &self.socket else { return };
        let answer = write_answer(request, health, now);
        let sent = send(socket.as_raw_fd(), answer.bytes(), MsgFlags::MSG_NOSIGNAL);
        // The socket's buffer always has room for one answer, unless the client sends requests and reads no answers.
        let is_sent = sent == Ok(answer.bytes().len());
        match request.after_answer {
            AfterAnswer::KeepOpen if is_sent => {}
            AfterAnswer::Linger if is_sent => self.linger(now),
            AfterAnswer::KeepOpen | AfterAnswer::Linger | AfterAnswer::Close => self.close(),
        }
    }

    fn linger(&mut self, now: Instant) {
        if let Some(socket) = &self.socket {
            // It fails where the client has closed the connection, and then there is nothing to send.
            let _ignored = shutdown(socket.as_raw_fd(), Shutdown::Write);
        }
        self.is_lingering = true;
        self.length = 0;
        self.deadline = Some(now + REQUEST_TIMEOUT);
    }

    /// Ends a request that took too long.
    pub(super) fn expire(&mut self, health: &Health, now: Instant) {
        if self.deadline.is_none_or(|deadline| deadline > now) {
            return;
        }
        if self.is_lingering {
            return self.close();
        }
        let timed_out = Request::refused(Refusal::TimedOut, 0);
        self.answer(&timed_out, health, now);
    }
}

/// Large enough for every answer, of which the verdict and the server's status are the only parts of variable length.
type Answer = Buffer<1536>;

/// The head and the body. The reason phrase is the verdict, for clients that show only the status line, and for HEAD
/// requests.
fn write_answer(request: &Request, health: &Health, now: Instant) -> Answer {
    let (mut answer, mut body) = (Answer::new(), Answer::new());
    let mut kind = "text/plain; charset=utf-8";
    let _fits = answer.write_str("HTTP/1.1 ");
    let _fits = match request.page {
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
            write!(answer, "{code} {verdict}")
        }
        Err(refusal) => {
            let _fits = writeln!(body, "{}", refusal.status());
            answer.write_str(refusal.status())
        }
    };
    let _fits = write!(
        answer,
        "\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n{}{}\r\n{}",
        body.bytes().len(),
        if request.after_answer == AfterAnswer::KeepOpen {
            ""
        } else {
            "Connection: close\r\n"
        },
        if request.page == Err(Refusal::NotAllowed) {
            "Allow: GET, HEAD\r\n"
        } else {
            ""
        },
        if request.is_head { "" } else { body.text() },
    );
    answer
}

#[cfg(test)]
mod tests {
    use nix::unistd::Pid;

    use super::*;
    use crate::cli::Notify;
    use crate::run::notify::NotifyEvent;

    /// Each control character takes the most bytes in JSON, and a JSON answer has two verdicts.
    #[test]
    fn the_longest_answer_fits() {
        let max = Duration::from_secs(u64::from(u32::MAX)) + Duration::from_nanos(1);
        let options = Notify {
            watchdog: Some(max),
            signal: None,
        };
        let start = Instant::now();
        let mut health = Health::new(Pid::from_raw(i32::MAX), Some(&options), false, start);
        health.apply(NotifyEvent::Ready, start);
        health.apply(NotifyEvent::Status(&"\n".repeat(500)), start);
        health.apply(NotifyEvent::Errno(i32::MAX), start);
        let request = b"GET /status HTTP/1.0\r\n\r\n";
        let answer = write_answer(&Request::read(request).unwrap(), &health, start + 2 * max);
        let text = answer.text();
        assert!(text.starts_with("HTTP/1.1 503 unhealthy: no sign of life for 8589934590s"));
        assert!(
            text.ends_with(&format!("\"errno\":{}}}\n", i32::MAX)),
            "{text}"
        );
        let (_, rest) = text.split_once("Content-Length: ").unwrap();
        let (length, _) = rest.split_once("\r\n").unwrap();
        let (_, body) = text.split_once("\r\n\r\n").unwrap();
        assert_eq!(length, body.len().to_string());
    }
}
