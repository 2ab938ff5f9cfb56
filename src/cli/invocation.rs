//! The options that were given, as arguments or by the environment.

use std::ffi::{CStr, OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::vec::IntoIter;

use super::options::{self, Opt, Topic};
use super::probes::{Parse, Probe, Why};
use super::suggestions;
use super::values::{self, ValueParser};

mod effect;
mod parsed;
mod words;

use effect::named;
use parsed::Parsed;
pub(super) use words::words_of;
use words::{split, unexpected};

/// Looks up an environment variable.
pub(crate) type Env<'a> = &'a dyn Fn(&CStr) -> Option<OsString>;

/// What stands between the values in an option's variable.
pub(super) const BETWEEN: &[u8] = b" \t\n,";

/// The same for an option that may be given only once.
const ONCE: &[u8] = b"";

/// What was given to one of hinit's commands. An argument beats the option's own variable, and that
/// the variable for all options, if there is one.
///
/// The first mistake is kept, for the end: whoever asks for values gets some, and need not look.
pub(super) struct Invocation<'a> {
    pub(super) env: Env<'a>,
    topic: &'a Topic,
    arguments: Parsed,
    general: Parsed,
    operands: Vec<OsString>,
    mistake: Option<String>,
}

impl<'a> Invocation<'a> {
    /// Takes the options off the words.
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
            general: Parsed::new(Vec::new(), Vec::new()),
            operands,
            mistake: None,
        };
        match general(topic, env) {
            Ok(general) => invocation.general = general,
            Err(why) => invocation.refuse([Place::General.prefix(), &why].concat()),
        }
        Ok(invocation)
    }

    /// Why the command line makes no sense, unless it does.
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

    /// The one operand that there must be.
    pub(super) fn operand(&mut self) -> OsString {
        self.at_most(1);
        if self.operands.is_empty() {
            let operand = self.topic.usage.rsplit(' ').next().unwrap_or_default();
            self.refuse(format!("`{}` needs a {operand}", self.topic.call));
        }
        self.operands.pop().unwrap_or_default()
    }

    /// Refuses more operands than so many.
    pub(super) fn at_most(&mut self, most: usize) {
        if let Some(word) = self.operands.get(most) {
            self.refuse(unexpected(word, self.topic));
        }
    }

    /// Whether a flag is on. Its variable can switch off what the variable for all options switches on.
    pub(super) fn flag(&mut self, option: &Opt) -> bool {
        if self.count(option) > 0 {
            return true;
        }
        let Some(value) = self.variable(option) else {
            return self.general.count(option) > 0;
        };
        let is_on = value.to_str().and_then(values::SWITCH.parse);
        if is_on.is_none() {
            let why = format!("not {}", values::SWITCH.expected);
            self.refuse(Place::Variable.refuse(option, &value, &why));
        }
        is_on.unwrap_or_default()
    }

    /// Which of two flags is on, if one is. What was given as an argument beats the environment.
    pub(super) fn one_of(&mut self, one: &Opt, other: &Opt) -> [bool; 2] {
        let are_on = [self.flag(one), self.flag(other)];
        if are_on != [true; 2] {
            return are_on;
        }
        let are_arguments = [one, other].map(|option| self.count(option) > 0);
        if are_arguments == [true; 2] || are_arguments == [false; 2] {
            self.refuse_together(one, other);
        }
        are_arguments
    }

    /// How often an option was given as an argument.
    pub(super) fn count(&self, option: &Opt) -> usize {
        self.arguments.count(option)
    }

    /// The word given for an option, whatever it is.
    pub(super) fn word(&mut self, option: &Opt) -> Option<OsString> {
        self.words(option, ONCE).pop().map(|(word, _)| word)
    }

    /// The name by which an option was given: its own, or that of its variable.
    pub(super) fn place_name(&self, option: &Opt) -> &'static str {
        if self.count(option) > 0 {
            option.long
        } else {
            option.env_name()
        }
    }

    /// The words `first`, followed by all that was given for an option; None, if nothing was.
    pub(super) fn joined(&mut self, option: &Opt, first: &str) -> Option<OsString> {
        let mut text = OsString::from(first);
        for (word, _) in self.words(option, b"\n") {
            text.push(" ");
            text.push(word);
        }
        (text.len() > first.len()).then_some(text)
    }

    /// The value of an option that may be given once.
    pub(super) fn value<T>(&mut self, option: &Opt, kind: &ValueParser<T>) -> Option<T> {
        let mut last = None;
        self.each(option, ONCE, kind.expected, &mut |text| {
            last = (kind.parse)(text);
            last.is_some()
        });
        last
    }

    /// The values of an option that may be given several times; in its variable blanks or commas
    /// stand between them.
    pub(super) fn values<T>(&mut self, option: &Opt, kind: &ValueParser<T>) -> Vec<T> {
        self.list(option, BETWEEN, kind)
    }

    /// The same for values that may hold blanks and commas: one a line.
    pub(super) fn lines<T>(&mut self, option: &Opt, kind: &ValueParser<T>) -> Vec<T> {
        self.list(option, b"\n", kind)
    }

    /// The probes of an option, each refused for a reason of its own.
    #[inline(never)]
    pub(super) fn probes(&mut self, option: &Opt, separators: &[u8], parse: Parse) -> Vec<Probe> {
        let mut probes = Vec::new();
        for (word, place) in &self.words(option, separators) {
            let text = word.to_str().ok_or(Why("not a text in UTF-8", ""));
            match text.and_then(parse) {
                Ok(probe) => probes.push(probe),
                Err(why) => self.refuse(place.refuse(option, word, &why.text())),
            }
        }
        probes
    }

    fn list<T>(&mut self, option: &Opt, separators: &[u8], kind: &ValueParser<T>) -> Vec<T> {
        let mut values = Vec::new();
        self.each(option, separators, kind.expected, &mut |text| {
            let value = (kind.parse)(text);
            value.map(|value| values.push(value)).is_some()
        });
        values
    }

    /// Has each word that was given for an option taken, as long as it is what is expected.
    pub(super) fn each(
        &mut self,
        option: &Opt,
        separators: &[u8],
        expected: &str,
        take: &mut dyn FnMut(&str) -> bool,
    ) {
        self.each_unless(option, separators, &mut |text| {
            let is_taken = text.is_some_and(&mut *take);
            (!is_taken).then(|| suggestions::refusal(text.unwrap_or_default(), expected))
        });
    }

    /// The same with a reason for each word that is refused. None is given for what is not UTF-8.
    #[inline(never)]
    pub(super) fn each_unless(
        &mut self,
        option: &Opt,
        separators: &[u8],
        refusal: &mut dyn FnMut(Option<&str>) -> Option<String>,
    ) {
        for (word, place) in &self.words(option, separators) {
            if let Some(why) = refusal(word.to_str()) {
                return self.refuse(place.refuse(option, word, &why));
            }
        }
    }

    /// All that was given for an option, from the first place where there is something.
    fn words(&mut self, option: &Opt, separators: &[u8]) -> Vec<(OsString, Place)> {
        // The inits whose command lines have clusters of letters take the last one.
        if separators == ONCE && !self.topic.clusters {
            let is_repeated = |options: &Parsed| options.count(option) > 1;
            let place = match [&self.arguments, &self.general].map(is_repeated) {
                [true, _] => Some(Place::Argument),
                [_, true] => Some(Place::General),
                _ => None,
            };
            if let Some(place) = place {
                self.refuse(named(place.prefix(), option) + " may be given only once");
            }
        }
        let mut words = Vec::new();
        let has_arguments = self.count(option) > 0;
        if let Some(variable) = self.variable(option).filter(|_| !has_arguments) {
            for word in variable.as_bytes().split(|byte| separators.contains(byte)) {
                if !word.is_empty() {
                    words.push((OsStr::from_bytes(word).to_owned(), Place::Variable));
                }
            }
            return words;
        }
        let (place, options) = if has_arguments {
            (Place::Argument, &mut self.arguments)
        } else {
            (Place::General, &mut self.general)
        };
        while let Some(value) = options.take(option) {
            words.push((value, place));
        }
        words
    }

    /// An option's environment variable; an empty one is as good as none.
    fn variable(&self, option: &Opt) -> Option<OsString> {
        if option.env.is_empty() {
            return None;
        }
        (self.env)(option.env).filter(|value| !value.is_empty())
    }

    /// The options that were given by their names, and not by their own variables.
    fn explicit(&self) -> [(Place, &Parsed); 2] {
        [
            (Place::Argument, &self.arguments),
            (Place::General, &self.general),
        ]
    }
}

