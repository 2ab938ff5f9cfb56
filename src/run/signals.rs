//! The signal queue: every signal that hinit gets, in the order of the kernel.
//!
//! All signals are blocked, so they wait until they are read. That loses none (a handler would
//! merge them), tells the sender, takes two system calls instead of one handler for each signal,
//! and leaves nothing to be undone in the child.

use std::fmt;
use std::os::fd::AsFd;
use std::time::Duration;

use nix::libc::{self, c_int, signalfd_siginfo};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal as Standard;
use nix::sys::signalfd::SignalFd;

use crate::error::Error;
use crate::sys;

pub(super) struct SignalQueue(SignalFd);

impl SignalQueue {
    pub(super) fn new() -> Result<Self, Error> {
        let queue = sys::signal_queue();
        queue
            .map(Self)
            .map_err(|errno| Error::cannot("open", "signalfd", errno.desc()))
    }

    /// The next signal, however long that takes.
    pub(super) fn next(&self) -> Signal {
        loop {
            match self.0.read_signal() {
                Ok(Some(info)) if is_own_doing(&info) => {}
                Ok(Some(info)) => return Signal::from(&info),
                Ok(None) => self.wait(),
                // Reading cannot fail for good; should it, PID 1 must neither end nor spin.
                Err(_) => std::thread::sleep(Duration::from_millis(10)),
            }
        }
    }

    fn wait(&self) {
        let mut readable = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
        if poll(&mut readable, PollTimeout::NONE).is_err() {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// A log line that nobody reads any more comes back as SIGPIPE. Passed on, it could end the server,
/// and told, it would come again for ever.
fn is_own_doing(info: &signalfd_siginfo) -> bool {
    info.ssi_signo == libc::SIGPIPE.cast_unsigned() && info.ssi_pid == std::process::id()
}

/// A signal that hinit got.
pub(super) struct Signal {
    pub(super) number: c_int,
    sender: Sender,
}

enum Sender {
    Kernel,
    /// Not of this PID namespace: from the host, mostly the container engine.
    Outside,
    Process {
        pid: u32,
        user: u32,
    },
}

impl From<&signalfd_siginfo> for Signal {
    fn from(info: &signalfd_siginfo) -> Self {
        let sender = match (info.ssi_code, info.ssi_pid) {
            (libc::SI_KERNEL, _) => Sender::Kernel,
            (_, 0) => Sender::Outside,
            (_, pid) => Sender::Process {
                pid,
                user: info.ssi_uid,
            },
        };
        Self {
            number: info.ssi_signo.cast_signed(),
            sender,
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write_name(f, self.number)?;
        match self.sender {
            Sender::Kernel => f.write_str(" from the kernel"),
            Sender::Outside => f.write_str(" from outside the PID namespace"),
            Sender::Process { pid, user } => write!(f, " from process {pid} of UID {user}"),
        }
    }
}

/// `SIGTERM`; real-time signals by their place after SIGRTMIN, which glibc and the shells put
/// at 34 (signal(7)).
pub(super) fn write_name(f: &mut fmt::Formatter, number: c_int) -> fmt::Result {
    match (Standard::try_from(number), number) {
        (Ok(signal), _) => f.write_str(signal.as_str()),
        (_, 34) => f.write_str("SIGRTMIN"),
        (_, 35..=64) => write!(f, "SIGRTMIN+{}", number - 34),
        _ => write!(f, "signal {number}"),
    }
}
