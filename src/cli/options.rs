//! The tables of commands and options, and the help texts made from them.
//!
//! To add an option: an entry in the table of its command (run.rs, healthcheck.rs, others.rs), which names its reader, one
//! of the methods of `Invocation`; and a call of the function that the entry becomes, in the command's `parse`, which
//! puts the value into the command. `HINIT_WRITE_MANUAL=1 cargo test checks` writes the man pages, the tables of the guides and
//! the completions.

use std::ffi::OsStr;
use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;

use super::OWN_VARIABLES;

mod healthcheck;
mod others;
pub(super) mod peers;
mod run;
pub(super) mod table;

pub(crate) use healthcheck::*;
pub(crate) use others::*;
pub(crate) use run::*;
pub(crate) use table::Typed;

/// The texts of one option, as the help shows them, a line each: its names and its value, what it does, its default. A
/// `$` in the last line says that an environment variable sets it too, whose name is made from the option's. The
/// option wins. A second `$` says that `${NAME}` in its values is expanded. What has a variable and no option has the
/// name of the variable. (One string, because each pointer in a table costs a relocation at each start.)
pub(crate) struct Opt(&'static str);

/// The option that each command has.
pub(crate) static HELP: Opt = Opt::new("-h, --help\nPrint this help");

/// The name of the variable of an option with this long name: `HINIT_PID_FILE` for `--pid-file`.
pub(crate) fn env_name(long: &str) -> String {
    let mut name = String::from(OWN_VARIABLES);
    name.extend(variable_bytes(long).map(char::from));
    name
}

/// The value of this variable of hinit's own, if it is that of an option whose text begins with this long name.
pub(super) fn value_in<'v>(variable: &'v [u8], long: &str) -> Option<&'v OsStr> {
    let mut rest = variable.get(OWN_VARIABLES.len()..)?;
    let is_named = variable_bytes(long).all(|byte| rest.split_off_first() == Some(&byte));
    if is_named && rest.split_off_first() == Some(&b'=') {
        Some(OsStr::from_bytes(rest))
    } else {
        None
    }
}

/// The rest of the name of its variable. A line may follow the long name, as in an option's text.
fn variable_bytes(long: &str) -> impl Iterator<Item = u8> {
    let skipped = if long.starts_with('-') {
        "--".len()
    } else {
        OWN_VARIABLES.len()
    };
    let letters = long.bytes().skip(skipped);
    letters
        .take_while(|byte| *byte > b' ')
        .map(|byte| match byte {
            b'-' => b'_',
            letter => letter.to_ascii_uppercase(),
        })
}

impl Opt {
    pub(super) const fn new(text: &'static str) -> Self {
        Self(text)
    }

    pub(crate) fn has_variable(&self) -> bool {
        self.0.ends_with('$')
    }

    /// Whether `${NAME}` in its values is replaced from the environment.
    pub(crate) fn is_expanded(&self) -> bool {
        self.0.ends_with("$$")
    }

    /// The name of its variable; empty, if it has none.
    pub(crate) fn env_name(&self) -> String {
        if self.has_variable() {
            env_name(self.long())
        } else {
            String::new()
        }
    }

