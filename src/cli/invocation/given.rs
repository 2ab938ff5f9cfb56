//! The values of options, from the first source that has some.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use super::Invocation;
use super::escape::{MAX_EXCHANGED, TOO_LONG};
use super::expand::expanded;
use super::parsed::named;
use super::source::Source;
use crate::cli::PidFile;
use crate::cli::options::Opt;
use crate::cli::values::{self, Parse, ParseError, Separators, ValueParser, require};

/// The methods that read an option: its entry in the table names one of them.
impl<'a> Invocation<'a> {
    /// Whether a flag is on. Its variable can switch off what the variable for all options switches on.
    pub(in crate::cli) fn flag(&mut self, option: &Opt) -> bool {
        match self.source(option) {
            None => false,
            Some(Source::Argument | Source::General) => true,
            Some(Source::Variable(_)) => self.value(option, &values::SWITCH).unwrap_or_default(),
        }
    }

    /// How often an option was given as an argument.
    pub(in crate::cli) fn count(&self, option: &Opt) -> usize {
        self.arguments.count(option)
    }

    /// The value of an option that may be given once, whatever it is.
    pub(in crate::cli) fn word(&mut self, option: &Opt) -> Option<OsString> {
        let (_, mut words) = self.words(option, Separators::None)?;
        words.pop()
    }

    /// The PID file that an option names.
    pub(in crate::cli) fn pid_file(&mut self, option: &Opt) -> PidFile {
        self.expanded(option, false)
            .map_or(PidFile::Default, |(path, shown)| PidFile::At {
                path: path.into(),
                shown: shown.into(),
            })
    }

    /// The bytes of an option that may be given once. Its text may contain escapes.
    pub(in crate::cli) fn bytes(&mut self, option: &Opt) -> Vec<u8> {
        let Some((value, shown)) = self.expanded(option, true) else {
            return Vec::new();
        };
        if value.len() > MAX_EXCHANGED {
            let shown = shown.to_string_lossy();
            self.refuse_value(option, &shown, TOO_LONG);
        }
        value.into_vec()
    }

    /// The value of an option that may be given once; and as it was written.
    #[inline(never)]
    fn expanded(&mut self, option: &Opt, has_escapes: bool) -> Option<(OsString, OsString)> {
        let (source, mut words) = self.words(option, Separators::None)?;
        let shown = words.pop()?;
        let value = self.expand(option, &shown, has_escapes);
        let refused = |why: String| self.refuse(source.refusal(option, &shown, &why));
        let value = value.map_err(refused).ok()?;
        Some((value, shown))
    }

    /// The value of an option that may be given once.
    pub(in crate::cli) fn value<T>(&mut self, option: &Opt, kind: &ValueParser<T>) -> Option<T> {
        let mut last = None;
        self.each(option, Separators::None, &mut |text, _| {
            last = (kind.parse)(text);
            require(last.is_some(), kind.expected)
        });
        last
    }

    /// The value of an option that has a default.
    #[inline]
    pub(in crate::cli) fn value_or<T>(
        &mut self,
        option: &Opt,
        kind: &ValueParser<T>,
        default: T,
    ) -> T {
        self.value(option, kind).unwrap_or(default)
    }

    /// The values of an option that may be repeated.
    pub(in crate::cli) fn values<T>(
        &mut self,
        option: &Opt,
        separators: Separators,
        kind: &ValueParser<T>,
    ) -> Vec<T> {
        let mut values = Vec::new();
        self.each(option, separators, &mut |text, _| {
            let value = (kind.parse)(text);
            let is_expected = value.map(|value| values.push(value)).is_some();
            require(is_expected, kind.expected)
        });
        values
    }

    /// The values of an option that may be repeated, by a parser that adds them and itself says what is wrong.
    pub(in crate::cli) fn parsed<T>(
        &mut self,
        option: &Opt,
        separators: Separators,
        parse: Parse<T>,
    ) -> Vec<T> {
        let mut values = Vec::new();
        self.each(option, separators, &mut |text, written| {
            parse(text, written, &mut values)
        });
        values
    }

