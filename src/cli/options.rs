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
    #[cfg(test)]
    pub(crate) fn short(&self) -> &'static str {
        let names = self.synopsis().split_once(',');
        names.map_or("", |(short, _)| short)
    }

    pub(crate) fn is_long_only(&self) -> bool {
        self.text.starts_with("--")
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

    /// Appends what the help says of it.
    fn describe(&self, text: &mut String) {
        let mut parts = self.text.splitn(2, '\n');
        // Writing to a String cannot fail.
        let _ok = write!(
            text,
            "  {:1$}",
            parts.next().unwrap_or_default(),
            COLUMN - 2
        );
        let mut column = COLUMN;
        let mut add = |word: &str| {
            column += word.len() + 1;
            if column > WIDTH {
                column = COLUMN + word.len() + 1;
                let _ok = write!(text, "\n{:COLUMN$}", "");
            }
            text.push(' ');
            text.push_str(word);
        };
        parts
            .next()
            .unwrap_or_default()
            .split([' ', '\n'])
            .for_each(&mut add);
        if !self.env.is_empty() {
            add(&format!("[env: {}]", self.env_name()));
        }
        text.push('\n');
    }

    /// Whether its value is options, and so looks like one.
    pub(crate) fn takes_options(&self) -> bool {
        self.long == READY_WHEN.long
    }

    pub(crate) fn is_named(&self, word: &[u8]) -> bool {
        let is_short =
            !self.is_long_only() && word.len() == 2 && self.text.as_bytes().starts_with(word);
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

/// A title over some of the options: it stands before this one.
pub(crate) type Title = (&'static str, &'static Opt);

/// One of hinit's own commands.
pub(crate) struct Topic {
    /// How it is called: `hinit signal`.
    pub(crate) call: &'static str,
    pub(crate) usage: &'static str,
    pub(crate) about: &'static str,
    /// Whether options may also stand behind operands.
    pub(crate) mixed: bool,
    /// Whether several letters may stand behind one dash.
    pub(crate) clusters: bool,
    /// The environment variable that may hold any of the options.
    pub(crate) env: &'static CStr,
    pub(crate) options: &'static [&'static Opt],
    /// Where there are many of them. The first one has a title.
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

    /// The title that stands before this option, if there is one.
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
mod tests {
    use super::*;

    #[test]
    fn no_line_of_any_help_is_wider_than_a_terminal() {
        let peers = crate::cli::compat::PEERS.map(|peer| &peer.topic);
        for topic in TOPICS.into_iter().chain(peers) {
            for line in topic.help().lines() {
                assert!(line.len() <= WIDTH, "{}: {line}", topic.call);
                assert_eq!(line, line.trim_end(), "{}", topic.call);
            }
        }
    }

    #[test]
    fn an_option_fills_its_lines_and_no_more() {
        for (text, expected) in [
            ("--a\nb", "  --a                      b\n"),
            (
                "-q, --quiet\nc\n[default: 1s]",
                "  -q, --quiet              c [default: 1s]\n",
            ),
            (
                "--b C\n0123456789 0123456789 0123456789 0123456789 012345678 0",
                "  --b C                    0123456789 0123456789 0123456789 0123456789 012345678\n\
                 \x20                          0\n",
            ),
            (
                "--b C\n0123456789 0123456789 0123456789 0123456789 0123456789 0",
                "  --b C                    0123456789 0123456789 0123456789 0123456789\n\
                 \x20                          0123456789 0\n",
            ),
        ] {
            let mut described = String::new();
            Opt::new(text).describe(&mut described);
            assert_eq!(described, expected);
        }
        let mut described = String::new();
        Opt::new("--a\nb").env(c"HINIT_A").describe(&mut described);
        assert_eq!(described, "  --a                      b [env: HINIT_A]\n");
    }

    /// The list of commands in the help of hinit itself, and its examples.
    #[test]
    fn the_help_names_each_command_and_gives_examples() {
        let help = RUN.help();
        for topic in TOPICS {
            let line = format!("\n  {:13} ", topic.word());
            assert_eq!(help.matches(&line).count(), 1, "{}", topic.call);
        }
        for topic in [&RUN, &HEALTHCHECK] {
            let (_, examples) = topic.examples.split_once("Examples:\n").unwrap();
            assert_eq!(examples.matches("\n  hinit ").count() + 1, 3, "{examples}");
        }
        assert!(help.ends_with("\nMore: man hinit\n"));
    }

    #[test]
    fn two_dashes_are_no_option() {
        for topic in TOPICS {
            assert_eq!(topic.option(b"--").map(|option| option.long), None);
        }
    }

    #[test]
    fn no_option_has_two_meanings_within_a_command() {
        for topic in TOPICS {
            for (i, option) in topic.options.iter().enumerate() {
                for other in topic.options.iter().skip(i + 1) {
                    let names = [option.long, option.short()].map(str::as_bytes);
                    assert!(!names.into_iter().any(|name| other.is_named(name)));
                }
            }
        }
    }
}
