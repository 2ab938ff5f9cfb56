//! The options that were given, as arguments or by the environment.

use std::ffi::{CStr, OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::vec::IntoIter;

use pico_args::Arguments;

use super::healthcheck::Probe;
use super::options::{Opt, Topic};
use super::probes::{Cause, Parse, Why};
use super::values::Kind;

mod words;

use words::{split, unexpected, words_of};

/// Looks up an environment variable.
pub(crate) type Env<'a> = &'a dyn Fn(&CStr) -> Option<OsString>;

/// What stands between the values in an option's variable.
pub(super) const BETWEEN: &[u8] = b" \t\n,";

/// What was given to one of hinit's commands. An argument beats the option's own variable, and that
/// the variable for all options, if there is one.
///
/// The first mistake is kept, for the end: whoever asks for values gets some, and need not look.
pub(super) struct Given<'a> {
    pub(super) env: Env<'a>,
    topic: &'a Topic,
    arguments: Arguments,
    general: Arguments,
    operands: Vec<OsString>,
    mistake: Option<String>,
}

impl<'a> Given<'a> {
    /// Takes the options off the words.
    pub(super) fn new(
        words: IntoIter<OsString>,
        topic: &'a Topic,
        env: Env<'a>,
    ) -> Result<Self, String> {
        let (arguments, operands) = split(words, topic)?;
        Ok(Self {
            env,
            topic,
            arguments,
            general: general(topic, env)?,
            operands,
            mistake: None,
        })
    }

    /// Why the command line makes no sense, unless it does.
    pub(super) fn mistake(self) -> Option<String> {
        self.mistake
    }

    pub(super) fn refuse(&mut self, why: String) {
        self.mistake.get_or_insert(why);
    }

    pub(super) fn contradiction(&mut self, one: &Opt, other: &Opt) {
        self.refuse(format!(
            "`{}` and `{}` contradict each other",
            one.long, other.long
        ));
    }

    /// The server and its arguments.
    pub(super) fn command(&mut self) -> Vec<OsString> {
        if self.operands.is_empty() {
            self.refuse("no command given".into());
        }
        std::mem::take(&mut self.operands)
    }

    /// The one operand that there must be.
    pub(super) fn operand(&mut self) -> OsString {
        self.at_most(1);
        if self.operands.is_empty() {
            self.refuse(format!("`hinit {}` needs one more word", self.topic.name));
        }
        self.operands.pop().unwrap_or_default()
    }

    /// Refuses more operands than so many.
    pub(super) fn at_most(&mut self, most: usize) {
        if let Some(word) = self.operands.get(most) {
            self.refuse(unexpected(word, self.topic));
        }
    }

    /// Whether a flag is on. In the environment 1 is on; 0, empty or missing is off.
    pub(super) fn flag(&mut self, option: &Opt) -> bool {
        let given = self.count(option) > 0;
        let in_general = self.general.contains(option.long);
        let value = self.variable(option).unwrap_or_default();
        match value.as_bytes() {
            _ if given => true,
            b"1" => true,
            b"0" => false,
            b"" => in_general,
            _ => {
                self.refuse(Place::Variable.refused(option, &value, "neither 0 nor 1"));
                false
            }
        }
    }

    /// Which of two flags is on, if one is.
    pub(super) fn one_of(&mut self, one: &Opt, other: &Opt) -> [bool; 2] {
        let are_on = [self.flag(one), self.flag(other)];
        if are_on == [true; 2] {
            self.contradiction(one, other);
        }
        are_on
    }

    /// How often an option was given as an argument.
    pub(super) fn count(&mut self, option: &Opt) -> usize {
        let mut count = 0;
        while self.arguments.contains(option.long) {
            count += 1;
        }
        count
    }

    /// The word given for an option, whatever it is.
    pub(super) fn word(&mut self, option: &Opt) -> Option<OsString> {
        self.words(option, b"").0.pop()
    }

    /// The value of an option.
    pub(super) fn value<T>(&mut self, option: &Opt, kind: &Kind<T>) -> Option<T> {
        let mut last = None;
        self.each(option, b"", kind.wanted, &mut |text| {
            last = (kind.parse)(text);
            last.is_some()
        });
        last
    }

    /// The values of an option that may be given several times; in its variable blanks or commas
    /// stand between them.
    pub(super) fn values<T>(&mut self, option: &Opt, kind: &Kind<T>) -> Vec<T> {
        self.list(option, BETWEEN, kind)
    }

