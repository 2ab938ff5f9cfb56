//! Errors: what failed, on what, why, and the exit code.
//!
//! All their texts are here and in the modules below, and follow one wording: ``cannot VERB `THING`: REASON``, and
//! `; REMEDY` where hinit knows one.

use std::ffi::{OsStr, OsString};
use std::fmt::{self, Display, Write};

mod capability;
mod exec;
mod reason;
mod verb;

pub(crate) use capability::{Change, MissingCapability};
pub(crate) use exec::{
    Absence, BadFormat, ExecFault, Libc, NeededFault, NeededFile, NotFound, Role, THIS_MACHINE,
};
pub(crate) use reason::Reason;
pub(crate) use verb::Verb;

/// What hinit could not do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Error {
    /// hinit could not do this to that thing, such as claim a file.
    Failed {
        verb: Verb,
        thing: OsString,
        reason: Reason,
    },
    /// The command was found, but the kernel did not execute this file.
    NotExecutable { file: OsString, fault: ExecFault },
    /// There is no such command.
    NotFound {
        command: OsString,
        reason: NotFound,
        /// What was probably meant: the parts of a sentence.
        hint: Option<[&'static str; 3]>,
    },
}

/// Boxed, so that results stay small.
pub(crate) type Result<T> = std::result::Result<T, Box<Error>>;

/// The exit codes of `hinit run`, when they are not the server's own: those of env(1), timeout(1)
/// and the shells.
pub(crate) mod exit_code {
    /// A command other than `run` has failed.
    pub(crate) const REFUSED: u8 = 1;
    /// Every failure of a health check: Docker reserves 2.
    pub(crate) const UNHEALTHY: u8 = REFUSED;
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
        match error {
            Error::Failed { .. } => failed,
            Error::NotExecutable { .. } => not_executable,
            Error::NotFound { .. } => not_found,
        }
    }
}

impl Error {
    pub(crate) fn failed(
        verb: Verb,
        thing: &(impl AsRef<OsStr> + ?Sized),
        reason: impl Into<Reason>,
    ) -> Box<Self> {
        Self::new(verb, thing.as_ref(), reason.into())
    }

    #[inline(never)]
    fn new(verb: Verb, thing: &OsStr, reason: Reason) -> Box<Self> {
        let thing = thing.to_owned();
        Box::new(Self::Failed {
            verb,
            thing,
            reason,
        })
    }

    /// What to do, where hinit knows it.
    fn write_remedy(&self, text: &mut String) -> fmt::Result {
        match self {
            Self::Failed { verb, reason, .. } => {
                // Only one of them has a remedy.
                text.push_str(verb.remedy());
                reason.write_remedy(text)
            }
            Self::NotFound {
                hint: Some([before, hint, after]),
                ..
            } => write!(text, "{before}{hint}{after}"),
            Self::NotFound { hint: None, .. } | Self::NotExecutable { .. } => Ok(()),
        }
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let (verb, thing, reason): (_, _, &dyn Display) = match self {
            Self::Failed {
                verb,
                thing,
                reason,
            } => (*verb, thing, reason),
            Self::NotExecutable { file, fault } => (Verb::Run, file, fault),
            Self::NotFound {
                command, reason, ..
            } => (Verb::Run, command, reason),
        };
        let (verb, thing, mut remedy) = (verb.text(), thing.display(), String::new());
        self.write_remedy(&mut remedy)?;
        let semicolon = if remedy.is_empty() { "" } else { "; " };
        // As one part, because a line of the log shortens each part in its middle: the end has the reason and the remedy.
        f.write_str(&format!(
            "cannot {verb} `{thing}`: {reason}{semicolon}{remedy}"
        ))
    }
}

#[cfg(test)]
mod tests;
