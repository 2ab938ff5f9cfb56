//! What hinit says: lines that never fail, never block for long and never run into each other.

use std::fmt;
use std::os::fd::BorrowedFd;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, poll};

use crate::sys::{STDERR, STDOUT};
use crate::text::Line;

/// How long a line waits for a full pipe or a stopped terminal before it is dropped: nothing may
/// keep PID 1 from its work, and a reader that is merely slow gets its chance.
const PATIENCE: u8 = 100;

/// How much `hinit run` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verbosity {
    /// Only errors.
    Quiet,
    /// Also warnings.
    Warnings,
    /// Also how the server ended.
    Normal,
    /// Also each signal and each orphan.
    Verbose,
}

/// The log on standard error, one line an event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Log(pub(crate) Verbosity);

impl Log {
    pub(crate) fn error(self, message: fmt::Arguments) {
        self.line(Verbosity::Quiet, message);
    }

    pub(crate) fn warn(self, message: fmt::Arguments) {
        self.line(Verbosity::Warnings, message);
    }

    pub(crate) fn tell(self, message: fmt::Arguments) {
        self.line(Verbosity::Normal, message);
    }

    pub(crate) fn verbose(self, message: fmt::Arguments) {
        self.line(Verbosity::Verbose, message);
    }

    fn line(self, from: Verbosity, message: fmt::Arguments) {
        if self.0 >= from {
            write_patiently(STDERR, Line::new(format_args!("hinit: {message}")).bytes());
        }
    }
}

/// Writes one line to standard output.
pub(crate) fn print_line(message: &dyn fmt::Display) {
    write_patiently(STDOUT, Line::new(format_args!("{message}")).bytes());
}

/// Writes a line that a pipe takes at once to standard output, for who has a deadline anyway.
pub(crate) fn print_by_deadline(line: &[u8]) {
    // Whoever does not read it has the exit code.
    let _lost = nix::unistd::write(STDOUT, line);
}

/// Writes a text of our own, of any length, to standard output.
pub(crate) fn print_text(text: &str) {
    let mut rest = text.as_bytes();
    while let Ok(written @ 1..) = nix::unistd::write(STDOUT, rest) {
        rest = rest.get(written..).unwrap_or_default();
    }
}

fn write_patiently(fd: BorrowedFd, bytes: &[u8]) {
    let mut ready = [PollFd::new(fd, PollFlags::POLLOUT)];
    // Who shares a pipe may have filled it in between.
    for _attempt in 0..3 {
        if poll(&mut ready, PATIENCE) == Ok(0) {
            return;
        }
        // One write: lines of up to PIPE_BUF bytes arrive whole. A reader that is gone is no
        // concern of ours; SIGPIPE is blocked.
        match nix::unistd::write(fd, bytes) {
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            _ => return,
        }
    }
}