    /// `-v, --verbose`, `--pid-file FILE` or `HINIT_LOG LEVEL`.
    #[cfg(test)]
    pub(crate) fn synopsis(&self) -> &'static str {
        self.0.split('\n').next().unwrap_or_default()
    }

    /// Whether this is a variable that has no option.
    pub(crate) fn is_variable_only(&self) -> bool {
        !self.0.starts_with('-')
    }

    /// The text without the short name: the long name, and what follows it.
    pub(crate) fn after_short(&self) -> &'static str {
        match self.0.as_bytes() {
            [b'-', _, b',', ..] => self.0.get("-v, ".len()..).unwrap_or_default(),
            _ => self.0,
        }
    }

    /// `--verbose`.
    pub(crate) fn long(&self) -> &'static str {
        let text = self.after_short();
        let end = text.bytes().position(|byte| byte <= b' ');
        text.get(..end.unwrap_or(text.len())).unwrap_or_default()
    }

    /// `-v`.
    #[cfg(test)]
    pub(crate) fn short(&self) -> &'static str {
        let names = self.0.lines().next().unwrap().split_once(',');
        names.map_or("", |(short, _)| short)
    }

    pub(crate) fn is_long_only(&self) -> bool {
        self.0.starts_with("--")
    }

    /// What the help calls its value; empty for a flag.
    pub(crate) fn value(&self) -> &'static str {
        let line = self.after_short().split('\n').next().unwrap_or_default();
        line.split_once(' ').map_or("", |(_, value)| value)
    }

    pub(crate) fn takes_value(&self) -> bool {
        !self.value().is_empty()
    }

    /// Appends its lines of the help.
    fn describe(&self, text: &mut String) {
        let shown = self.0.trim_end_matches(['$', '\n']);
        let mut parts = shown.splitn(2, '\n');
        let mut start = text.len();
        text.push_str("  ");
        text.push_str(parts.next().unwrap_or_default());
        let mut add = |word: &str| {
            if text.len() - start + word.len() >= WIDTH {
                text.push('\n');
                start = text.len();
            }
            while text.len() - start < COLUMN {
                text.push(' ');
            }
            text.push(' ');
            text.push_str(word);
        };
        for line in parts.next().unwrap_or_default().split('\n') {
            line.split(' ').for_each(&mut add);
        }
        if self.has_variable() && !self.is_variable_only() {
            add(&format!("[env: {}]", self.env_name()));
        }
        if self.is_expanded() {
            add("[expands ${NAME}]");
        }
        text.push('\n');
    }

    /// Whether its value is options, and so looks like one.
    pub(crate) fn takes_options(&self) -> bool {
        self.value().ends_with("...")
    }

    pub(crate) fn is_named(&self, word: &[u8]) -> bool {
        let is_short =
            !self.is_long_only() && word.len() == 2 && self.0.as_bytes().starts_with(word);
        let after = self.after_short().as_bytes().strip_prefix(word);
        let after = after.filter(|_| !self.is_variable_only());
        is_short || after.is_some_and(|rest| rest.first().is_none_or(|byte| *byte <= b' '))
    }

    #[cfg(test)]
    pub(crate) fn help(&self) -> &'static str {
        self.0.lines().nth(1).unwrap()
    }

    #[cfg(test)]
    pub(crate) fn default(&self) -> &'static str {
        let line = self.0.lines().nth(2).filter(|line| !line.starts_with('$'));
        let line = line.unwrap_or("[default: ]");
        let default = line.strip_prefix("[default: ").unwrap();
        default.strip_suffix(']').unwrap()
    }
}

/// A title above some of the options, and the first of them.
pub(crate) type Title = (&'static str, &'static Opt);

/// One of hinit's own commands.
pub(crate) struct Topic {
    /// How it is called: `hinit signal`.
    pub(crate) call: &'static str,
    pub(crate) usage: &'static str,
    pub(crate) about: &'static str,
    /// Whether options may also follow operands.
    pub(crate) mixed: bool,
    /// Whether several letters may follow one dash.
    pub(crate) clusters: bool,
    pub(crate) options: &'static [&'static Opt],
    /// The long name of the variable that may contain all of them, as on a command line.
    pub(crate) general: Option<&'static str>,
    /// For tables of many options. The first option has a title.
    pub(crate) titles: &'static [Title],
    /// The end of the help text.
    pub(crate) examples: &'static str,
}

/// The width of a terminal, and where in a line of the help the text of an option begins.
const WIDTH: usize = 80;
const COLUMN: usize = 26;

impl Topic {
    /// The word that names one of hinit's own commands.
    pub(crate) fn word(&self) -> &'static str {
        self.call.get("hinit ".len()..).unwrap_or_default()
    }

    /// The whole help text.
    pub(crate) fn help(&self) -> String {
        let mut text = format!("{}\n\n{}\n", self.usage, self.about);
        if self.titles.is_empty() {
            text.push_str("\nOptions:\n");
        }
        for option in self.options {
            if let Some(title) = self.title_of(option) {
                let _ok = write!(text, "\n{title}:\n");
            }
            option.describe(&mut text);
        }
        text.push_str(self.examples);
        text
    }

    /// The title before this option, if there is one.
    pub(crate) fn title_of(&self, option: &Opt) -> Option<&'static str> {
        let mut titles = self.titles.iter();
        titles.find_map(|(title, first)| std::ptr::eq(*first, option).then_some(*title))
    }

    pub(crate) fn option(&self, word: &[u8]) -> Option<&'static Opt> {
        self.options.iter().find(|o| o.is_named(word)).copied()
    }
}

#[cfg(test)]
pub(crate) static TOPICS: [&Topic; 5] = [&RUN, &HEALTHCHECK, &SIGNAL, &STATUS, &INSTALL];

#[cfg(test)]
mod tests;
