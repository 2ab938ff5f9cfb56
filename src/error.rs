//! Errors: what failed, on what, why, and the exit code.

use std::borrow::Cow;
use std::fmt::{self, Display};
use std::path::Path;

use nix::errno::Errno;

use crate::sys::describe;

/// Why hinit did not launch the server, in one line. Boxed, so that results stay small.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Error(Box<Failure>);

#[derive(Debug, PartialEq, Eq)]
struct Failure {
    kind: Kind,
    message: String,
}

/// What failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// hinit itself failed, or the command line is wrong.
    Hinit,
    /// The command was found, but the kernel would not run it.
    NotExecutable,
    /// There is no such command.
    NotFound,
}

/// The exit codes of `hinit run`, when they are not the server's own: those of env(1), timeout(1)
/// and the shells.
pub(crate) mod exit_code {
    /// Of the other commands: they failed.
    pub(crate) const REFUSED: u8 = 1;
    pub(crate) const HINIT_FAILED: u8 = 125;
    pub(crate) const NOT_EXECUTABLE: u8 = 126;
    pub(crate) const NOT_FOUND: u8 = 127;
    /// 128 plus the number of the signal that killed the server.
    pub(crate) const KILLED_BY: i32 = 128;
}

/// The exit codes of an init that could not start the server: the init itself failed, the command could not be executed,
/// or was not found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FailureCodes(pub(crate) [u8; 3]);

impl FailureCodes {
    pub(crate) const OWN: Self = Self([
        exit_code::HINIT_FAILED,
        exit_code::NOT_EXECUTABLE,
        exit_code::NOT_FOUND,
    ]);

    pub(crate) fn of(self, error: &Error) -> u8 {
        let Self([failed, not_executable, not_found]) = self;
        match error.0.kind {
            Kind::Hinit => failed,
            Kind::NotExecutable => not_executable,
            Kind::NotFound => not_found,
        }
    }
}

impl Error {
    fn new(kind: Kind, message: String) -> Self {
        Self(Box::new(Failure { kind, message }))
    }

    /// The command line is wrong.
    pub(crate) fn usage(message: String) -> Self {
        Self::new(Kind::Hinit, message)
    }

    #[inline(never)]
    pub(crate) fn cannot(verb: &str, thing: &dyn Display, reason: &dyn Display) -> Self {
        Self::new(Kind::Hinit, format!("cannot {verb} `{thing}`: {reason}"))
    }

    /// A system call failed.
    #[inline(never)]
    pub(crate) fn os(verb: &str, thing: &dyn Display, errno: Errno) -> Self {
        Self::cannot(verb, thing, &describe(errno))
    }

    /// A system call failed on a file.
    pub(crate) fn on_path(verb: &str, path: &Path, errno: Errno) -> Self {
        Self::os(verb, &path.display(), errno)
    }

    pub(crate) fn not_executable(command: &dyn Display, reason: &dyn Display) -> Self {
        Self::cannot("run", command, reason).of_kind(Kind::NotExecutable)
    }

    pub(crate) fn not_found(command: &dyn Display, reason: &dyn Display) -> Self {
        Self::cannot("run", command, reason).of_kind(Kind::NotFound)
    }

    fn of_kind(mut self, kind: Kind) -> Self {
        self.0.kind = kind;
        self
    }

    #[must_use]
    pub(crate) fn remedy(self, words: &str) -> Self {
        self.and("; ").and(words)
    }

    /// Appends these words.
    #[must_use]
    #[inline(never)]
    pub(crate) fn and(mut self, words: &str) -> Self {
        self.0.message.push_str(words);
        self
    }
}

/// The reason of a failure, for people.
pub(crate) type Reason = Cow<'static, str>;

pub(crate) fn reason(errno: Errno) -> Reason {
    describe(errno).into()
}

/// The errno of an error of std's.
#[allow(clippy::needless_pass_by_value, reason = "map_err gives it by value")]
#[inline(never)]
pub(crate) fn errno(error: std::io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or_default())
}

impl Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_has_its_text_and_its_exit_code() {
        for (error, code, line) in [
            (
                Error::usage("no command given".into()),
                125,
                "no command given",
            ),
            (
                Error::on_path("open", Path::new("/p"), Errno::EACCES),
                125,
                "cannot open `/p`: Permission denied",
            ),
            (
                Error::cannot("claim", &"/p", &"it is a FIFO").remedy("go away"),
                125,
                "cannot claim `/p`: it is a FIFO; go away",
            ),
            (
                Error::not_executable(&"x", &"because"),
                126,
                "cannot run `x`: because",
            ),
            (
                Error::not_found(&"x", &"because"),
                127,
                "cannot run `x`: because",
            ),
        ] {
            assert_eq!(
                (FailureCodes::OWN.of(&error), error.to_string().as_str()),
                (code, line)
            );
        }
    }
}
