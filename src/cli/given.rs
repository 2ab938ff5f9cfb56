//! The options that were given, as arguments or by the environment.

use std::ffi::{CStr, OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use pico_args::Arguments;

use super::options::{Opt, Topic};
use super::values::Kind;
use crate::error::Error;

/// Looks up an environment variable.
pub(crate) type Env<'a> = &'a dyn Fn(&CStr) -> Option<OsString>;

/// What was given to one of hinit's commands. An argument beats the option's own variable, and that
/// the variable for all options, if there is one.
pub(super) struct Given<'a> {
    arguments: Arguments,
    env: Env<'a>,
    general: Arguments,
}

impl<'a> Given<'a> {
    /// Takes the options off the words, and returns the operands as well.
    pub(super) fn split(
        words: Vec<OsString>,
        topic: &Topic,
        env: Env<'a>,
    ) -> Result<(Self, Vec<OsString>), Error> {
        let (arguments, operands) = split(words, topic)?;
        let general = Arguments::from_vec(Vec::new());
        let given = Self {
            arguments,
            env,
            general,
        };
        Ok((given, operands))
    }

    /// The same, with options also behind operands.
    pub(super) fn split_all(
        mut words: Vec<OsString>,
        topic: &Topic,
        env: Env<'a>,
    ) -> Result<(Self, Vec<OsString>), Error> {
        let (mut options, mut operands) = (Vec::new(), Vec::new());
        while !words.is_empty() {
            let (arguments, rest) = split(words, topic)?;
            options.extend(arguments.finish());
            let mut rest = rest.into_iter();
            operands.extend(rest.next());
            words = rest.collect();
        }
        let given = Self {
            arguments: Arguments::from_vec(options),
            env,
            general: Arguments::from_vec(Vec::new()),
        };
        Ok((given, operands))
    }

    /// Takes the options of a variable in addition. They are words as on a command line, with blanks
    /// between them; quotes keep a word together.
    pub(super) fn and_of(mut self, variable: &CStr, topic: &Topic) -> Result<Self, Error> {
        let text = (self.env)(variable).unwrap_or_default();
        let fail = |why: &dyn std::fmt::Display| {
            let name = variable.to_string_lossy();
            Error::usage(format!("in {name}: {why}"))
        };
        let words = words_of(text.as_bytes()).ok_or_else(|| fail(&"a quote is not closed"))?;
        let (general, operands) = split(words, topic).map_err(|error| fail(&error))?;
        if let Some(word) = operands.first() {
            let nearest = topic.nearest(&word.to_string_lossy());
            return Err(fail(&unknown("unexpected word", word, nearest)));
        }
        self.general = general;
        Ok(self)
    }

    /// Whether a flag is on. In the environment 1 is on; 0, empty or missing is off.
    pub(super) fn flag(&mut self, option: &Opt) -> Result<bool, Error> {
        let given = count(option, &mut self.arguments) > 0;
        let in_general = count(option, &mut self.general) > 0;
        let value = self.variable(option).unwrap_or_default();
        match value.as_bytes() {
            _ if given => Ok(true),
            b"1" => Ok(true),
            b"0" => Ok(false),
            b"" => Ok(in_general),
            _ => Err(refused_variable(option, &value, "neither 0 nor 1")),
        }
    }

    /// How often a flag was given as an argument.
    pub(super) fn count(&mut self, option: &Opt) -> usize {
        count(option, &mut self.arguments)
    }

    /// The last word given as an argument: a command line may repeat what an image has set.
    pub(super) fn argument(&mut self, option: &Opt) -> Option<OsString> {
        words_for(option, &mut self.arguments).pop()
    }

    /// The word given for an option, whatever it is.
    pub(super) fn word(&mut self, option: &Opt) -> Option<OsString> {
        let given = self.argument(option).or_else(|| self.variable(option));
        given.or_else(|| words_for(option, &mut self.general).pop())
    }

    /// The value of an option.
    pub(super) fn value<T>(&mut self, option: &Opt, kind: &Kind<T>) -> Result<Option<T>, Error> {
        let words = self.words(option, |_| false);
        Ok(words.parse(option, kind)?.pop())
    }

    /// The values of an option that may be given several times; in its variable blanks or commas
    /// stand between them.
    pub(super) fn values<T>(&mut self, option: &Opt, kind: &Kind<T>) -> Result<Vec<T>, Error> {
        let words = self.words(option, |byte| b" \t\n,".contains(&byte));
        words.parse(option, kind)
    }

    /// The same for values that may hold blanks and commas: one a line.
    pub(super) fn lines<T>(&mut self, option: &Opt, kind: &Kind<T>) -> Result<Vec<T>, Error> {
        self.words(option, |byte| byte == b'\n').parse(option, kind)
    }

    /// All that was given for an option, from the first place where there is something.
    fn words(&mut self, option: &Opt, separates: fn(u8) -> bool) -> Words {
        let arguments = words_for(option, &mut self.arguments);
        if !arguments.is_empty() {
            return Words::Arguments(arguments);
        }
        let Some(variable) = self.variable(option) else {
            return Words::Arguments(words_for(option, &mut self.general));
        };
        let words = variable.as_bytes().split(|&byte| separates(byte));
        let words = words.filter(|word| !word.is_empty());
        let words = words.map(|word| OsStr::from_bytes(word).to_owned());
        Words::Variable(words.collect())
    }

