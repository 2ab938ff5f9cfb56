//! The options that were given, as arguments or by the environment.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::vec::IntoIter;

use super::options::{HELP, Opt, Topic, value_in};

mod effect;
mod escape;
mod expand;
mod given;
mod parsed;
mod source;
mod words;

#[cfg(any(fuzzing, test))]
pub(super) use escape::fuzz as fuzz_escapes;
#[cfg(any(fuzzing, test))]
pub(super) use expand::fuzz as fuzz_expansion;
use parsed::{Parsed, named};
use source::Source;
pub(crate) use words::words_of;
use words::{split, unexpected};

/// The environment.
#[derive(Clone, Copy)]
pub(crate) struct Env<'a> {
    /// hinit's own variables (`HINIT_NAME=VALUE`).
    pub(crate) own: &'a [&'a [u8]],
    /// Looks up any other variable.
    pub(crate) other: &'a dyn Fn(&[u8]) -> Option<OsString>,
}

impl<'a> Env<'a> {
    #[cfg(any(fuzzing, test))]
    pub(crate) const EMPTY: Self = Self {
        own: &[],
        other: &|_| None,
    };

    /// The value of the variable of an option whose text begins with this long name.
    fn value(self, long: &str) -> Option<&'a OsStr> {
        let mut own = self.own.iter();
        own.find_map(|variable| value_in(variable, long))
    }
}

/// What was given to one of hinit's commands. An argument beats the option's own variable, and that
/// the variable for all options, if there is one.
///
/// The first mistake is kept for the end. An option with a mistake has a default value until then, so callers
/// need not check each value.
pub(super) struct Invocation<'a> {
    pub(super) env: Env<'a>,
    topic: &'a Topic,
    arguments: Parsed,
    /// Those whose own variable is set.
    with_variable: Vec<&'static Opt>,
    /// From the variable for all options.
    general: Parsed,
    operands: Vec<OsString>,
    mistake: Option<String>,
}

impl<'a> Invocation<'a> {
    /// Separates the options from the operands.
    pub(super) fn new(
        words: IntoIter<OsString>,
        topic: &'a Topic,
        env: Env<'a>,
    ) -> Result<Self, String> {
        let (arguments, operands) = split(words, topic)?;
        let mut invocation = Self {
            env,
            topic,
            arguments,
            with_variable: with_variable(topic, env),
            general: Parsed::new(Vec::new(), Vec::new()),
            operands,
            mistake: None,
        };
        match general(topic, env) {
            Ok(general) => invocation.general = general,
            Err(why) => invocation.refuse(format!("{}{why}", Source::General.prefix())),
        }
        Ok(invocation)
    }

    /// The first mistake of the command line, if there is one.
    pub(super) fn mistake(mut self) -> Option<String> {
        let mistake = self.mistake.take();
        mistake.or_else(|| self.without_effect())
    }

    pub(super) fn refuse(&mut self, why: String) {
        self.mistake.get_or_insert(why);
    }

    /// The server and its arguments.
    pub(super) fn command(&mut self) -> Vec<OsString> {
        if self.operands.is_empty() {
            let why = "no command given (an ENTRYPOINT in a derived image clears the CMD of its base: set both)";
            self.refuse(why.into());
        }
        std::mem::take(&mut self.operands)
    }

    /// The one operand that is required.
    pub(super) fn operand(&mut self) -> OsString {
        self.at_most(1);
        if self.operands.is_empty() {
            let last_word = self.topic.usage.split(' ').reduce(|_, word| word);
            let operand = last_word.unwrap_or_default();
            self.refuse(format!("`{}` needs a {operand}", self.topic.call));
        }
        self.operands.pop().unwrap_or_default()
    }

    /// Refuses more operands than this.
    pub(super) fn at_most(&mut self, max: usize) {
        if let Some(word) = self.operands.get(max) {
            self.refuse(unexpected(word, self.topic));
        }
    }

    pub(super) fn refuse_more_than(&mut self, max: usize, count: usize, what: &str) {
        if count > max {
            self.refuse(format!("more than {max} {what}"));
        }
    }

    /// Which of two flags counts, if both may be on. What was given as an argument beats the environment.
    pub(super) fn one_of(&mut self, flags: [&Opt; 2], are_on: [bool; 2]) -> [bool; 2] {
        if are_on != [true; 2] {
            return are_on;
        }
        let are_arguments = flags.map(|option| self.count(option) > 0);
        if are_arguments == [true; 2] || are_arguments == [false; 2] {
            let [one, other] = flags;
            self.refuse_together(one, other);
        }
        are_arguments
    }
}

/// The options of this command whose variable is set. (Looked for once, because few are.)
fn with_variable(topic: &Topic, env: Env) -> Vec<&'static Opt> {
    let mut set = Vec::new();
    for variable in env.own {
        for option in topic.options {
            if value_in(variable, option.after_short()).is_some() && option.has_variable() {
                set.push(*option);
                break;
            }
        }
    }
    set
}

/// The options of the variable for all. They are words as on a command line, with blanks between
/// them; quotes keep a word together.
fn general(topic: &Topic, env: Env) -> Result<Parsed, String> {
    let text = topic.general.and_then(|name| env.value(name));
    let text = text.unwrap_or_default();
    let words = words_of(text.as_bytes()).ok_or("a quote is not closed")?;
    let (general, operands) = split(words.into_iter(), topic)?;
    if let Some(word) = operands.first() {
        return Err(unexpected(word, topic));
    }
    // A help text is no verdict: as one, it would be exit code 0.
    if general.count(&HELP) > 0 {
        return Err(named("", &HELP) + " belongs on the command line");
    }
    Ok(general)
}
