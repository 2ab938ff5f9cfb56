//! What failed, on what, and which exit code that is.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;

use nix::errno::Errno;

/// Why hinit did not launch the server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Error {
    /// The command line is wrong.
    Usage(String),
    /// hinit itself could not do its job.
    Cannot {
        verb: &'static str,
        thing: String,
        reason: Cow<'static, str>,
        remedy: Option<Cow<'static, str>>,
    },
    /// The command was found, but the kernel would not run it.
    NotExecutable {
        command: String,
        reason: Cow<'static, str>,
    },
    /// There is no such command.
    NotFound {
        command: String,
        reason: Cow<'static, str>,
    },
}

/// The exit codes of `hinit run`, when they are not the server's own: those of env(1), timeout(1)
/// and the shells.
pub(crate) mod exit_code {
    /// Of the other commands: what was asked for did not come about.
    pub(crate) const REFUSED: u8 = 1;
    pub(crate) const HINIT_FAILED: u8 = 125;
    pub(crate) const NOT_EXECUTABLE: u8 = 126;
    pub(crate) const NOT_FOUND: u8 = 127;
    /// 128 plus the number of the signal that killed the server.
    pub(crate) const KILLED_BY: i32 = 128;
}

/// The exit codes of an init that has no server: it failed itself, the command could not be executed,
/// or was not found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ExitCodes(pub(crate) [u8; 3]);

impl ExitCodes {
    pub(crate) const OWN: Self = Self([
        exit_code::HINIT_FAILED,
        exit_code::NOT_EXECUTABLE,
        exit_code::NOT_FOUND,
    ]);

    pub(crate) fn of(self, error: &Error) -> u8 {
        let Self([failed, not_executable, not_found]) = self;
        match error {
            Error::Usage(_) | Error::Cannot { .. } => failed,
            Error::NotExecutable { .. } => not_executable,
            Error::NotFound { .. } => not_found,
        }
    }
}

impl Error {
    pub(crate) fn cannot(
        verb: &'static str,
        thing: impl fmt::Display,
        reason: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::Cannot {
            verb,
            thing: thing.to_string(),
            reason: reason.into(),
            remedy: None,
        }
    }

    /// A system call failed on a file.
    pub(crate) fn on_path(verb: &'static str, path: &Path, errno: Errno) -> Self {
        Self::cannot(verb, path.display(), errno.desc())
    }

    #[must_use]
    pub(crate) fn remedy(mut self, words: impl Into<Cow<'static, str>>) -> Self {
        if let Self::Cannot { remedy, .. } = &mut self {
            *remedy = Some(words.into());
        }
        self
    }
}

/// What std says in its own way.
pub(crate) fn errno(error: &std::io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or_default())
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Usage(message) => f.write_str(message),
            Self::Cannot {
                verb,
                thing,
                reason,
                remedy,
            } => {
                write!(f, "cannot {verb} `{thing}`: {reason}")?;
                remedy.iter().try_for_each(|remedy| write!(f, "; {remedy}"))
            }
            Self::NotExecutable { command, reason } | Self::NotFound { command, reason } => {
                write!(f, "cannot run `{command}`: {reason}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_wording_and_one_exit_code_each() {
        let reason = || Cow::from("because");
        for (error, code, line) in [
            (
                Error::Usage("no command given".into()),
                125,
                "no command given",
            ),
            (
                Error::on_path("open", Path::new("/p"), Errno::EACCES),
                125,
                "cannot open `/p`: Permission denied",
            ),
            (
                Error::cannot("claim", "/p", "it is a FIFO").remedy("go away"),
                125,
                "cannot claim `/p`: it is a FIFO; go away",
            ),
            (
                Error::NotExecutable {
                    command: "x".into(),
                    reason: reason(),
                },
                126,
                "cannot run `x`: because",
            ),
            (
                Error::NotFound {
                    command: "x".into(),
                    reason: reason(),
                },
                127,
                "cannot run `x`: because",
            ),
        ] {
            assert_eq!(
                (ExitCodes::OWN.of(&error), error.to_string().as_str()),
                (code, line)
            );
        }
    }
}
