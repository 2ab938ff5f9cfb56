//! The signal queue: every signal that hinit gets, in the order of the kernel.
//!
//! All signals are blocked, so they wait until they are read. That loses none (a handler would
//! merge them), tells the sender, takes two system calls instead of one handler for each signal,
//! and leaves nothing to be undone in the child.

use std::fmt;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use nix::libc::{self, c_int, signalfd_siginfo};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::Pid;

use crate::error::Error;
use crate::process;
use crate::sys::{SignalSet, libc_set};

/// How long to wait before a signal that the server had no room for is tried again.
const RETRY_MILLIS: u8 = 10;

pub(super) struct SignalQueue {
    fd: SignalFd,
    /// Whether real-time signals are left in the queue for now.
    standard_only: bool,
}

impl SignalQueue {
    pub(super) fn new() -> Result<Self, Error> {
        let flags = SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC;
        let fd = SignalFd::with_flags(&libc_set(SignalSet::ALL), flags)
            .map_err(|errno| Error::cannot("open", "signalfd", errno.desc()))?;
        Ok(Self {
            fd,
            standard_only: false,
        })
    }

    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// The next signal, however long that takes.
    pub(super) fn next(&mut self) -> Received {
        self.take(SignalSet::ALL, false);
        loop {
            if let Some(signal) = self.read(PollTimeout::NONE) {
                return signal;
            }
        }
    }

    /// The next standard signal; None when it is time to try a real-time one again. Those that wait
    /// stay in the kernel's queue meanwhile, in their order.
    pub(super) fn next_standard(&mut self) -> Option<Received> {
        self.take(SignalSet::STANDARD, true);
        self.read(RETRY_MILLIS.into())
    }

    fn take(&mut self, signals: SignalSet, standard_only: bool) {
        if self.standard_only != standard_only && self.fd.set_mask(&libc_set(signals)).is_ok() {
            self.standard_only = standard_only;
        }
    }

    fn read(&self, timeout: PollTimeout) -> Option<Received> {
        match self.fd.read_signal() {
            Ok(Some(info)) if is_own_doing(&info) => None,
            Ok(Some(info)) => Some(Received(info)),
            Ok(None) => {
                let mut readable = [PollFd::new(self.fd.as_fd(), PollFlags::POLLIN)];
                if poll(&mut readable, timeout).is_err() {
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
}

/// Neither reading nor polling can fail for good; should they, PID 1 must neither end nor spin.
fn rest() {
    std::thread::sleep(Duration::from_millis(RETRY_MILLIS.into()));
}

/// A log line that nobody reads any more comes back as SIGPIPE. Passed on, it could end the server,
/// and told, it would come again for ever.
fn is_own_doing(info: &signalfd_siginfo) -> bool {
    info.ssi_signo == libc::SIGPIPE.cast_unsigned() && info.ssi_pid == std::process::id()
}

/// A signal that hinit got, with all that its sender said.
pub(super) struct Received(signalfd_siginfo);

impl Received {
    pub(super) fn number(&self) -> c_int {
        self.0.ssi_signo.cast_signed()
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
        let Self(info) = self;
        write_name(f, self.number())?;
        match (info.ssi_code, info.ssi_pid) {
            (libc::SI_KERNEL, _) => f.write_str(" from the kernel"),
            // From the host, mostly the container engine.
            (_, 0) => f.write_str(" from outside the PID namespace"),
            (_, pid) => {
                write!(f, " from process {pid}")?;
                if let Some(name) = process::name(Pid::from_raw(pid.cast_signed())) {
                    write!(f, " ({name})")?;
                }
                write!(f, " of UID {}", info.ssi_uid)
            }
        }
    }
}

/// `SIGTERM`; real-time signals by their place after SIGRTMIN, which glibc and the shells put
/// at 34 (signal(7)).
pub(super) fn write_name(f: &mut fmt::Formatter, number: c_int) -> fmt::Result {
    match (Signal::try_from(number), number) {
        (Ok(signal), _) => f.write_str(signal.as_str()),
        (_, 34) => f.write_str("SIGRTMIN"),
        (_, 35..=64) => write!(f, "SIGRTMIN+{}", number - 34),
        _ => write!(f, "signal {number}"),
    }
}
