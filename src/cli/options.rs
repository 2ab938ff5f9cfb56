//! The tables of commands and options, and the help texts made from them.

use std::ffi::CStr;
use std::fmt::Write;

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
    const fn flag(short: &'static str, long: &'static str, help: &'static str) -> Self {
        Self {
            short,
            long,
            value: "",
            help,
            default: "",
            env: c"",
        }
    }

    const fn value(long: &'static str, value: &'static str, help: &'static str) -> Self {
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

    pub(crate) fn is_named(&self, word: &str) -> bool {
        word == self.long || (word == self.short && !word.is_empty())
    }

    /// `-v, --verbose` or `--pid-file FILE`.
    pub(crate) fn synopsis(&self) -> String {
        let comma = if self.short.is_empty() { "" } else { ", " };
        let space = if self.takes_value() { " " } else { "" };
        format!("{}{comma}{}{space}{}", self.short, self.long, self.value)
    }
}

pub(crate) static PID_FILE: Opt = Opt::value("--pid-file", "FILE", "The PID file")
    .default("/run/hinit.pid, else /tmp/hinit-UID.pid, else /dev/shm/hinit-UID-MNT.pid")
    .env(c"HINIT_PID_FILE");
pub(crate) static NO_PID_FILE: Opt = Opt::flag("", "--no-pid-file", "Keep no PID file");
pub(crate) static PID_FILE_MODE: Opt = Opt::value(
    "--pid-file-mode",
    "MODE",
    "Permissions of the PID file in octal, whatever the umask",
)
.default("0644");
pub(crate) static GROUP: Opt = Opt::flag(
    "-g",
    "--group",
    "Pass signals to the server's process group",
)
.env(c"HINIT_GROUP");
pub(crate) static PARENT_DEATH: Opt = Opt::value(
    "--parent-death",
    "SIGNAL",
    "If not PID 1, get this signal when the parent process dies",
)
.env(c"HINIT_PARENT_DEATH");
pub(crate) static GRACE: Opt = Opt::value(
    "--grace",
    "DURATION",
    "Kill what is left so long after a stop signal was passed on, or else after the server's end",
)
.env(c"HINIT_GRACE");
pub(crate) static STOP_DELAY: Opt = Opt::value(
    "--stop-delay",
    "DURATION",
    "Be unhealthy at once at a stop signal (TERM, INT, QUIT), but pass it on only after this time",
)
.default("0s")
.env(c"HINIT_STOP_DELAY");
pub(crate) static NO_DRAIN: Opt = Opt::flag(
    "",
    "--no-drain",
    "Leave as soon as the server has ended, and not only when all below hinit has",
)
.env(c"HINIT_NO_DRAIN");
pub(crate) static REWRITE: Opt = Opt::value(
    "--rewrite",
    "FROM=TO",
    "Pass signal FROM on as TO, or not at all if TO is empty; may be repeated",
)
.env(c"HINIT_REWRITE");
pub(crate) static MAP_EXIT: Opt = Opt::value(
    "--map-exit",
    "FROM=TO",
    "Exit with code TO in place of FROM, a code or the signal of a death; may be repeated",
)
.env(c"HINIT_MAP_EXIT");
pub(crate) static CLEAN_STOP: Opt = Opt::flag(
    "",
    "--clean-stop",
    "Exit with 0 if the server died of a signal that hinit passed on to it",
)
.env(c"HINIT_CLEAN_STOP");
pub(crate) static VERBOSE: Opt =
    Opt::flag("-v", "--verbose", "Also log each signal and each orphan");
pub(crate) static QUIET: Opt = Opt::flag("-q", "--quiet", "Log errors only");
pub(crate) static FOREIGN: Opt = Opt::flag(
    "",
    "--foreign",
    "Accept the PID file of another program: any owner, no lock",
);
pub(crate) static TIMEOUT: Opt = Opt::value(
    "--timeout",
    "DURATION",
    "For the whole check: 500ms, 2s, 1.5s, 1m; a bare number is seconds",
)
.default("900ms");
pub(crate) static NO_LINE: Opt = Opt::flag("-q", "--quiet", "Print nothing; the exit code tells");
pub(crate) static HELP: Opt = Opt::flag("-h", "--help", "Print this help");
pub(crate) static VERSION: Opt = Opt::flag("-V", "--version", "Print the version");

/// One of hinit's own commands.
pub(crate) struct Topic {
    pub(crate) usage: &'static str,
    about: &'static str,
    pub(crate) options: &'static [&'static Opt],
}

pub(crate) static RUN: Topic = Topic {
    usage: "usage: hinit [run] [OPTIONS] [--] COMMAND [ARG...]",
    about: "\
Launches COMMAND, the server; passes it every signal but SIGCHLD; reaps orphans; keeps the
server's PID in the PID file. The other command is: hinit healthcheck [OPTIONS]

Exits with the server's own code; 128+N if signal N killed it; 127 if COMMAND was not found;
126 if it could not be executed; 125 if hinit itself failed.",
    options: &[
        &PID_FILE,
        &NO_PID_FILE,
        &PID_FILE_MODE,
        &GROUP,
        &STOP_DELAY,
        &GRACE,
        &NO_DRAIN,
        &REWRITE,
        &MAP_EXIT,
        &CLEAN_STOP,
        &PARENT_DEATH,
        &VERBOSE,
        &QUIET,
        &HELP,
        &VERSION,
    ],
};

pub(crate) static HEALTHCHECK: Topic = Topic {
    usage: "usage: hinit healthcheck [OPTIONS]",
    about: "\
Checks that the PID file is valid and the process alive. Prints the verdict in one line; exits
0 if the server is healthy, 1 if not.",
    options: &[&PID_FILE, &FOREIGN, &TIMEOUT, &NO_LINE, &HELP],
};

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

    pub(crate) fn option(&self, word: &str) -> Option<&'static Opt> {
        self.options.iter().find(|o| o.is_named(word)).copied()
    }

    /// The option that is the fewest edits away from `word`.
    pub(crate) fn nearest(&self, word: &str) -> &'static str {
        let is_short = |word: &str| word.len() <= 2;
        let names = self.options.iter().flat_map(|o| [o.long, o.short]);
        names
            .filter(|name| !name.is_empty() && is_short(name) == is_short(word))
            .min_by_key(|name| edits(word, name))
            .unwrap_or(HELP.long)
    }
}

/// How many bytes must be inserted, deleted or replaced to turn one word into the other (the
/// Levenshtein distance).
fn edits(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.bytes().enumerate() {
        let (mut diagonal, mut left) = (i, i + 1);
        for (cell, b) in row.iter_mut().skip(1).zip(to.bytes()) {
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
            assert_eq!(edits(from, to), distance, "{from} {to}");
        }
    }

    #[test]
    fn no_option_has_two_meanings_within_a_command() {
        for topic in [&RUN, &HEALTHCHECK] {
            for (i, option) in topic.options.iter().enumerate() {
                for other in topic.options.iter().skip(i + 1) {
                    assert!(!other.is_named(option.long) && !other.is_named(option.short));
                }
            }
        }
    }
}
