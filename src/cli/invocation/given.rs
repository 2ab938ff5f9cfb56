//! The values of options, from the first source that has some.

use std::ffi::{CString, OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use super::{Invocation, named};
use crate::cli::options::Opt;
use crate::cli::values::{self, ParseError, ValueParser, require};

/// Where an option was given. The first one that has it counts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Argument,
    /// The option's own variable.
    Variable,
    /// The variable for all options.
    General,
}

/// What separates the values in an option's variable.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Separators {
    /// Nothing: the option may be given only once.
    None,
    BlanksOrCommas,
    Blanks,
    /// For values that may contain blanks and commas.
    Lines,
}

impl Source {
    /// The beginning of a message about an option that was given there.
    pub(super) fn prefix(self) -> &'static str {
        match self {
            Self::General => "in HINIT_HEALTH: ",
            Self::Argument | Self::Variable => "",
        }
    }

    /// The name by which the option was given there.
    fn name(self, option: &Opt) -> String {
        match self {
            Self::Variable => option.env_name(),
            Self::Argument | Self::General => option.long().to_owned(),
        }
    }

    fn refusal(self, option: &Opt, word: &OsStr, why: &str) -> String {
        let (prefix, name, word) = (self.prefix(), self.name(option), word.display());
        let joint = if self == Self::Variable { '=' } else { ' ' };
        format!("{prefix}`{name}{joint}{word}`: {why}")
    }
}

impl Separators {
    fn contain(self, byte: u8) -> bool {
        match self {
            Self::None => false,
            Self::BlanksOrCommas => matches!(byte, b' ' | b'\t' | b'\n' | b','),
            Self::Blanks => matches!(byte, b' ' | b'\t' | b'\n'),
            Self::Lines => byte == b'\n',
        }
    }
}

impl Invocation<'_> {
    /// Whether a flag is on. Its variable can switch off what the variable for all options switches on.
    pub(in crate::cli) fn flag(&mut self, option: &Opt) -> bool {
        let source = self.source(option);
        if source != Some(Source::Variable) {
            return source.is_some();
        }
        self.value(option, &values::SWITCH).unwrap_or_default()
    }

    /// The value of an option that may be given once, whatever it is.
    pub(in crate::cli) fn word(&mut self, option: &Opt) -> Option<OsString> {
        let (_, mut words) = self.words(option, Separators::None)?;
        words.pop()
    }

    /// The value of an option that may be given once.
    pub(in crate::cli) fn value<T>(&mut self, option: &Opt, kind: &ValueParser<T>) -> Option<T> {
        let mut last = None;
        self.each(option, Separators::None, &mut |text| {
            last = (kind.parse)(text);
            require(last.is_some(), kind.expected)
        });
        last
    }

    /// The values of an option that may be repeated.
    pub(in crate::cli) fn values<T>(
        &mut self,
        option: &Opt,
        separators: Separators,
        kind: &ValueParser<T>,
    ) -> Vec<T> {
        let mut values = Vec::new();
        self.each(option, separators, &mut |text| {
            let value = (kind.parse)(text);
            let is_expected = value.map(|value| values.push(value)).is_some();
            require(is_expected, kind.expected)
        });
        values
    }

    /// Passes each value of an option to `take`, which returns what is wrong with it.
    #[inline(never)]
    pub(in crate::cli) fn each(
        &mut self,
        option: &Opt,
        separators: Separators,
        take: &mut dyn for<'t> FnMut(&'t str) -> Result<(), ParseError<'t>>,
    ) {
        let Some((source, words)) = self.words(option, separators) else {
            return;
        };
        for word in &words {
            let text = word.to_str();
            let taken = text.map_or(
                Err(ParseError::Because("not text in UTF-8", "")),
                &mut *take,
            );
            if let Err(error) = taken {
                let why = error.message(text.unwrap_or_default());
                self.refuse(source.refusal(option, word, &why));
            }
        }
    }

    /// The values of an option, a blank before each, after the text; the name by which the option was given.
    pub(in crate::cli) fn append(&mut self, option: &Opt, text: &mut OsString) -> Option<String> {
        let (source, words) = self.words(option, Separators::Lines)?;
        for word in words {
            text.push(" ");
            text.push(word);
        }
        Some(source.name(option))
    }

    /// All values of an option, and where they come from.
    #[inline(never)]
    fn words(&mut self, option: &Opt, separators: Separators) -> Option<(Source, Vec<OsString>)> {
        self.refuse_repeated(option, separators);
        let source = self.source(option)?;
        let mut words = Vec::new();
        let options = match source {
            Source::Argument => &mut self.arguments,
            Source::General => &mut self.general,
            Source::Variable => {
                let variable = self.variable(option)?;
                for word in variable.as_bytes().split(|byte| separators.contain(*byte)) {
                    if !word.is_empty() {
                        words.push(OsStr::from_bytes(word).to_owned());
                    }
                }
                return Some((source, words));
            }
        };
        while let Some(word) = options.take(option) {
            words.push(word);
        }
        Some((source, words))
    }

    fn refuse_repeated(&mut self, option: &Opt, separators: Separators) {
        // The inits whose command lines have clusters of letters take the last value.
        if separators != Separators::None || self.topic.clusters {
            return;
        }
        let source = if self.arguments.count(option) > 1 {
            Source::Argument
        } else if self.general.count(option) > 1 {
            Source::General
        } else {
            return;
        };
        if option.takes_value() {
            self.refuse(named(source.prefix(), option) + " may be given only once");
        }
    }

    /// Where the values of an option come from, if it has some.
    pub(super) fn source(&self, option: &Opt) -> Option<Source> {
        if self.count(option) > 0 {
            Some(Source::Argument)
        } else if self.variable(option).is_some() {
            Some(Source::Variable)
        } else if self.general.count(option) > 0 {
            Some(Source::General)
        } else {
            None
        }
    }

    /// An option's environment variable. An empty one counts as unset.
    fn variable(&self, option: &Opt) -> Option<OsString> {
        let may_have = self.env.may_have?;
        if !option.has_variable() || !may_have(option.long()) {
            return None;
        }
        let name = CString::new(option.env_name()).ok()?;
        (self.env.get)(&name).filter(|value| !value.is_empty())
    }
}
