//! The signal queue: every signal that hinit receives, in the kernel's order.
//!
//! All signals are blocked, so they wait until hinit reads them. That loses none (a handler would merge
//! them), gives the sender, takes two system calls instead of a handler for each signal, and leaves nothing
//! to undo in the child.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc::{self, c_int, signalfd_siginfo};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use crate::error::{self, Error, Verb};
use crate::sys::{self, SignalSet, libc_set};
use crate::time::{earliest, pause, poll_timeout};

/// How long to wait before a signal that the server's queue had no room for is sent again.
const RETRY_INTERVAL: Duration = Duration::from_millis(10);

mod received;

pub(super) use received::{Received, Sender};

pub(super) struct SignalQueue {
    fd: SignalFd,
    /// Whether a read waits for a signal. It does where there is no deadline: a signal then takes one
    /// call to receive and one to pass on.
    blocks: bool,
    /// Signals that the server's queue had no room for. Until they are sent, real-time ones stay in the
    /// kernel's queue, in their order; standard ones, for which there is always room, are read. (There are
    /// several at once only where standard ones are rewritten.)
    put_back: Vec<Received>,
    retry_at: Instant,
    /// The signals that hinit reads so far.
    open: SignalSet,
    /// Whether the sockets had the last turn.
    was_sockets: bool,
}

/// What ends a wait.
#[derive(Clone, Copy)]
pub(super) enum Event {
    Signal(Received),
    /// A signal that was put back, for which the server's queue may have room now.
    Retry(Received),
    /// The server's exec has succeeded or failed.
    Started,
    /// A socket is readable.
    Sockets,
    Deadline,
}

impl SignalQueue {
    /// A queue from which only these signals are read, until [`SignalQueue::open`].
    pub(super) fn new(open: SignalSet) -> error::Result<Self> {
        let fd = SignalFd::with_flags(&libc_set(open), SfdFlags::SFD_CLOEXEC)
            .map_err(|errno| Error::failed(Verb::Open, "signalfd", errno))?;
        Ok(Self {
            fd,
            blocks: true,
            put_back: Vec::new(),
            retry_at: Instant::now(),
            open,
            was_sockets: false,
        })
    }

    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Reads every signal from now on.
    pub(super) fn open(&mut self) {
        self.open = SignalSet::ALL;
        self.set_mask(SignalSet::ALL);
    }

    /// Waits for the next signal, for the server's start or for a readable socket, until the deadline if there
    /// is one.
    pub(super) fn wait(
        &mut self,
        deadline: Option<Instant>,
        start: Option<BorrowedFd>,
        sockets: Option<BorrowedFd>,
    ) -> Event {
        loop {
            let retry = (!self.put_back.is_empty()).then_some(self.retry_at);
            let next = earliest(&[deadline, retry]);
            let left = next.map(|next| next.saturating_duration_since(Instant::now()));
            // Before the queue is read, so that a flood of signals cannot delay a deadline.
            if left == Some(Duration::ZERO) {
                if next == retry {
                    // There is one: else there would be no time to retry.
                    let signal = self.put_back.remove(0);
                    if self.put_back.is_empty() {
                        self.set_mask(SignalSet::ALL);
                    }
                    return Event::Retry(signal);
                }
                return Event::Deadline;
            }
            let event = if start.is_some() || sockets.is_some() {
                self.read_any(left, start, sockets)
            } else {
                self.read(left).map(Event::Signal)
            };
            if let Some(event) = event {
                return event;
            }
        }
    }

    /// Keeps a signal until the server may have room for it.
    pub(super) fn put_back(&mut self, signal: Received) {
        self.put_back.push(signal);
        self.retry_at = Instant::now() + RETRY_INTERVAL;
        self.set_mask(SignalSet::STANDARD);
    }

    fn set_mask(&mut self, signals: SignalSet) {
        // It fails only for a bad descriptor. Then signals would be read in another order, and none be lost.
        let _ignored = self.fd.set_mask(&libc_set(signals.and(self.open)));
    }

    fn read(&mut self, left: Option<Duration>) -> Option<Received> {
        self.set_blocking(left.is_none());
        match self.fd.read_signal() {
            Ok(Some(info)) if is_own_write_error(&info) => None,
            Ok(Some(info)) => Some(Received::new(info)),
            Ok(None) => {
                let mut readable = [PollFd::new(self.fd.as_fd(), PollFlags::POLLIN)];
                if poll(&mut readable, timeout(left)).is_err() {
                    wait_after_error();
                }
                None
            }
            Err(_) => {
                wait_after_error();
                None
            }
        }
    }

    /// Where both a signal and a socket are ready, they take turns, so that a flood of one cannot block the other.
    fn read_any(
        &mut self,
        left: Option<Duration>,
        start: Option<BorrowedFd>,
        sockets: Option<BorrowedFd>,
    ) -> Option<Event> {
        let own = self.fd.as_fd();
        let mut fds = [Some(own), start, sockets].map(|fd| match fd {
            Some(fd) => PollFd::new(fd, PollFlags::POLLIN),
            // poll(2) needs a descriptor. It waits for nothing there, and a signalfd has no errors.
            None => PollFd::new(own, PollFlags::empty()),
        });
        if poll(&mut fds, timeout(left)).is_err() {
            wait_after_error();
        }
        let [has_signal, has_started, has_socket] = fds.map(|fd| fd.any() == Some(true));
        if has_started {
            return Some(Event::Started);
        }
        self.was_sockets = has_socket && !(has_signal && self.was_sockets);
        if self.was_sockets {
            return Some(Event::Sockets);
        }
        if has_signal {
            return self.read(Some(Duration::ZERO)).map(Event::Signal);
        }
        None
    }

    fn set_blocking(&mut self, blocks: bool) {
        let flags = if blocks {
            OFlag::empty()
        } else {
            OFlag::O_NONBLOCK
        };
        if self.blocks != blocks && fcntl(&self.fd, FcntlArg::F_SETFL(flags)).is_ok() {
            self.blocks = blocks;
        }
    }
}

/// Halves hinit's `RLIMIT_SIGPENDING`, so that a process that fills hinit's queue cannot exhaust the server's
/// share. The server has its own limits by now.
///
/// The kernel counts the queued signals of a user, and queues one more for a process as long as the sum is below
/// that process's limit (setrlimit(2)). With one limit for both, a sender that fills hinit's queue would take
/// each free entry before hinit can pass a signal on.
pub(super) fn halve_signal_queue_limit() {
    if let Ok((soft, hard)) = sys::signal_queue_limits(None) {
        // A process may always lower its own limit. If it is refused, no signal is lost: hinit sends a signal
        // that finds no room in the server's queue again.
        let _ignored = sys::signal_queue_limits(Some((soft / 2, hard)));
    }
}

fn timeout(left: Option<Duration>) -> PollTimeout {
    left.map_or(PollTimeout::NONE, poll_timeout)
}

/// Neither read(2) nor poll(2) can fail for good here. If they do, PID 1 must neither exit nor spin.
fn wait_after_error() {
    pause(RETRY_INTERVAL);
}

/// Whether hinit has caused the signal itself: a log line to a closed pipe raises SIGPIPE, and one beyond the
/// limit of file sizes SIGXFSZ. Passed on, it could end the server; logged, it would raise the next one.
fn is_own_write_error(info: &signalfd_siginfo) -> bool {
    let of_writing = [libc::SIGPIPE, libc::SIGXFSZ].map(c_int::cast_unsigned);
    of_writing.contains(&info.ssi_signo) && info.ssi_pid == std::process::id()
}
