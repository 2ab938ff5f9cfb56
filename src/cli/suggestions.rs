//! Hints in errors: what was probably meant by an unknown word, a wrong value or a command that does not exist.

use std::ffi::{CString, OsStr};
use std::os::unix::ffi::OsStrExt;

use super::COMMANDS;
use super::options::{HEALTHCHECK, HELP, RUN, SIGNAL, Topic, VERSION};
use super::values::{self, Expected, Hint};
use crate::text::standard_signal_name;

mod nearest;

pub(super) use nearest::Nearest;
use nearest::bare;

/// Options of tini and dumb-init that hinit does not have, and what to write instead. (catatonit has none, and
/// gosu only a user, see [`command`].)
const OF_OTHER_INITS: [(u8, &str); 7] = [
    (b's', "leave it out, hinit always adopts orphans"),
    (b'v', "write `--verbose`"),
    (b'w', "write `--verbose`"),
    (b'p', "write `--parent-death SIGNAL`"),
    (b'e', "write `--map-exit 143=0` for `-e 143`"),
    (b'r', "write `--rewrite 15=3` for `-r 15:3`"),
    (
        b'c',
        "leave it out, hinit signals only the server unless `--group` is given",
    ),
];

/// Options of Docker's HEALTHCHECK that are not options of hinit's.
const DOCKERS: &str = "--interval,--retries,--start-period,--start-interval";

/// The error for a word on the command line that the command does not know.
#[inline(never)]
pub(super) fn unknown(what: &str, word: &[u8], topic: &Topic) -> String {
    let shown = OsStr::from_bytes(word).display();
    let mut near = Nearest::to(word);
    near.offer_options(topic);
    let is_run = topic.call == RUN.call;
    if is_run {
        near.offer_commands();
    }
    let letters;
    let (before, hint, after) = if let Some(signal) = signal_as_option(word, topic) {
        (": write `hinit signal ", signal, "`")
    } else if let Some(apart) = letters_apart(word, topic) {
        letters = apart;
        (": write `", letters.as_str(), "`")
    } else if let Some(near) = near.name {
        // An option, or hinit's variable for the log.
        let is_command = near.as_bytes().first().is_some_and(u8::is_ascii_lowercase);
        let before = if is_command {
            " (did you mean `hinit "
        } else {
            " (did you mean `"
        };
        (before, near, "`?)")
    } else if is_run && let Some(instead) = of_other_init(word) {
        (": ", instead, "")
    } else if topic.call == HEALTHCHECK.call && is_dockers(word) {
        let why = ": it is an option of Docker's HEALTHCHECK; put it before CMD";
        (why, "", "")
    } else if let Some((other, _)) = COMMANDS
        .iter()
        .find(|(other, _)| other.option(word).is_some())
    {
        (": it is an option of `", other.call, "`")
    } else {
        ("", "", "")
    };
    format!("{what} `{shown}`{before}{hint}{after}")
}

fn is_dockers(word: &[u8]) -> bool {
    str::from_utf8(word).is_ok_and(|word| values::position(word, DOCKERS).is_some())
}

/// The signal in `hinit signal -TERM`, as for kill(1).
fn signal_as_option<'a>(word: &'a [u8], topic: &Topic) -> Option<&'a str> {
    let signal = str::from_utf8(bare(word)).ok()?;
    let is_signal = topic.call == SIGNAL.call && (values::SIGNAL.parse)(signal).is_some();
    is_signal.then_some(signal)
}

/// `-q -v` for `-qv`, if each letter is an option.
fn letters_apart(word: &[u8], topic: &Topic) -> Option<String> {
    let [b'-', letters @ ..] = word else {
        return None;
    };
    let mut apart = String::new();
    for letter in letters {
        topic.option(&[b'-', *letter])?;
        // By bytes: `contains` with a character adds 2 KiB of std's search.
        if !apart.as_bytes().contains(letter) {
            apart.push_str(if apart.is_empty() { "-" } else { " -" });
            apart.push(char::from(*letter));
        }
    }
    Some(apart)
}