/// Where something was given.
#[derive(Clone, Copy)]
enum Place {
    Argument,
    /// The option's own variable.
    Variable,
    /// The variable for all options.
    General,
}

impl Place {
    /// How a message begins about what was given there.
    fn prefix(self) -> &'static str {
        match self {
            Self::General => "in HINIT_HEALTH: ",
            _ => "",
        }
    }

    fn refuse(self, option: &Opt, word: &OsStr, why: &str) -> String {
        let (name, joint) = match self {
            Self::Variable => (option.env_name(), '='),
            _ => (option.long, ' '),
        };
        let (prefix, word) = (self.prefix(), word.display());
        format!("{prefix}`{name}{joint}{word}`: {why}")
    }
}

/// The options of the variable for all. They are words as on a command line, with blanks between
/// them; quotes keep a word together.
fn general(topic: &Topic, env: Env) -> Result<Parsed, String> {
    let text = env(topic.env).unwrap_or_default();
    let words = words_of(text.as_bytes()).ok_or("a quote is not closed")?;
    let (general, operands) = split(words.into_iter(), topic)?;
    if let Some(word) = operands.first() {
        return Err(unexpected(word, topic));
    }
    // A help text is no verdict: as one, it would be exit code 0.
    if general.count(&options::HELP) > 0 {
        return Err(named("", &options::HELP) + " belongs on the command line");
    }
    Ok(general)
}
