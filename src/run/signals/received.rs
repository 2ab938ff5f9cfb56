//! One signal, and where it came from.

use std::fmt;

use nix::libc::{self, c_int, signalfd_siginfo};
use nix::unistd::{Pid, getpid};

use crate::process;
#[cfg(test)]
use crate::sys;
use crate::text::SignalName;

/// A signal that hinit received, with all that its sender gave (signalfd(2)), and the number as which it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::run) struct Received(signalfd_siginfo, c_int);

impl Received {
    pub(in crate::run) fn new(info: signalfd_siginfo) -> Self {
        Self(info, info.ssi_signo.cast_signed())
    }

    /// One from another process.
    #[cfg(test)]
    pub(in crate::run) fn from_process(pid: u32, number: c_int) -> Self {
        let mut info = sys::no_signal();
        info.ssi_signo = number.cast_unsigned();
        info.ssi_pid = pid;
        Self(info, number)
    }

    pub(in crate::run) fn number(&self) -> c_int {
        self.0.ssi_signo.cast_signed()
    }

    pub(in crate::run) fn sender(&self) -> Sender {
        Sender::of(self.1, self.0.ssi_code, self.0.ssi_pid)
    }

    /// The child that a SIGCHLD names. Others may have ended since, and this one may have been reaped.
    pub(in crate::run) fn child(&self) -> Option<Pid> {
        let pid = self.0.ssi_pid.cast_signed();
        (pid > 0).then(|| Pid::from_raw(pid))
    }

    /// Its number before hinit rewrote it.
    pub(in crate::run) fn received_as(&self) -> c_int {
        self.1
    }

    /// This signal with another number: that of a rewriting rule.
    pub(in crate::run) fn rewritten(mut self, number: c_int) -> Self {
        self.0.ssi_signo = number.cast_unsigned();
        self
    }

    /// What must be queued with it: it has a value, or must not be merged with another of its number. None:
    /// kill(2) is enough.
    pub(in crate::run) fn info_to_queue(&self) -> Option<signalfd_siginfo> {
        const SI_TKILL: i32 = -6;
        let mut info = self.0;
        if self.number() > libc::SIGSYS && (info.ssi_code >= 0 || info.ssi_code == SI_TKILL) {
            // kill(2) would merge it with a pending one of the same number where the server's queue is full.
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
pub(in crate::run) enum Sender {
    /// A key, such as Ctrl-C.
    Terminal,
    Kernel,
    /// A process of a PID namespace above hinit's, mostly the container engine.
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