    /// An option's environment variable; an empty one is as good as none.
    fn variable(&self, option: &Opt) -> Option<OsString> {
        if option.env.is_empty() {
            return None;
        }
        (self.env)(option.env).filter(|value| !value.is_empty())
    }
}

/// What was given for one option, and where.
enum Words {
    Arguments(Vec<OsString>),
    Variable(Vec<OsString>),
}

impl Words {
    /// The values that these words are.
    fn parse<T>(&self, option: &Opt, kind: &Kind<T>) -> Result<Vec<T>, Error> {
        let (Self::Arguments(words) | Self::Variable(words)) = self;
        let mut values = Vec::new();
        for word in words {
            match word.to_str().and_then(kind.parse) {
                Some(value) => values.push(value),
                None => return Err(self.refused(option, word, kind.wanted)),
            }
        }
        Ok(values)
    }

    fn refused(&self, option: &Opt, word: &OsStr, wanted: &str) -> Error {
        let why = format!("not {wanted}");
        match self {
            Self::Arguments(_) => {
                let word = word.display();
                Error::usage(format!("`{} {word}`: {why}", option.long))
            }
            Self::Variable(_) => refused_variable(option, word, &why),
        }
    }
}

/// Cuts the words at the first operand or `--`: what stands behind it is the server's, even where it
/// looks like an option of ours, so pico-args, which scans all it is given, must not see it.
/// `--name=value` becomes two words.
fn split(words: Vec<OsString>, topic: &Topic) -> Result<(Arguments, Vec<OsString>), Error> {
    let mut arguments = Vec::new();
    let mut words = words.into_iter();
    let mut operands = Vec::new();
    while let Some(word) = words.next() {
        if word == "--" {
            break;
        }
        if !word.as_bytes().starts_with(b"-") || word == "-" {
            operands.push(word);
            break;
        }
        let (name, joined) = match word.as_bytes().iter().position(|&byte| byte == b'=') {
            Some(at) => {
                let (name, value) = word.as_bytes().split_at(at);
                let value = OsStr::from_bytes(value.get(1..).unwrap_or_default());
                (OsStr::from_bytes(name), Some(value.to_owned()))
            }
            None => (word.as_os_str(), None),
        };
        let text = name.to_string_lossy();
        let Some(option) = topic.option(&text) else {
            return Err(unknown("unknown option", name, topic.nearest(&text)));
        };
        arguments.push(option.long.into());
        match (option.takes_value(), joined) {
            (false, None) => {}
            (false, Some(_)) => {
                return Err(Error::usage(format!("`{}` takes no value", option.long)));
            }
            (true, joined) => {
                arguments.push(value_of(option, joined.or_else(|| words.next()))?);
            }
        }
    }
    operands.extend(words);
    Ok((Arguments::from_vec(arguments), operands))
}

/// The words of a text, as a shell would see them if it knew blanks and quotes alone. None, if a quote
/// is not closed.
fn words_of(text: &[u8]) -> Option<Vec<OsString>> {
    let mut words = Vec::new();
    let mut word: Option<Vec<u8>> = None;
    let mut quote = None;
    for &byte in text {
        match (byte, quote) {
            (_, Some(open)) if byte == open => quote = None,
            (b'"' | b'\'', None) => {
                quote = Some(byte);
                word.get_or_insert_default();
            }
            (_, None) if byte.is_ascii_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(byte),
        }
    }
    words.extend(word);
    let words = words.into_iter().map(OsString::from_vec).collect();
    quote.is_none().then_some(words)
}

fn count(flag: &Opt, arguments: &mut Arguments) -> usize {
    std::iter::from_fn(|| arguments.contains(flag.long).then_some(())).count()
}

/// All words given as arguments for an option, in their order.
fn words_for(option: &Opt, arguments: &mut Arguments) -> Vec<OsString> {
    let copy = |value: &OsStr| Ok::<_, std::convert::Infallible>(value.to_owned());
    arguments
        .values_from_os_str(option.long, copy)
        .unwrap_or_default()
}

/// An option's value: any word, but for one that looks like an option, since that is far more
/// often a value forgotten. (A file that really has such a name is `./-x`.)
fn value_of(option: &Opt, word: Option<OsString>) -> Result<OsString, Error> {
    match word {
        Some(word) if !word.is_empty() && !word.as_bytes().starts_with(b"-") => Ok(word),
        _ => Err(Error::usage(format!(
            "`{}` needs a value: {}",
            option.long, option.value
        ))),
    }
}

fn refused_variable(option: &Opt, value: &OsStr, why: &str) -> Error {
    let (name, value) = (option.env_name(), value.display());
    Error::usage(format!("`{name}={value}`: {why}"))
}

pub(super) fn contradiction(one: &Opt, other: &Opt) -> Error {
    Error::usage(format!(
        "`{}` and `{}` contradict each other",
        one.long, other.long
    ))
}

pub(super) fn unknown(what: &str, word: &OsStr, nearest: &str) -> Error {
    Error::usage(format!(
        "{what} `{}`; the nearest is `{nearest}`",
        word.display()
    ))
}
