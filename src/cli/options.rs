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
    /// As the help shows it, a line each: its names and its value, what it does, its default.
    text: &'static str,
    /// `--verbose`.
    pub(crate) long: &'static str,
    /// The environment variable that sets it too. The option wins.
    pub(crate) env: &'static CStr,
}

impl Opt {
    pub(super) const fn new(text: &'static str) -> Self {
        Self {
            text,
            long: long(text),
            env: c"",
        }
    }

    const fn env(self, env: &'static CStr) -> Self {
        Self { env, ..self }
    }

    pub(crate) fn env_name(&self) -> &'static str {
        self.env.to_str().unwrap_or_default()
    }

    /// `-v, --verbose` or `--pid-file FILE`.
    pub(crate) fn synopsis(&self) -> &'static str {
        self.text.split('\n').next().unwrap_or_default()
    }

    /// `-v`.
    pub(crate) fn short(&self) -> &'static str {
        let names = self.synopsis().split_once(',');
        names.map_or("", |(short, _)| short)
    }

    /// What the help calls its value; empty for a flag.
    pub(crate) fn value(&self) -> &'static str {
        let mut words = self.synopsis().split(' ');
        words
            .find(|word| !word.starts_with('-'))
            .unwrap_or_default()
    }

    pub(crate) fn takes_value(&self) -> bool {
        !self.value().is_empty()
    }

    pub(crate) fn is_named(&self, word: &[u8]) -> bool {
        let is_short = word.len() == 2 && self.text.as_bytes().starts_with(word);
        is_short || word == self.long.as_bytes()
    }

    #[cfg(test)]
    pub(crate) fn help(&self) -> &'static str {
        self.text.lines().nth(1).unwrap()
    }

    #[cfg(test)]
    pub(crate) fn default(&self) -> &'static str {
        let line = self.text.lines().nth(2).unwrap_or("[default: ]");
        let default = line.strip_prefix("[default: ").unwrap();
        default.strip_suffix(']').unwrap()
    }
}

/// The long name in an option's text. (Found when hinit is built.)
const fn long(text: &'static str) -> &'static str {
    let names = match text.as_bytes() {
        [b'-', _, b',', b' ', ..] => text.split_at("-v, ".len()).1,
        _ => text,
    };
    let (mut rest, mut length) = (names.as_bytes(), 0);
    while let [b'!'..=b'~', tail @ ..] = rest {
        rest = tail;
        length += 1;
    }
    names.split_at(length).0
}

/// One of hinit's own commands.
pub(crate) struct Topic {
    /// The word that names the command.
    pub(crate) name: &'static str,
    pub(crate) usage: &'static str,
    pub(crate) about: &'static str,
    /// Whether options may also stand behind operands.
    pub(crate) mixed: bool,
    /// Whether several letters may stand behind one dash.
    pub(crate) clusters: bool,
    /// The environment variable that may hold any of the options.
    pub(crate) env: &'static CStr,
    pub(crate) options: &'static [&'static Opt],
}

impl Topic {
    /// The whole help text.
    pub(crate) fn help(&self) -> String {
        let mut text = format!("{}\n\n{}\n\nOptions:\n", self.usage, self.about);
        for option in self.options {
            let mut left = option.synopsis();
            for line in option.text.split('\n').skip(1) {
                // Writing to a String cannot fail.
                let _ok = writeln!(text, "  {left:<23}  {line}");
                left = "";
            }
            if !option.env.is_empty() {
                let _ok = writeln!(text, "{:27}[environment: {}]", "", option.env_name());
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
        let mut nearest = (usize::MAX, HELP.long);
        for option in self.options {
            for name in [option.long, option.short()] {
                if !name.is_empty() && is_short(name.as_bytes()) == is_short(word) {
                    let distance = edits(word, name.as_bytes());
                    if distance < nearest.0 {
                        nearest = (distance, name);
                    }
                }
            }
        }
        nearest.1
    }
}

/// How many bytes must be inserted, deleted or replaced to turn one word into the other (the
/// Levenshtein distance).
pub(super) fn edits(from: &[u8], to: &[u8]) -> usize {
    // From what there is of the one word to each beginning of the other, but for the empty one.
    let mut row: Vec<usize> = (1..).take(to.len()).collect();
    for (i, a) in from.iter().enumerate() {
        let (mut diagonal, mut left) = (i, i + 1);
        for (cell, b) in row.iter_mut().zip(to) {
            let above = *cell;
            *cell = (diagonal + usize::from(a != b)).min(above.min(left) + 1);
            (diagonal, left) = (above, *cell);
        }
    }
    row.pop().unwrap_or(from.len())
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
                    let names = [option.long, option.short()].map(str::as_bytes);
                    assert!(!names.into_iter().any(|name| other.is_named(name)));
                }
            }
        }
    }
}
