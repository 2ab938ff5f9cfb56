//! The tables of commands and options, and the help texts made from them.

use std::ffi::CStr;
use std::fmt::Write;

mod healthcheck;
mod others;
mod run;

pub(crate) use healthcheck::*;
pub(crate) use others::*;
pub(crate) use run::*;

/// One option. Empty strings stand for what it does not have.
pub(crate) struct Opt {
    /// `-v`.
    pub(crate) short: &'static str,
    /// `--verbose`.
    pub(crate) long: &'static str,
    /// What the help calls its value; empty for a flag.
    pub(crate) value: &'static str,
    pub(crate) help: &'static str,
    pub(crate) default: &'static str,
    /// The environment variable that sets it too. The option wins.
    pub(crate) env: &'static CStr,
}

impl Opt {
    pub(super) const fn flag(short: &'static str, long: &'static str, help: &'static str) -> Self {
        Self {
            short,
            long,
            value: "",
            help,
            default: "",
            env: c"",
        }
    }

    pub(super) const fn value(long: &'static str, value: &'static str, help: &'static str) -> Self {
        Self {
            value,
            ..Self::flag("", long, help)
        }
    }

    const fn default(self, default: &'static str) -> Self {
        Self { default, ..self }
    }

    const fn env(self, env: &'static CStr) -> Self {
        Self { env, ..self }
    }

    pub(crate) fn env_name(&self) -> &'static str {
        self.env.to_str().unwrap_or_default()
    }

    pub(crate) fn takes_value(&self) -> bool {
        !self.value.is_empty()
    }

    pub(crate) fn is_named(&self, word: &[u8]) -> bool {
        let [long, short] = [self.long, self.short].map(str::as_bytes);
        word == long || (word == short && !word.is_empty())
    }

    /// `-v, --verbose` or `--pid-file FILE`.
    pub(crate) fn synopsis(&self) -> String {
        let comma = if self.short.is_empty() { "" } else { ", " };
        let space = if self.takes_value() { " " } else { "" };
        format!("{}{comma}{}{space}{}", self.short, self.long, self.value)
    }
}

/// One of hinit's own commands.
pub(crate) struct Topic {
    /// The word that names the command.
    pub(crate) name: &'static str,
    pub(crate) usage: &'static str,
    pub(crate) about: &'static str,
    /// Whether options may also stand behind operands.
    pub(crate) mixed: bool,
    /// The variable that may hold them all.
    pub(crate) env: &'static CStr,
    pub(crate) options: &'static [&'static Opt],
}

impl Topic {
    /// The whole help text.
    pub(crate) fn help(&self) -> String {
        let mut text = format!("{}\n\n{}\n\nOptions:\n", self.usage, self.about);
        for option in self.options {
            // Writing to a String cannot fail.
            let _ok = writeln!(text, "  {:<23}  {}", option.synopsis(), option.help);
            for (what, is) in [
                ("default", option.default),
                ("environment", option.env_name()),
            ] {
                if !is.is_empty() {
                    let _ok = writeln!(text, "{:27}[{what}: {is}]", "");
                }
            }
        }
        text
    }

    pub(crate) fn option(&self, word: &[u8]) -> Option<&'static Opt> {
        self.options.iter().find(|o| o.is_named(word)).copied()
    }

    /// The option that is the fewest edits away from `word`.
    pub(crate) fn nearest(&self, word: &[u8]) -> &'static str {
        let is_short = |word: &[u8]| word.len() <= 2;
        let names = self.options.iter().flat_map(|o| [o.long, o.short]);
        names
            .filter(|name| !name.is_empty() && is_short(name.as_bytes()) == is_short(word))
            .min_by_key(|name| edits(word, name.as_bytes()))
            .unwrap_or(HELP.long)
    }
}

/// How many bytes must be inserted, deleted or replaced to turn one word into the other (the
/// Levenshtein distance).
fn edits(from: &[u8], to: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.iter().enumerate() {
        let (mut diagonal, mut left) = (i, i + 1);
        for (cell, b) in row.iter_mut().skip(1).zip(to) {
            let above = *cell;
            *cell = (diagonal + usize::from(a != b)).min(above.min(left) + 1);
            (diagonal, left) = (above, *cell);
        }
    }
    row.pop().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_of_words() {
        for (from, to, distance) in [
            ("kitten", "sitting", 3),
            ("--pidfile", "--pid-file", 1),
            ("", "-v", 2),
            ("same", "same", 0),
        ] {
            let [from, to] = [from, to].map(str::as_bytes);
            assert_eq!(edits(from, to), distance, "{from:?} {to:?}");
        }
    }

    #[test]
    fn no_option_has_two_meanings_within_a_command() {
        for topic in [&RUN, &HEALTHCHECK, &SIGNAL, &STATUS, &INSTALL] {
            for (i, option) in topic.options.iter().enumerate() {
                for other in topic.options.iter().skip(i + 1) {
                    let names = [option.long, option.short].map(str::as_bytes);
                    assert!(!names.into_iter().any(|name| other.is_named(name)));
                }
            }
        }
    }
}
