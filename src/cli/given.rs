//! The options that were given, as arguments or by the environment.

use std::ffi::{CStr, OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use pico_args::Arguments;

use super::options::{Opt, Topic};
use super::values::Kind;
use crate::error::Error;

/// Looks up an environment variable.
pub(crate) type Env<'a> = &'a dyn Fn(&CStr) -> Option<OsString>;

/// What was given to one of hinit's commands. An argument beats the environment.
pub(super) struct Given<'a> {
    arguments: Arguments,
    env: Env<'a>,
}

impl<'a> Given<'a> {
    /// Cuts the words at the first operand or `--`, and returns what stands behind it as well: that
    /// is the server's, even where it looks like an option of ours, so pico-args, which scans all it
    /// is given, must not see it. `--name=value` becomes two words.
    pub(super) fn split(
        words: Vec<OsString>,
        topic: &Topic,
        env: Env<'a>,
    ) -> Result<(Self, Vec<OsString>), Error> {
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
                    return Err(Error::Usage(format!("`{}` takes no value", option.long)));
                }
                (true, joined) => {
                    arguments.push(value_of(option, joined.or_else(|| words.next()))?);
                }
            }
        }
        operands.extend(words);
        let arguments = Arguments::from_vec(arguments);
        Ok((Self { arguments, env }, operands))
    }

    /// Whether a flag is on. In the environment 1 is on; 0, empty or missing is off.
    pub(super) fn flag(&mut self, option: &Opt) -> Result<bool, Error> {
        let given = self.arguments.contains(option.long);
        while self.arguments.contains(option.long) {}
        let value = self.variable(option).unwrap_or_default();
        match value.as_bytes() {
            _ if given => Ok(true),
            b"1" => Ok(true),
            b"" | b"0" => Ok(false),
            _ => Err(refused_variable(option, &value, "neither 0 nor 1")),
        }
    }

    /// The last word given as an argument: a command line may repeat what an image has set.
    pub(super) fn argument(&mut self, option: &Opt) -> Option<OsString> {
        self.arguments_of(option).pop()
    }

    /// The word given for an option, whatever it is.
    pub(super) fn word(&mut self, option: &Opt) -> Option<OsString> {
        self.argument(option).or_else(|| self.variable(option))
    }

    /// The value of an option.
    pub(super) fn value<T>(&mut self, option: &Opt, kind: &Kind<T>) -> Result<Option<T>, Error> {
        Ok(self.values_from(option, kind, |_| false)?.pop())
    }

    /// The values of an option that may be given several times; in its variable blanks or commas
    /// stand between them.
    pub(super) fn values<T>(&mut self, option: &Opt, kind: &Kind<T>) -> Result<Vec<T>, Error> {
        self.values_from(option, kind, |byte| b" \t\n,".contains(&byte))
    }

    fn values_from<T>(
        &mut self,
        option: &Opt,
        kind: &Kind<T>,
        separates: fn(u8) -> bool,
    ) -> Result<Vec<T>, Error> {
        let parse = |word: &OsStr| word.to_str().and_then(kind.parse);
        let wanted = || format!("not {}", kind.wanted);
        let words = self.arguments_of(option);
        if !words.is_empty() {
            let refused = |word: &OsStr| {
                let word = word.display();
                Error::Usage(format!("`{} {word}`: {}", option.long, wanted()))
            };
            let parse = |word: &OsString| parse(word).ok_or_else(|| refused(word));
            return words.iter().map(parse).collect();
        }
        let variable = self.variable(option).unwrap_or_default();
        let words = variable.as_bytes().split(|&byte| separates(byte));
        let words = words.filter(|word| !word.is_empty()).map(OsStr::from_bytes);
        let refused = |word: &OsStr| refused_variable(option, word, &wanted());
        words
            .map(|word| parse(word).ok_or_else(|| refused(word)))
            .collect()
    }

    /// All words given as arguments for an option, in their order.
    fn arguments_of(&mut self, option: &Opt) -> Vec<OsString> {
        let copy = |value: &OsStr| Ok::<_, std::convert::Infallible>(value.to_owned());
        self.arguments
            .values_from_os_str(option.long, copy)
            .unwrap_or_default()
    }

    /// An option's environment variable; an empty one is as good as none.
    fn variable(&self, option: &Opt) -> Option<OsString> {
        if option.env.is_empty() {
            return None;
        }
        (self.env)(option.env).filter(|value| !value.is_empty())
    }
}

/// An option's value: any word, but for one that looks like an option, since that is far more
/// often a value forgotten. (A file that really has such a name is `./-x`.)
fn value_of(option: &Opt, word: Option<OsString>) -> Result<OsString, Error> {
    match word {
        Some(word) if !word.is_empty() && !word.as_bytes().starts_with(b"-") => Ok(word),
        _ => Err(Error::Usage(format!(
            "`{}` needs a value: {}",
            option.long, option.value
        ))),
    }
}

fn refused_variable(option: &Opt, value: &OsStr, why: &str) -> Error {
    let (name, value) = (option.env_name(), value.display());
    Error::Usage(format!("`{name}={value}`: {why}"))
}

pub(super) fn contradiction(one: &Opt, other: &Opt) -> Error {
    Error::Usage(format!(
        "`{}` and `{}` contradict each other",
        one.long, other.long
    ))
}

pub(super) fn unknown(what: &str, word: &OsStr, nearest: &str) -> Error {
    Error::Usage(format!(
        "{what} `{}`; the nearest is `{nearest}`",
        word.display()
    ))
}
