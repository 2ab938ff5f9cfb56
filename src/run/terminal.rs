//! The terminal's foreground group: the server's while it runs, and then again whose it was; and
//! what a stop from the keyboard means for hinit (`termios(3)`, "Job control").

use std::cell::Cell;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::signal::Signal;
use nix::sys::stat::{Mode, fstat};
use nix::unistd::{Pid, Uid, fchown, getpgrp, getpid, getsid, tcgetpgrp, tcsetpgrp};

use crate::sys;

/// The controlling terminal of hinit's session.
pub(super) struct Terminal {
    tty: OwnedFd,
    loan: Cell<Option<Loan>>,
}

/// The terminal belongs to the server's user for as long as the server runs.
#[derive(Clone, Copy)]
struct Loan {
    /// One of the standard streams: `/dev/tty` is a file of its own.
    stream: BorrowedFd<'static>,
    owner: u32,
    user: u32,
}

/// What is to become of a server that has stopped.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// It is to go on: this is its terminal now.
    Continue,
    /// It is to go on, for nobody else could ever continue it.
    ContinueAlone,
    /// It waits: a SIGCONT that came or will come to hinit is for it as well.
    Wait,
    /// It stays stopped until somebody continues it, whom hinit will not see.
    Leave,
}

impl Terminal {
    /// None where there is no terminal.
    pub(super) fn of_session() -> Option<Self> {
        // Not stdin: that may be a file while the terminal still controls the session.
        let flags = OFlag::O_RDWR | OFlag::O_CLOEXEC;
        let tty = openat(AT_FDCWD, "/dev/tty", flags, Mode::empty()).ok()?;
        Some(Self {
            tty,
            loan: Cell::new(None),
        })
    }

    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.tty.as_fd()
    }

    /// Notes that the terminal was handed over, so that it goes back at the end.
    pub(super) fn lent(&self, stream: BorrowedFd<'static>, owner: u32, user: u32) {
        self.loan.set(Some(Loan {
            stream,
            owner,
            user,
        }));
    }

    /// Whether hinit's group is in the foreground, and so the terminal hinit's to give: a job
    /// started with `&` must not steal it from the shell.
    pub(super) fn is_ours(&self) -> bool {
        tcgetpgrp(&self.tty) == Ok(getpgrp())
    }

    /// Takes the terminal back for hinit's group, if the server's group still has it.
    pub(super) fn take_back(&self, server: Pid) {
        if tcgetpgrp(&self.tty) == Ok(server) {
            self.give_to(getpgrp());
        }
    }

    /// Lets a group read from the terminal. SIGTTOU, which the kernel sends to a background group
    /// that tries this, is blocked.
    pub(super) fn give_to(&self, group: Pid) {
        // It fails where the group or the terminal is gone, and then nobody is there to read.
        let _gone = tcsetpgrp(&self.tty, group);
    }

    /// Does for hinit what `signal`, which stopped the server, would have done to a server without
    /// an init: the shell is to see its job stopped.
    pub(super) fn follow_stop(&self, signal: Signal, server: Option<Pid>) -> Stop {
        let wants_terminal = matches!(signal, Signal::SIGTTIN | Signal::SIGTTOU);
        // A job that a shell has put into the foreground while it ran: the shell had no need to
        // continue it, so only now hinit learns of it.
        if wants_terminal
            && self.is_ours()
            && let Some(server) = server
        {
            self.give_to(server);
            return Stop::Continue;
        }
        // SIGSTOP would stop hinit even where no shell could continue it.
        let like = match signal {
            Signal::SIGSTOP => Signal::SIGTSTP,
            other => other,
        };
        if getpid() != Pid::from_raw(1) && sys::stop_own_group(like) {
            return Stop::Wait;
        }
        match (signal, server) {
            (Signal::SIGTSTP, _) => Stop::ContinueAlone,
            // Whoever leads the session shares out its terminal.
            (_, Some(server)) if wants_terminal && getsid(None) == Ok(getpid()) => {
                self.give_to(server);
                Stop::ContinueAlone
            }
            _ => Stop::Leave,
        }
    }
}

impl Drop for Terminal {
    /// Gives the terminal back to its owner, unless it has another one by now.
    fn drop(&mut self) {
        if let Some(Loan {
            stream,
            owner,
            user,
        }) = self.loan.get()
            && fstat(stream).is_ok_and(|stat| stat.st_uid == user)
        {
            // The caller has the same means to mend it, and nothing else depends on it.
            let _ignored = fchown(stream, Some(Uid::from_raw(owner)), None);
        }
    }
}
