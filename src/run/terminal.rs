//! The terminal: its foreground process group is the server's while the server runs, and the former one's
//! after it; and what hinit does when the keyboard stops the server (`termios(3)`, "Job control").

use std::cell::Cell;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::{Pid, Uid, fchown, getpgrp, getpid, getsid, tcgetpgrp, tcsetpgrp};

use crate::sys;

/// The controlling terminal of hinit's session.
pub(super) struct Terminal {
    tty: OwnedFd,
    owner_change: Cell<Option<OwnerChange>>,
}

/// The terminal belongs to the server's user while the server runs.
#[derive(Clone, Copy)]
struct OwnerChange {
    /// One of the standard streams, because `/dev/tty` is another file with an owner of its own.
    stream: BorrowedFd<'static>,
    from: u32,
    to: u32,
}

/// What hinit does with a server that was stopped.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// Continue it: the terminal is its own now.
    Continue,
    /// Continue it, because nothing else could.
    ContinueAlone,
    /// Nothing: hinit has got or will get a SIGCONT, and passes it on.
    Wait,
    /// Leave it stopped, because another process may continue it directly.
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
            owner_change: Cell::new(None),
        })
    }

    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.tty.as_fd()
    }

    /// Records that the terminal's owner was changed, so that it is changed back at the end.
    pub(super) fn set_owner_change(&self, stream: BorrowedFd<'static>, from: u32, to: u32) {
        self.owner_change
            .set(Some(OwnerChange { stream, from, to }));
    }

    /// Whether hinit's group is in the foreground. Only then hinit may give the terminal to the server: a job that was
    /// started with `&` must not take it from the shell.
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
        // It fails if the group or the terminal no longer exists, and then there is no reader.
        let _ignored = tcsetpgrp(&self.tty, group);
    }

    /// Stops hinit too, after `signal` has stopped the server, so that the shell sees its job stopped, as it does
    /// without an init.
    pub(super) fn follow_stop(&self, signal: Signal, server: Option<Pid>) -> Stop {
        let wants_terminal = matches!(signal, Signal::SIGTTIN | Signal::SIGTTOU);
        // A shell has put the running job into the foreground. It had no need to continue the job, so hinit learns of it
        // only now.
        if wants_terminal
            && self.is_ours()
            && let Some(server) = server
        {
            self.give_to(server);
            return Stop::Continue;
        }
        // SIGSTOP would stop hinit even where no shell could continue it.
        let own_stop = match signal {
            Signal::SIGSTOP => Signal::SIGTSTP,
            other => other,
        };
        if getpid() != Pid::from_raw(1) && sys::stop_own_group(own_stop) {
            return Stop::Wait;
        }
        match (signal, server) {
            (Signal::SIGTSTP, _) => Stop::ContinueAlone,
            // hinit leads the session, so no shell will give the server its terminal.
            (_, Some(server)) if wants_terminal && getsid(None) == Ok(getpid()) => {
                self.give_to(server);
                Stop::ContinueAlone
            }
            _ => Stop::Leave,
        }
    }
}

impl Drop for Terminal {
    /// Restores the terminal's owner, unless another process has changed it meanwhile.
    fn drop(&mut self) {
        if let Some(OwnerChange { stream, from, to }) = self.owner_change.get()
            && sys::fstat(stream).is_ok_and(|stat| stat.st_uid == to)
        {
            // The caller can change the owner too, and nothing else depends on it.
            let _ignored = fchown(stream, Some(Uid::from_raw(from)), None);
        }
    }
}
