//! Where an option was given, for messages.

use std::ffi::OsStr;

use crate::cli::options::Opt;

/// Where an option was given. The first one that has it counts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Source<'e> {
    Argument,
    /// The option's own variable, which has this value.
    Variable(&'e OsStr),
    /// The variable for all options.
    General,
}

impl Source<'_> {
    /// The beginning of a message about an option that was given there.
    pub(super) fn prefix(self) -> &'static str {
        match self {
            Self::General => "in HINIT_HEALTH: ",
            Self::Argument | Self::Variable(_) => "",
        }
    }

    /// The name by which the option was given there.
    pub(super) fn name(self, option: &Opt) -> String {
        match self {
            Self::Variable(_) => option.env_name(),
            Self::Argument | Self::General => option.long().to_owned(),
        }
    }

    pub(super) fn refusal(self, option: &Opt, word: &OsStr, why: &str) -> String {
        let (prefix, name, word) = (self.prefix(), self.name(option), word.display());
        let joint = match self {
            Self::Variable(_) => '=',
            Self::Argument | Self::General => ' ',
        };
        format!("{prefix}`{name}{joint}{word}`: {why}")
    }
}
