//! What hinit says: lines that never fail, never block for long and never run into each other.

use std::fmt::{self, Write};
use std::os::fd::BorrowedFd;

use nix::poll::{PollFd, PollFlags, poll};

use crate::sys::{STDERR, STDOUT};

/// How long a line waits for a full pipe or a stopped terminal before it is dropped: nothing may
/// keep PID 1 from its work, and a reader that is merely slow gets its chance.
const PATIENCE: u8 = 100;

/// How much `hinit run` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verbosity {
    /// Only errors.
    Quiet,
    /// Also warnings, and how the server ended.
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

    /// A warning, or the end of the server.
    pub(crate) fn warn(self, message: fmt::Arguments) {
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

/// Writes a line that is finished already, and that a pipe takes at once, to standard output.
pub(crate) fn print_finished(line: &str) {
    write_patiently(STDOUT, line.as_bytes());
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
    if poll(&mut ready, PATIENCE) != Ok(0) {
        // One write: lines of up to PIPE_BUF bytes arrive whole. A reader that is gone is no
        // concern of ours; SIGPIPE is blocked.
        let _lost = nix::unistd::write(fd, bytes);
    }
}

/// One line of text, whatever a file name in it holds: no control characters, at most
/// [`Line::MOST`] bytes, the newline at the end. It allocates nothing.
pub(crate) struct Line {
    bytes: [u8; Self::MOST],
    len: usize,
}

impl Line {
    /// Enough for any message and a long path; well within what Docker keeps of a health check and
    /// what a pipe takes at once (4096 each).
    const MOST: usize = 1024;

    pub(crate) fn new(message: fmt::Arguments) -> Self {
        let mut line = Self {
            bytes: [0; Self::MOST],
            len: 0,
        };
        // The only error is that the line is full: what has no room is cut off.
        let _cut_off = line.write_fmt(message);
        let _has_room = line.push("\n", 0);
        line
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// Appends as much of `text` as there is room for, but for `spare` bytes.
    fn push(&mut self, text: &str, spare: usize) -> fmt::Result {
        let room = Self::MOST - self.len - spare;
        let end = self.len + text.floor_char_boundary(room);
        let fits = text.as_bytes().get(..end - self.len).unwrap_or_default();
        self.bytes
            .get_mut(self.len..end)
            .ok_or(fmt::Error)?
            .copy_from_slice(fits);
        self.len = end;
        if fits.len() == text.len() {
            Ok(())
        } else {
            Err(fmt::Error)
        }
    }
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for part in text.split_inclusive(char::is_control) {
            let shown = part.trim_end_matches(char::is_control);
            self.push(shown, 1)?;
            if shown.len() < part.len() {
                self.push("?", 1)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Line;

    fn line(text: &str) -> String {
        String::from_utf8_lossy(Line::new(format_args!("{text}")).bytes()).into_owned()
    }

    #[test]
    fn a_line_is_one_line() {
        assert_eq!(line("ünder ツ"), "ünder ツ\n");
        assert_eq!(line("a\nb\tc\x1b[31m\u{85}"), "a?b?c?[31m?\n");
        assert_eq!(line(""), "\n");
    }

    #[test]
    fn a_long_line_is_cut_at_a_character_and_still_ends() {
        let cut = line(&"ü".repeat(5000));
        assert_eq!(cut.len(), 1023);
        assert!(cut.ends_with("ü\n"));
    }
}
