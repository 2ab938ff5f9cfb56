//! What was probably meant by a word that hinit does not know, or a command that is not there.

use std::ffi::{CString, OsStr};
use std::os::unix::ffi::OsStrExt;

use super::options::{HELP, RUN, Topic, VERSION};
use super::{OWN, values};
use crate::text::standard_signal_name;

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
    let (before, hint, after) = if let Some(near) = near.name {
        let is_option = near.starts_with('-');
        let before = if is_option {
            " (did you mean `"
        } else {
            " (did you mean `hinit "
        };
        (before, near, "`?)")
    } else if is_run && let Some(instead) = of_other_init(word) {
        (": ", instead, "")
    } else if let Some(other) = OWN.iter().find(|own| own.0.option(word).is_some()) {
        (": it is an option of `", other.0.call, "`")
    } else {
        ("", "", "")
    };
    format!("{what} `{shown}`{before}{hint}{after}")
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

/// Why a command was probably not found: a word that was meant for hinit, or several words in one. `is_own`: hinit was
/// not called as another init.
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
        near.offer(HELP.long);
        near.offer(VERSION.long);
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

/// The option of `hinit run` that this word is. Those with a short name do not count: most servers have them too.
fn own_option(word: &[u8]) -> Option<&'static str> {
    let name = word.split(|&byte| byte == b'=').next()?;
    let option = RUN.option(name)?;
    option.is_long_only().then_some(option.long)
}

/// Why the value of an option, or an operand, is refused: it is not what is expected, or names no signal.
#[inline(never)]
pub(super) fn refusal(value: &str, expected: &str) -> String {
    // What is expected are signals then, among other things.
    let names_signals = expected.as_bytes().windows(6).any(|word| word == b"signal");
    let words = value.as_bytes().split(|byte| b" ,=:".contains(byte));
    for word in words.filter(|_| names_signals) {
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
            return format!("`{word}` is not a signal (did you mean {near}?)");
        }
    }
    format!("not {expected}")
}

/// The name that is near to a word, if one is: at most a quarter of its letters differ, or the word is the beginning
/// of a name, or an option begins with the name of another.
pub(super) struct Nearest<'a> {
    word: &'a [u8],
    distance: u8,
    pub(super) name: Option<&'static str>,
}

impl<'a> Nearest<'a> {
    pub(super) fn to(word: &'a [u8]) -> Self {
        Self {
            word,
            distance: u8::MAX,
            name: None,
        }
    }

    fn offer_options(&mut self, topic: &Topic) {
        for option in topic.options {
            self.offer(option.long);
        }
    }

    fn offer_commands(&mut self) {
        // `run` may be left out, and so was never meant.
        for (topic, ..) in OWN.iter().skip(1) {
            self.offer(topic.word());
        }
    }

    #[inline(never)]
    pub(super) fn offer(&mut self, name: &'static str) {
        const SHORTEST: usize = 3;
        /// Further than a typo; and a name that ends before the word does is further still.
        const BEGINNING: u8 = 2;
        let (word, other) = (bare(self.word), bare(name.as_bytes()));
        let shorter = word.len().min(other.len());
        if shorter < SHORTEST {
            return;
        }
        let mut distance = edits(word, other);
        let is_longer = word.len() > shorter;
        let is_option = self.word.starts_with(b"-");
        if (is_option || !is_longer) && word.iter().zip(other).all(|(a, b)| same(*a, *b)) {
            distance = distance.min(BEGINNING + u8::from(is_longer));
        } else if usize::from(distance) > (word.len().max(other.len()) / 4).max(1) {
            return;
        }
        if distance < self.distance {
            self.distance = distance;
            self.name = Some(name);
        }
    }
}

/// An option without its dashes.
fn bare(mut name: &[u8]) -> &[u8] {
    while let [b'-', rest @ ..] = name {
        name = rest;
    }
    name
}

/// Whether two letters are the same, in lower or upper case.
fn same(a: u8, b: u8) -> bool {
    lower(a) == lower(b)
}

/// Only letters differ by that bit from others, as far as names go.
fn lower(letter: u8) -> u8 {
    letter | 0x20
}

/// How many letters must be inserted, deleted or replaced to turn one word into the other (the Levenshtein
/// distance); two that are swapped count once. Whatever is longer than any of our names is far from all of them.
fn edits(from: &[u8], to: &[u8]) -> u8 {
    const LONGEST: usize = 32;
    if from.len().max(to.len()) > LONGEST {
        return u8::MAX;
    }
    // From what there is of the one word to each beginning of the other, but for the empty one.
    let mut row = [0; LONGEST];
    for (cell, number) in row.iter_mut().zip(1..) {
        *cell = number;
    }
    let mut start = 0;
    let mut distance = u8::try_from(to.len()).unwrap_or(u8::MAX);
    for a in from {
        let mut diagonal = start;
        start += 1;
        distance = start;
        for (cell, b) in row.iter_mut().zip(to) {
            let above = *cell;
            *cell = (diagonal + u8::from(!same(*a, *b))).min(above.min(distance) + 1);
            (diagonal, distance) = (above, *cell);
        }
    }
    let sum = |word: &[u8]| word.iter().map(|byte| u16::from(lower(*byte))).sum::<u16>();
    // Two letters were replaced, and they are the same two.
    let is_swapped = distance == 2 && from.len() == to.len() && sum(from) == sum(to);
    distance - u8::from(is_swapped)
}

#[cfg(test)]
mod tests;
