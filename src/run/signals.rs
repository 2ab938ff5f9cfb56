//! The signal queue: every signal that hinit gets, in the order of the kernel.
//!
//! All signals are blocked, so they wait until they are read. That loses none (a handler would
//! merge them), tells the sender, takes two system calls instead of one handler for each signal,
//! and leaves nothing to be undone in the child.

use std::collections::VecDeque;
use std::fmt;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc::{self, c_int, signalfd_siginfo};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::{Pid, getpid};

use crate::error::Error;
use crate::process;
use crate::sys::{self, SignalSet, libc_set};
use crate::text::SignalName;
use crate::time::{earliest, pause, poll_timeout};

/// How long to wait before a signal that the server had no room for is tried again.
const RETRY: Duration = Duration::from_millis(10);

pub(super) struct SignalQueue {
    fd: SignalFd,
    /// Whether a read waits for a signal. It does where there is no deadline: a signal then costs one
    /// call to get and one to pass on.
    blocks: bool,
    /// Signals that the server's queue had no room for, and when to try them again. Meanwhile
    /// real-time ones stay in the kernel's queue, in their order; standard ones, for which there
    /// always is room, pass. (Several at once only where standard ones are rewritten.)
    put_back: VecDeque<Received>,
    try_again: Instant,
    /// The signals that are read at all.
    open: SignalSet,
    /// Whether the sockets had their turn, and the signals have not since.
    was_sockets: bool,
}

/// What ends a wait.
#[derive(Clone, Copy)]
pub(super) enum Event {
    Signal(Received),
    /// A signal that was put back: there may be room for it now.
    Again(Received),
    /// The server's exec has succeeded or failed.
    Started,
    /// There is something to attend to at the sockets.
    Sockets,
    Deadline,
}

