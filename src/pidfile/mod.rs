//! The PID-file protocol, both sides of it.
//!
//! `hinit run` *claims* the file before it launches anything: it holds an exclusive `flock` on an
//! empty file. Then it *records* the server's PID by one write. When the server has ended, it
//! *clears* the file before it reaps the server, so that while the file names a PID, that PID is
//! the server's and cannot be reused; at the end it *removes* the file, and the kernel drops the
//! locks with the process. So a PID in a file whose *writer lock* is held, which only a process that may write the file
//! can take, is the server's, and a PID in any other file is stale. No start times and no boot ids are needed. When
//! hinit has received a stop signal, but waits before it passes the signal on, it *marks* the file. Another mark means
//! that hinit knows more than the file contains, and answers at the socket beside it. Both marks are in the length of
//! the writer lock.
//!
//! There is no temporary file and no rename: rename would put an unlocked file under the name, so that two hinits could
//! hold "the" lock. A reader sees one small write into an empty file either completely or not at all.

use std::fs::File;
use std::path::{Path, PathBuf};

use nix::sys::stat::Mode;
use nix::sys::uio::pread;
use nix::unistd::Pid;

use crate::text;

mod claim;
mod default_path;
mod lock;
mod read;
mod writer_lock;

pub(crate) use claim::Claim;
pub(crate) use default_path::{DIRECTORIES, default_path, path_in};
pub(crate) use read::{Fault, PidFile, TrustPolicy};

/// The maximum size of a PID file; a longer file is something else.
const MAX_BYTES: usize = 32;

/// The greatest PID on Linux (`PID_MAX_LIMIT` less one, on 64 bits).
const MAX_PID: i32 = 4_194_303;

/// What a hinit's writer lock tells readers, besides that it is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Marks {
    /// The server is about to be stopped. The PID in the file stays valid for `kill $(cat FILE)`.
    is_stopping: bool,
    /// hinit answers at the socket beside the file.
    has_socket: bool,
}

impl Marks {
    const NONE: Self = Self {
        is_stopping: false,
        has_socket: false,
    };

    /// The marks in the file's mode, for readers of hinit 0.1.0 and for kernels without such locks: the sticky bit, and
    /// the owner's permission to execute the file, which mean nothing on such a file. (The kernel clears the other
    /// possible bits at a write.)
    fn mode(self) -> Mode {
        let bit = |is_set, bit| if is_set { bit } else { Mode::empty() };
        bit(self.is_stopping, Mode::S_ISVTX) | bit(self.has_socket, Mode::S_IXUSR)
    }

    fn of_mode(mode: Mode) -> Self {
        Self {
            is_stopping: mode.contains(Mode::S_ISVTX),
            has_socket: mode.contains(Mode::S_IXUSR),
        }
    }
}

/// The endings of the names of two sockets: hinit answers at the first, and reads the server's messages from the
/// second.
pub(crate) const SOCKET: &str = ".sock";
pub(crate) const NOTIFY_SOCKET: &str = ".notify";

/// The path of such a socket beside a PID file.
pub(crate) fn beside(pid_file: &Path, ending: &str) -> PathBuf {
    let mut path = pid_file.as_os_str().to_owned();
    path.push(ending);
    path.into()
}

/// What a PID file contains.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Contents {
    Empty,
    Pid(Pid),
    TooLarge,
    /// Something other than ASCII digits with blanks around.
    NotAPid,
    /// A number that no process has.
    OutOfRange,
}

impl Contents {
    fn read(file: &File) -> nix::Result<(Self, [u8; MAX_BYTES + 1])> {
        let mut bytes = [0; MAX_BYTES + 1];
        let length = pread(file, &mut bytes, 0)?;
        Ok((Self::parse(bytes.get(..length).unwrap_or_default()), bytes))
    }

    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let digits = bytes.trim_ascii();
        if bytes.is_empty() {
            Self::Empty
        } else if bytes.len() > MAX_BYTES {
            Self::TooLarge
        } else if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            Self::NotAPid
        } else {
            let pid = str::from_utf8(digits).ok().and_then(text::pid);
            let pid = pid.filter(|pid| (1..=MAX_PID).contains(&pid.as_raw()));
            pid.map_or(Self::OutOfRange, Self::Pid)
        }
    }
}

/// Checks that `parse` returns a PID only for digits, at most [`MAX_BYTES`] of them, and only one that a process can have.
#[cfg(any(fuzzing, test))]
pub(crate) fn fuzz(bytes: &[u8]) {
    if let Contents::Pid(pid) = Contents::parse(bytes) {
        let text = str::from_utf8(bytes).unwrap_or_default();
        let number = text.trim_ascii().trim_start_matches('0');
        assert_eq!(number, pid.to_string());
        assert!(bytes.len() <= MAX_BYTES && (1..=MAX_PID).contains(&pid.as_raw()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pid_file_contains_a_pid_or_something_else() {
        let pid = |pid| Contents::Pid(Pid::from_raw(pid));
        let padded = |blanks: usize| format!("{}7", " ".repeat(blanks));
        for (text, contents) in [
            ("", Contents::Empty),
            ("1", pid(1)),
            ("4194303\n", pid(4_194_303)),
            (" \t42 \r\n", pid(42)),
            ("007\n", pid(7)),
            (&padded(31), pid(7)),
            (&padded(32), Contents::TooLarge),
            ("\n", Contents::NotAPid),
            ("\0\0\0", Contents::NotAPid),
            ("1\0junk", Contents::NotAPid),
            ("1\ngarbage", Contents::NotAPid),
            ("1 2", Contents::NotAPid),
            ("+1", Contents::NotAPid),
            ("-1", Contents::NotAPid),
            ("0x10", Contents::NotAPid),
            ("1.5", Contents::NotAPid),
            ("\u{663}", Contents::NotAPid),
            ("0\n", Contents::OutOfRange),
            ("4194304", Contents::OutOfRange),
            ("4294967297", Contents::OutOfRange),
            ("99999999999999999999", Contents::OutOfRange),
        ] {
            assert_eq!(Contents::parse(text.as_bytes()), contents, "{text:?}");
        }
        assert_eq!(Contents::parse(b"\xff1"), Contents::NotAPid);
    }
}
