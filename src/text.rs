//! Texts of a bounded size, which allocate nothing; bytes as text; and the names of signals and processes.

use std::ffi::OsStr;
use std::fmt::{self, Write};
use std::os::unix::ffi::OsStrExt;

use nix::libc::{SIGPWR, SIGSTKFLT, c_int};
use nix::unistd::Pid;

use crate::sys::Bytes;

/// A text that is cut off after N bytes.
pub(crate) struct Buffer<const N: usize>(Bytes<N>);

impl<const N: usize> Buffer<N> {
    pub(crate) fn new() -> Self {
        Self(Bytes::new())
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    pub(crate) fn text(&self) -> &str {
        str::from_utf8(self.bytes()).unwrap_or_default()
    }

    /// Appends as much of `text` as there is room for, and leaves `spare` bytes free.
    fn push(&mut self, text: &str, spare: usize) -> fmt::Result {
        let end = text.floor_char_boundary(self.0.room() - spare);
        self.0.push(text.as_bytes().get(..end).unwrap_or_default());
        if end == text.len() {
            Ok(())
        } else {
            Err(fmt::Error)
        }
    }
}

impl<const N: usize> Write for Buffer<N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text, 0)
    }
}

/// One line of text: no control characters, whatever a file name contains; at most [`Line::MAX`] bytes; a newline at the
/// end. A part longer than [`Line::MAX_OF_ONE`] loses its middle: so a message with a long path keeps the reason and the
/// remedy, which are at its end.
pub(crate) struct Line(Buffer<{ Line::MAX }>);

impl Line {
    /// Enough for any message and a long path; less than Docker keeps of a health check and than a pipe takes at once
    /// (4096 each).
    const MAX: usize = 1024;
    const MAX_OF_ONE: usize = 800;
    /// How many bytes of that are the end of the text.
    const END: usize = 500;

    pub(crate) fn new(message: fmt::Arguments) -> Self {
        let mut line = Self(Buffer::new());
        // The only error is that the line is full: the rest is cut off.
        let _cut_off = line.write_fmt(message);
        // The text leaves a byte free for it.
        let _has_room = line.0.push("\n", 0);
        line
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.bytes()
    }
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        const GAP: &str = "...";
        if text.len() <= Self::MAX_OF_ONE {
            return self.append(text);
        }
        let start = text.floor_char_boundary(Self::MAX_OF_ONE - GAP.len() - Self::END);
        let end = text.ceil_char_boundary(text.len() - Self::END);
        let (start, end) = (text.get(..start), text.get(end..));
        for part in [start.unwrap_or_default(), GAP, end.unwrap_or_default()] {
            self.append(part)?;
        }
        Ok(())
    }
}

impl Line {
    fn append(&mut self, text: &str) -> fmt::Result {
        for part in text.split_inclusive(char::is_control) {
            let shown = part.trim_end_matches(char::is_control);
            self.0.push(shown, 1)?;
            if shown.len() < part.len() {
                self.0.push("?", 1)?;
            }
        }
        Ok(())
    }
}

/// Bytes of others on one line: with the escapes of `--send` and `--reply`, and three dots behind the first
/// [`Escaped::MAX`].
pub(crate) struct Escaped<'a>(pub(crate) &'a [u8]);

impl Escaped<'_> {
    pub(crate) const MAX: usize = 100;
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let shown = self.0.get(..Self::MAX).unwrap_or(self.0);
        for &byte in shown {
            match byte {
                b'\r' => f.write_str("\\r"),
                b'\n' => f.write_str("\\n"),
                b'\t' => f.write_str("\\t"),
                b'\\' => f.write_str("\\\\"),
                b' '..=b'~' => f.write_char(char::from(byte)),
                _ => write!(f, "\\x{:02x}", u32::from(byte)),
            }?;
        }
        let is_cut = shown.len() < self.0.len();
        f.write_str(if is_cut { "..." } else { "" })
    }
}

/// A decimal number of digits only; `parse` alone would take a sign as well.
pub(crate) fn digits(text: &str) -> Option<u64> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

