//! Names that are near to a misspelt word.

use crate::cli::COMMANDS;
use crate::cli::options::Topic;

/// The name that is near to a word, if one is: at most a quarter of its letters differ, or the word is the beginning
/// of a name, or an option begins with the name of another.
pub(in crate::cli) struct Nearest<'a> {
    word: &'a [u8],
    distance: u8,
    pub(in crate::cli) name: Option<&'static str>,
}

impl<'a> Nearest<'a> {
    pub(in crate::cli) fn to(word: &'a [u8]) -> Self {
        Self {
            word,
            distance: u8::MAX,
            name: None,
        }
    }

    pub(super) fn offer_options(&mut self, topic: &Topic) {
        for option in topic.options {
            self.offer(option.long());
        }
    }

    pub(super) fn offer_commands(&mut self) {
        // Not `run`: it can be left out, so it is hardly ever meant.
        for (topic, ..) in COMMANDS.iter().skip(1) {
            self.offer(topic.word());
        }
    }

    #[inline(never)]
    pub(in crate::cli) fn offer(&mut self, name: &'static str) {
        const MIN_LENGTH: usize = 3;
        /// More than a typo; and one more if the name ends before the word does.
        const BEGINNING: u8 = 2;
        let (word, other) = (bare(self.word), bare(name.as_bytes()));
        let shorter = word.len().min(other.len());
        if shorter < MIN_LENGTH {
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
pub(super) fn bare(mut name: &[u8]) -> &[u8] {
    while let [b'-', rest @ ..] = name {
        name = rest;
    }
    name
}

/// Whether two letters are the same, in any case.
fn same(a: u8, b: u8) -> bool {
    lower(a) == lower(b)
}

/// Right for letters. Other characters of names do not become equal to each other by that bit.
fn lower(letter: u8) -> u8 {
    letter | 0x20
}

/// How many letters must be inserted, deleted or replaced to turn one word into the other (the Levenshtein
/// distance); two that are swapped count once. A word longer than all our names is far from all of them.
fn edits(from: &[u8], to: &[u8]) -> u8 {
    const MAX_LENGTH: usize = 32;
    if from.len().max(to.len()) > MAX_LENGTH {
        return u8::MAX;
    }
    // The distances from the part of `from` read so far to each beginning of `to`, except the empty one.
    let mut row = [0; MAX_LENGTH];
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
mod tests {
    use super::*;

    #[test]
    fn the_distance_of_words() {
        for (from, to, distance) in [
            ("kitten", "sitting", 3),
            ("pidfile", "pid-file", 1),
            ("", "ab", 2),
            ("ab", "", 2),
            ("same", "same", 0),
            ("SAME", "same", 0),
            ("trem", "term", 1),
            ("abc", "cba", 1),
            ("abcd", "abef", 2),
            ("listne", "listen", 1),
        ] {
            let [from, to] = [from, to].map(str::as_bytes);
            assert_eq!(edits(from, to), distance, "{from:?} {to:?}");
        }
    }
}