    /// The same for values that may hold blanks and commas: one a line.
    pub(super) fn lines<T>(&mut self, option: &Opt, kind: &Kind<T>) -> Vec<T> {
        self.list(option, b"\n", kind)
    }

    /// The probes of an option, each refused for a reason of its own.
    #[inline(never)]
    pub(super) fn probes(&mut self, option: &Opt, separators: &[u8], parse: Parse) -> Vec<Probe> {
        let mut probes = Vec::new();
        self.each_unless(option, separators, &mut |text| {
            let probe = text.ok_or(Why(Cause::NotUtf8, "")).and_then(parse);
            probe
                .map(|probe| probes.push(probe))
                .err()
                .map(|why| why.text())
        });
        probes
    }

    fn list<T>(&mut self, option: &Opt, separators: &[u8], kind: &Kind<T>) -> Vec<T> {
        let mut values = Vec::new();
        self.each(option, separators, kind.wanted, &mut |text| {
            let value = (kind.parse)(text);
            value.map(|value| values.push(value)).is_some()
        });
        values
    }

    /// Has each word that was given for an option taken, as long as it is what is wanted.
    pub(super) fn each(
        &mut self,
        option: &Opt,
        separators: &[u8],
        wanted: &str,
        take: &mut dyn FnMut(&str) -> bool,
    ) {
        self.each_unless(option, separators, &mut |text| {
            let is_taken = text.is_some_and(&mut *take);
            (!is_taken).then(|| format!("not {wanted}"))
        });
    }

    /// The same with a reason for each word that is refused. None is given for what is not UTF-8.
    #[inline(never)]
    fn each_unless(
        &mut self,
        option: &Opt,
        separators: &[u8],
        refusal: &mut dyn FnMut(Option<&str>) -> Option<String>,
    ) {
        let (words, place) = self.words(option, separators);
        for word in words {
            if let Some(why) = refusal(word.to_str()) {
                return self.refuse(place.refused(option, &word, &why));
            }
        }
    }

    /// All that was given for an option, from the first place where there is something.
    fn words(&mut self, option: &Opt, separators: &[u8]) -> (Vec<OsString>, Place) {
        let arguments = words_for(option, &mut self.arguments);
        if !arguments.is_empty() {
            return (arguments, Place::Argument);
        }
        let Some(variable) = self.variable(option) else {
            return (words_for(option, &mut self.general), Place::Argument);
        };
        let mut words = Vec::new();
        for word in variable.as_bytes().split(|byte| separators.contains(byte)) {
            if !word.is_empty() {
                words.push(OsStr::from_bytes(word).to_owned());
            }
        }
        (words, Place::Variable)
    }

    /// An option's environment variable; an empty one is as good as none.
    fn variable(&self, option: &Opt) -> Option<OsString> {
        if option.env.is_empty() {
            return None;
        }
        (self.env)(option.env).filter(|value| !value.is_empty())
    }
}

/// Where something was given.
#[derive(Clone, Copy)]
enum Place {
    Argument,
    Variable,
}

impl Place {
    fn refused(self, option: &Opt, word: &OsStr, why: &str) -> String {
        let (name, joint) = match self {
            Self::Argument => (option.long, ' '),
            Self::Variable => (option.env_name(), '='),
        };
        format!("`{name}{joint}{}`: {why}", word.display())
    }
}

/// The options of the variable for all. They are words as on a command line, with blanks between
/// them; quotes keep a word together.
fn general(topic: &Topic, env: Env) -> Result<Arguments, String> {
    let text = env(topic.env).unwrap_or_default();
    let split = match words_of(text.as_bytes()) {
        Some(words) => split(words.into_iter(), topic),
        None => Err("a quote is not closed".into()),
    };
    let why = match split {
        Ok((general, operands)) => match operands.first() {
            Some(word) => unexpected(word, topic),
            None => return Ok(general),
        },
        Err(why) => why,
    };
    let name = topic.env.to_str().unwrap_or_default();
    Err(format!("in {name}: {why}"))
}

/// All words given as arguments for an option, in their order.
fn words_for(option: &Opt, arguments: &mut Arguments) -> Vec<OsString> {
    let copy = |value: &OsStr| Ok::<_, std::convert::Infallible>(value.to_owned());
    let mut words = Vec::new();
    while let Ok(Some(word)) = arguments.opt_value_from_os_str(option.long, copy) {
        words.push(word);
    }
    words
}