    /// The value of an option that may be given once, by such a parser.
    pub(in crate::cli) fn parsed_once<T>(&mut self, option: &Opt, parse: Parse<T>) -> Option<T> {
        self.parsed(option, Separators::None, parse).pop()
    }

    /// The name by which an option was given, and a text that ends with its values, a blank before each.
    pub(in crate::cli) fn joined(
        &mut self,
        option: &Opt,
        start: &str,
    ) -> Option<(String, OsString)> {
        let (source, words) = self.words(option, Separators::Lines)?;
        let mut text = OsString::from(start);
        for word in words {
            text.push(" ");
            text.push(word);
        }
        Some((source.name(option), text))
    }

    /// Refuses a value that is right in itself, but not beside the others.
    pub(in crate::cli) fn refuse_value(&mut self, option: &Opt, value: &str, why: &str) {
        if let Some(source) = self.source(option) {
            self.refuse(source.refusal(option, OsStr::new(value), why));
        }
    }

    /// Passes each value of an option to `take`, also as it was written. `take` returns what is wrong with it.
    #[inline(never)]
    fn each(
        &mut self,
        option: &Opt,
        separators: Separators,
        take: &mut dyn for<'t> FnMut(&'t str, &str) -> Result<(), ParseError<'t>>,
    ) {
        let Some((source, words)) = self.words(option, separators) else {
            return;
        };
        for word in &words {
            if let Err(why) = self.take_word(option, word, take) {
                self.refuse(source.refusal(option, word, &why));
            }
        }
    }

    fn take_word(
        &self,
        option: &Opt,
        word: &OsStr,
        take: &mut dyn for<'t> FnMut(&'t str, &str) -> Result<(), ParseError<'t>>,
    ) -> Result<(), String> {
        let value = self.expand(option, word, false)?;
        let (Some(text), Some(written)) = (value.to_str(), word.to_str()) else {
            return Err("not UTF-8 text".into());
        };
        take(text, written).map_err(|error| match error {
            // A part of an expanded value may be a secret.
            ParseError::Because(why, _) if text != written => {
                ParseError::Because(why, written).message(written)
            }
            error => error.message(written),
        })
    }

    /// A word, with its variables replaced if the option's values may contain some.
    fn expand(&self, option: &Opt, word: &OsStr, has_escapes: bool) -> Result<OsString, String> {
        if !option.is_expanded() {
            return Ok(word.to_owned());
        }
        let value = expanded(word, self.env, has_escapes)?;
        if value.is_empty() {
            return Err("the value is empty".into());
        }
        Ok(value)
    }

    /// All values of an option, and where they come from.
    #[inline(never)]
    fn words(
        &mut self,
        option: &Opt,
        separators: Separators,
    ) -> Option<(Source<'a>, Vec<OsString>)> {
        self.refuse_repeated(option, separators);
        let source = self.source(option)?;
        let mut words = Vec::new();
        let mut split = |text: &OsStr, separators: Separators, may_be_empty| {
            for word in text.as_bytes().split(|byte| separators.contain(*byte)) {
                if may_be_empty || !word.is_empty() {
                    words.push(OsStr::from_bytes(word).to_owned());
                }
            }
        };
        let options = match source {
            Source::Argument => &mut self.arguments,
            Source::General => &mut self.general,
            Source::Variable(value) => {
                split(value, separators, false);
                return Some((source, words));
            }
        };
        while let Some(word) = options.take(option) {
            split(&word, separators.of_argument(), true);
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

    /// Where the values of an option come from, if it has some. An empty variable counts as unset.
    pub(super) fn source(&self, option: &Opt) -> Option<Source<'a>> {
        if self.count(option) > 0 {
            return Some(Source::Argument);
        }
        let mut with_variable = self.with_variable.iter();
        let has_variable = with_variable.any(|one| std::ptr::eq(*one, option));
        let variable = if has_variable {
            self.env.value(option.after_short())
        } else {
            None
        };
        if let Some(value) = variable.filter(|value| !value.is_empty()) {
            Some(Source::Variable(value))
        } else if self.general.count(option) > 0 {
            Some(Source::General)
        } else {
            None
        }
    }
}