impl SignalQueue {
    /// A queue of which only these signals are read.
    pub(super) fn new(open: SignalSet) -> Result<Self, Error> {
        let fd = SignalFd::with_flags(&libc_set(open), SfdFlags::SFD_CLOEXEC)
            .map_err(|errno| Error::cannot("open", &"signalfd", &sys::describe(errno)))?;
        Ok(Self {
            fd,
            blocks: true,
            put_back: VecDeque::new(),
            try_again: Instant::now(),
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
        self.take(SignalSet::ALL);
    }

    /// Waits for the next signal, for the server's start, or for these sockets, until the deadline if there is
    /// one.
    pub(super) fn wait(
        &mut self,
        deadline: Option<Instant>,
        start: Option<BorrowedFd>,
        sockets: Option<BorrowedFd>,
    ) -> Event {
        loop {
            let again = (!self.put_back.is_empty()).then_some(self.try_again);
            let next = earliest(&[deadline, again]);
            let left = next.map(|next| next.saturating_duration_since(Instant::now()));
            // Looked at before the queue: signals at full speed must not outrun the time.
            if left == Some(Duration::ZERO) {
                if next == again
                    && let Some(signal) = self.put_back.pop_front()
                {
                    if self.put_back.is_empty() {
                        self.take(SignalSet::ALL);
                    }
                    return Event::Again(signal);
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
        self.put_back.push_back(signal);
        self.try_again = Instant::now() + RETRY;
        self.take(SignalSet::STANDARD);
    }

    fn take(&mut self, signals: SignalSet) {
        // It cannot fail; and if it did, the order would suffer and nothing else.
        let _as_before = self.fd.set_mask(&libc_set(signals.and(self.open)));
    }

    fn read(&mut self, left: Option<Duration>) -> Option<Received> {
        self.set_blocking(left.is_none());
        match self.fd.read_signal() {
            Ok(Some(info)) if is_own_doing(&info) => None,
            Ok(Some(info)) => Some(Received(info, info.ssi_signo.cast_signed())),
            Ok(None) => {
                let mut readable = [PollFd::new(self.fd.as_fd(), PollFlags::POLLIN)];
                if poll(&mut readable, timeout(left)).is_err() {
                    rest();
                }
                None
            }
            Err(_) => {
                rest();
                None
            }
        }
    }

    /// Where both a signal and a socket are ready, they take turns: neither at full speed may outrun the other.
    fn read_any(
        &mut self,
        left: Option<Duration>,
        start: Option<BorrowedFd>,
        sockets: Option<BorrowedFd>,
    ) -> Option<Event> {
        let own = self.fd.as_fd();
        let mut fds = [Some(own), start, sockets].map(|fd| match fd {
            Some(fd) => PollFd::new(fd, PollFlags::POLLIN),
            // Nothing is waited for there, and a signalfd has no errors.
            None => PollFd::new(own, PollFlags::empty()),
        });
        if poll(&mut fds, timeout(left)).is_err() {
            rest();
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

/// Sees to it that those who fill hinit's queue leave room in the server's, which has its own limits by
/// then.
///
/// The kernel counts the queued signals of a user, and lets each process have one more as long as
/// the sum is below its own limit (`RLIMIT_SIGPENDING`). With one limit for both, who fills hinit's
/// queue takes each place that becomes free before hinit gets to pass a signal on.
pub(super) fn halve_signal_queue_limit() {
    if let Ok((soft, hard)) = sys::signal_queue_limits(None) {
        // To lower a limit of one's own needs no permission. Were it refused, nothing would be lost: a signal
        // that finds no room in the server's queue is held and tried again.
        let _ignored = sys::signal_queue_limits(Some((soft / 2, hard)));
    }
}

fn timeout(left: Option<Duration>) -> PollTimeout {
    left.map_or(PollTimeout::NONE, poll_timeout)
}

/// Neither reading nor polling can fail for good; should they, PID 1 must neither end nor spin.
fn rest() {
    pause(RETRY);
}

/// A log line that nobody reads any more comes back as SIGPIPE; one too many for the limit of file sizes,
/// as the PID itself, as SIGXFSZ. Passed on, it could end the server, and told, it would come again for
/// ever.
fn is_own_doing(info: &signalfd_siginfo) -> bool {
    let comes_of_writing = [libc::SIGPIPE, libc::SIGXFSZ].map(c_int::cast_unsigned);
    comes_of_writing.contains(&info.ssi_signo) && info.ssi_pid == std::process::id()
}

/// A signal that hinit received, with all that its sender gave (signalfd(2)), and the number as which it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Received(signalfd_siginfo, c_int);

impl Received {
    /// One from another process.
    #[cfg(test)]
    pub(super) fn from_process(pid: u32, number: c_int) -> Self {
        let mut info = sys::no_signal();
        info.ssi_signo = number.cast_unsigned();
        info.ssi_pid = pid;
        Self(info, number)
    }

    pub(super) fn number(&self) -> c_int {
        self.0.ssi_signo.cast_signed()
    }

    pub(super) fn sender(&self) -> Sender {
        Sender::of(self.1, self.0.ssi_code, self.0.ssi_pid)
    }

    /// Its number before it was rewritten.
    pub(super) fn received_as(&self) -> c_int {
        self.1
    }

    /// The same from the same sender, but as another number.
    pub(super) fn rewritten(mut self, number: c_int) -> Self {
        self.0.ssi_signo = number.cast_unsigned();
        self
    }

    /// What must be queued to keep it: a value came along, or it must not be merged with another of
    /// its number. Else kill(2) says all.
    pub(super) fn info_to_queue(&self) -> Option<signalfd_siginfo> {
        const SI_TKILL: i32 = -6;
        let mut info = self.0;
        if self.number() > libc::SIGSYS && (info.ssi_code >= 0 || info.ssi_code == SI_TKILL) {
            // kill(2) would merge it with its like where the server's queue is full.
            info.ssi_code = libc::SI_QUEUE;
        }
        (info.ssi_code < 0 && info.ssi_code != SI_TKILL).then_some(info)
    }
}

impl fmt::Display for Received {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{} from ", SignalName(self.number()))?;
        let pid = match self.sender() {
            Sender::Process(pid) => pid,
            sender => return write!(f, "{sender}"),
        };
        write!(f, "process {pid}")?;
        if let Some(name) = process::name(Pid::from_raw(pid.cast_signed())) {
            write!(f, " ({name})")?;
        }
        write!(f, " of UID {}", self.0.ssi_uid)
    }
}

/// Where a signal came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sender {
    /// A key, such as Ctrl-C.
    Terminal,
    Kernel,
    /// A process of a PID namespace above hinit's: mostly the container engine.
    Outside,
    /// The process of this PID.
    Process(u32),
}

impl Sender {
    fn of(signal: c_int, code: c_int, pid: u32) -> Self {
        match (code, pid) {
            // Only the kernel sends with a code above 0 (rt_sigqueueinfo(2)).
            (1.., _) if [libc::SIGINT, libc::SIGQUIT].contains(&signal) => Self::Terminal,
            (1.., _) => Self::Kernel,
            (_, 0) => Self::Outside,
            (_, pid) => Self::Process(pid),
        }
    }
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Process(pid) => return write!(f, "process {pid}"),
            Self::Terminal => "the terminal",
            Self::Kernel => "the kernel",
            // A hinit that is not PID 1 need not be in the same container as its PID namespace is.
            Self::Outside if getpid() == Pid::from_raw(1) => "outside the container",
            Self::Outside => "outside the PID namespace",
        })
    }
}

#[cfg(test)]
mod tests;
