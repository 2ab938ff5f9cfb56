//! The log, and standard output. A line never fails, never blocks for long, and is never mixed with another.

use std::fmt;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, poll};

use crate::sys::{LINE_TIMEOUT, STDERR, STDOUT, describe};
use crate::text::Line;
use crate::time::poll_timeout;

/// How long a text waits for room in a non-blocking pipe, each time that the pipe is full.
const TEXT_TIMEOUT: Duration = Duration::from_secs(2);

/// Whether the last line was dropped. Then the next lines do not wait: a reader that has stopped delays hinit once, and
/// not once for each line.
static HAS_DROPPED: AtomicBool = AtomicBool::new(false);

/// How much `hinit run` logs.
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
            write_line(STDERR, Line::new(format_args!("hinit: {message}")).bytes());
        }
    }
}

/// Writes one line to standard output.
pub(crate) fn print_line(message: &dyn fmt::Display) {
    write_line(STDOUT, Line::new(format_args!("{message}")).bytes());
}

/// Writes a line that fits into a pipe at once to standard output. It may block: for callers that have a deadline.
pub(crate) fn print_blocking(line: &[u8]) {
    // A reader that misses the line has the exit code.
    let _lost = nix::unistd::write(STDOUT, line);
}

/// Writes a text of any length to standard output. False, if a part of it could not be written.
pub(crate) fn print_text(text: &str) -> bool {
    let written = write_all(STDOUT, text.as_bytes());
    match written {
        // The reader has closed the pipe, as `head` does, and needs no message.
        Ok(()) | Err(Errno::EPIPE) => {}
        Err(errno) => Log(Verbosity::Normal).error(format_args!(
            "cannot write to standard output: {}",
            describe(errno)
        )),
    }
    written.is_ok()
}

/// Writes all bytes, or returns an error.
pub(crate) fn write_all(fd: BorrowedFd, mut rest: &[u8]) -> nix::Result<()> {
    while !rest.is_empty() {
        match nix::unistd::write(fd, rest) {
            Ok(written) => rest = rest.get(written..).unwrap_or_default(),
            Err(Errno::EINTR) => {}
            // Only if O_NONBLOCK is set: otherwise the write itself waits.
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
        // After EINTR the next write shows whether there is room.
        _ => Ok(()),
    }
}

fn write_line(fd: BorrowedFd, bytes: &[u8]) {
    let mut ready = [PollFd::new(fd, PollFlags::POLLOUT)];
    let timeout = if HAS_DROPPED.load(Relaxed) {
        0
    } else {
        LINE_TIMEOUT
    };
    // Another process with the same pipe may fill it between the two calls.
    for _attempt in 0..3 {
        if poll(&mut ready, timeout) == Ok(0) {
            return HAS_DROPPED.store(true, Relaxed);
        }
        // One write: a pipe takes up to PIPE_BUF bytes as a whole. If the reader has closed the pipe, nothing is to be
        // done; SIGPIPE is blocked.
        let written = nix::unistd::write(fd, bytes);
        if !matches!(written, Err(Errno::EAGAIN | Errno::EINTR)) {
            // Stored only if it changes: otherwise it would cost each hinit a page.
            if timeout == 0 {
                HAS_DROPPED.store(false, Relaxed);
            }
            return;
        }
    }
}