fn of_other_init(word: &[u8]) -> Option<&'static str> {
    // Also `-vv`, `-e143` and `-r15:3`, as getopt(3) has it.
    let letter = match word {
        b"--single-child" => b'c',
        [b'-', letter, ..] => *letter,
        _ => return None,
    };
    let mut known = OF_OTHER_INITS.iter();
    known.find_map(|(name, instead)| (*name == letter).then_some(*instead))
}

/// Why a command was probably not found: the word was meant for hinit, or is several words in one. `is_own`: hinit does
/// not run under the name of another init.
#[inline(never)]
pub(crate) fn command<'a>(
    words: &'a [CString],
    is_own: bool,
    is_user: &dyn Fn(&str) -> bool,
) -> Option<[&'a str; 3]> {
    let (command, arguments) = words.split_first()?;
    let name = command.to_bytes();
    if name.starts_with(b"-") {
        return Some(["options go before `--`, the command after it", "", ""]);
    }
    if name.contains(&b' ') {
        let why = "the command and its arguments must be separate words, \
            as in CMD [\"server\", \"--port\", \"80\"]";
        return Some([why, "", ""]);
    }
    if !is_own {
        return None;
    }
    let mut near = Nearest::to(name);
    if !name.contains(&b'/') {
        near.offer_commands();
        near.offer(HELP.long());
        near.offer(VERSION.opt.long());
    }
    let name = command.to_str().unwrap_or_default();
    if let Some(near) = near.name {
        return Some(["did you mean `hinit ", near, "`?"]);
    }
    if !arguments.is_empty() && is_user(name) {
        return Some(["to run a command as this user, write `--user ", name, "`"]);
    }
    let mut arguments = arguments.iter();
    let option = arguments.find_map(|word| own_option(word.to_bytes()))?;
    let why = "` after the command is an argument of the command, not an option of hinit";
    Some(["`", option, why])
}

/// The option of `hinit run` with this name. Options with a short name do not count: most servers have them too.
fn own_option(word: &[u8]) -> Option<&'static str> {
    let name = word.split(|&byte| byte == b'=').next()?;
    let option = RUN.option(name)?;
    option.is_long_only().then_some(option.long())
}

/// What is wrong with the value of an option.
#[inline(never)]
pub(super) fn refusal(value: &str, expected: Expected) -> String {
    if let Some(right) = with_equals_sign(value, expected.hint) {
        return format!("write `{right}`");
    }
    let misspelt = match expected.hint {
        Hint::None => None,
        Hint::Signal | Hint::Rewrite | Hint::ExitCodes => misspelt_signal(value),
    };
    misspelt.unwrap_or_else(|| format!("not {}", expected.text))
}

/// A rule of another init, as hinit has it: `15=3` for dumb-init's `15:3`, `143=0` for tini's `143`.
fn with_equals_sign(value: &str, hint: Hint) -> Option<String> {
    let (from, to) = value.split_once(':').unwrap_or((value, "0"));
    let is_rule: fn(&str) -> bool = match hint {
        Hint::None | Hint::Signal => return None,
        Hint::Rewrite if value == from => return None,
        Hint::Rewrite => |rule| (values::REWRITE.parse)(rule).is_some(),
        Hint::ExitCodes => |rule| (values::EXIT_CODES.parse)(rule).is_some(),
    };
    // dumb-init drops what it rewrites to 0.
    let to = if hint == Hint::Rewrite && to == "0" {
        ""
    } else {
        to
    };
    Some(format!("{from}={to}")).filter(|rule| is_rule(rule))
}

/// The first word of a value that names no signal, with a signal that has a similar name.
pub(super) fn misspelt_signal(value: &str) -> Option<String> {
    for word in value.as_bytes().split(|byte| b" ,=:".contains(byte)) {
        let mut near = Nearest::to(word);
        let word = str::from_utf8(word).unwrap_or_default();
        if (values::SIGNAL.parse)(word).is_some() {
            continue;
        }
        for name in (1..32).filter_map(standard_signal_name) {
            near.offer(name);
            near.offer(name.get("SIG".len()..).unwrap_or_default());
        }
        if let Some(near) = near.name {
            return Some(format!("`{word}` is not a signal (did you mean {near}?)"));
        }
    }
    None
}

#[cfg(test)]
mod tests;
