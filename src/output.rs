//! What hinit says: lines that never fail, never block for long and never run into each other.

use std::fmt;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, poll};

use crate::sys::{STDERR, STDOUT, describe};
use crate::text::Line;
use crate::time::poll_timeout;

/// How long a line waits for a full pipe or a stopped terminal before it is dropped: nothing may
/// keep PID 1 from its work, and a reader that is merely slow gets its chance.
const LINE_TIMEOUT: u8 = 100;

/// How long a text waits for room in a pipe that does not block, each time that the pipe is full.
const TEXT_TIMEOUT: Duration = Duration::from_secs(2);

/// Whether the last line was dropped. The next ones then do not wait: a reader that has stopped delays hinit
/// once, not once a line.
static HAS_DROPPED: AtomicBool = AtomicBool::new(false);

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

    pub(crate) fn info(self, message: fmt::Arguments) {
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

/// Writes a text of our own, of any length, to standard output. False, if not all of it could be written.
pub(crate) fn print_text(text: &str) -> bool {
    let written = write_all(STDOUT, text.as_bytes());
    match written {
        // The reader has left, as `head` does: it knows.
        Ok(()) | Err(Errno::EPIPE) => {}
        Err(errno) => Log(Verbosity::Normal).error(format_args!(
            "cannot write to standard output: {}",
            describe(errno)
        )),
    }
    written.is_ok()
}

/// Writes all of it, or says why not.
pub(crate) fn write_all(fd: BorrowedFd, mut rest: &[u8]) -> nix::Result<()> {
    while !rest.is_empty() {
        match nix::unistd::write(fd, rest) {
            Ok(written) => rest = rest.get(written..).unwrap_or_default(),
            Err(Errno::EINTR) => {}
            // Only where somebody has set O_NONBLOCK: else the write waits by itself.
            Err(Errno::EAGAIN) => wait_for_room(fd)?,
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

fn wait_for_room(fd: BorrowedFd) -> nix::Result<()> {
    let mut ready = [PollFd::new(fd, PollFlags::POLLOUT)];
    match poll(&mut ready, poll_timeout(TEXT_TIMEOUT)) {
        Ok(0) => Err(Errno::EAGAIN),
        // EINTR: the write finds out.
        _ => Ok(()),
    }
}

fn write_patiently(fd: BorrowedFd, bytes: &[u8]) {
    let mut ready = [PollFd::new(fd, PollFlags::POLLOUT)];
    let patience = if HAS_DROPPED.load(Relaxed) {
        0
    } else {
        LINE_TIMEOUT
    };
    // Who shares a pipe may have filled it in between.
    for _attempt in 0..3 {
        if poll(&mut ready, patience) == Ok(0) {
            return HAS_DROPPED.store(true, Relaxed);
        }
        // One write: lines of up to PIPE_BUF bytes arrive whole. A reader that is gone is no
        // concern of ours; SIGPIPE is blocked.
        let written = nix::unistd::write(fd, bytes);
        if !matches!(written, Err(Errno::EAGAIN | Errno::EINTR)) {
            // Stored only where it changes: else it would cost each hinit a page.
            if patience == 0 {
                HAS_DROPPED.store(false, Relaxed);
            }
            return;
        }
    }
}