/// A PID: a decimal number of digits only.
pub(crate) fn pid(text: &str) -> Option<Pid> {
    let number = c_int::try_from(digits(text)?);
    number.ok().map(Pid::from_raw)
}

/// Bytes as text for a message; `\u{fffd}` replaces what is not UTF-8.
pub(crate) fn shown(bytes: &[u8]) -> String {
    format!("{}", OsStr::from_bytes(bytes).display())
}

/// What a process is or does: `process 7 is alive`.
pub(crate) fn write_process(f: &mut dyn Write, pid: Pid, state: &str) -> fmt::Result {
    write!(f, "process {pid} {state}")
}

/// The name of one of the signals 1 to 31.
pub(crate) fn standard_signal_name(number: c_int) -> Option<&'static str> {
    match number {
        // These two are Linux's and not POSIX's, so signal-hook does not name them.
        SIGSTKFLT => Some("SIGSTKFLT"),
        SIGPWR => Some("SIGPWR"),
        _ => signal_hook::low_level::signal_name(number),
    }
}

/// The real-time signals, as glibc and the shells number them (signal(7)).
pub(crate) const RTMIN: c_int = 34;
pub(crate) const RTMAX: c_int = 64;

/// `SIGTERM`; real-time signals by their distance from SIGRTMIN.
pub(crate) struct SignalName(pub(crate) c_int);

impl fmt::Display for SignalName {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self(number) = *self;
        match (standard_signal_name(number), number) {
            (Some(name), _) => f.write_str(name),
            (_, RTMIN) => f.write_str("SIGRTMIN"),
            (_, RTMIN..=RTMAX) => write!(f, "SIGRTMIN+{}", number - RTMIN),
            _ => write!(f, "signal {number}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(cut.len(), 800);
        assert!(cut.ends_with("ü\n") && cut.contains("ü...ü"));
        let many = "ü".repeat(100);
        let cut = Line::new(format_args!("{many}{many}{many}{many}{many}{many}"));
        assert_eq!(cut.bytes().len(), 1023);
        assert!(cut.bytes().ends_with("ü\n".as_bytes()));
    }

    #[test]
    fn a_long_path_loses_its_middle_and_nothing_else() {
        let path = format!("/start{}/end", "/long".repeat(1000));
        let message = format!("cannot open `{path}`: it is a FIFO; name another");
        let shown = line(&message);
        assert!(shown.starts_with("cannot open `/start/long/"), "{shown}");
        assert!(shown.contains("...") && shown.len() == 801, "{shown}");
        assert!(shown.ends_with("/end`: it is a FIFO; name another\n"));
        let verdict = Line::new(format_args!("PID file {path} is empty"));
        let shown = str::from_utf8(verdict.bytes()).unwrap();
        assert!(shown.starts_with("PID file /start/"), "{shown}");
        assert!(shown.ends_with("/end is empty\n"), "{shown}");
        let fits = "x".repeat(800);
        assert_eq!(line(&fits), format!("{fits}\n"));
    }

    #[test]
    fn bytes_are_escaped_and_cut() {
        for (bytes, shown) in [
            (&b""[..], ""),
            (b"-ERR `x'\"\r\n", r#"-ERR `x'"\r\n"#),
            (
                b"\0\t\\ \x1b[31m\x7f\xc3\xbc~",
                r"\x00\t\\ \x1b[31m\x7f\xc3\xbc~",
            ),
        ] {
            assert_eq!(Escaped(bytes).to_string(), shown);
        }
        let full = [0; Escaped::MAX];
        assert_eq!(Escaped(&full).to_string(), "\\x00".repeat(100));
        let cut = [b'x'; Escaped::MAX + 1];
        assert_eq!(Escaped(&cut).to_string(), format!("{}...", "x".repeat(100)));
    }

    #[test]
    fn a_full_buffer_cuts_the_text_off() {
        let mut buffer = Buffer::<5>::new();
        assert!(buffer.write_str("abü").is_ok());
        assert!(buffer.write_str("ü").is_err());
        assert_eq!(buffer.bytes(), "abü".as_bytes());
    }
}
