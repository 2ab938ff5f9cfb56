//! The terminal's foreground group: the server's while it runs, and then again whose it was.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, getpgrp, tcgetpgrp, tcsetpgrp};

/// The controlling terminal, with hinit's group in its foreground at the start.
pub(super) struct Terminal {
    tty: OwnedFd,
}

impl Terminal {
    /// None where there is no terminal, or where it is another's: a job started with `&` must not
    /// steal it from the shell.
    pub(super) fn if_in_foreground() -> Option<Self> {
        // Not stdin: that may be a file while the terminal still controls the session.
        let tty = openat(
            AT_FDCWD,
            "/dev/tty",
            OFlag::O_RDWR | OFlag::O_CLOEXEC,
            Mode::empty(),
        )
        .ok()?;
        (tcgetpgrp(&tty) == Ok(getpgrp())).then_some(Self { tty })
    }

    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.tty.as_fd()
    }

    /// Lets a group read from the terminal. SIGTTOU, which the kernel sends to a background group
    /// that tries this, is blocked.
    pub(super) fn give_to(&self, group: Pid) {
        let _gone = tcsetpgrp(&self.tty, group);
    }

    /// Takes the terminal back for hinit's group, if the server's group still has it.
    pub(super) fn take_back(&self, server: Pid) {
        if tcgetpgrp(&self.tty) == Ok(server) {
            self.give_to(getpgrp());
        }
    }
}
