//! The words of a command line, split into options with their values and operands.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::vec::IntoIter;

use super::parsed::Parsed;
use crate::cli::options::Topic;
use crate::cli::suggestions::unknown;

/// Ends the options at the first operand or `--`: all words after it are the server's, even if they
/// look like options of hinit. For a command whose options may follow operands, they continue after each operand.
pub(super) fn split(
    mut words: IntoIter<OsString>,
    topic: &Topic,
) -> Result<(Parsed, Vec<OsString>), String> {
    let (mut options, mut values) = (Vec::new(), Vec::new());
    let mut operands = Vec::new();
    let mut letters = None;
    while let Some(word) = letters.take().or_else(|| words.next()) {
        let is_option = looks_like_option(&word);
        if !is_option || word == "--" {
            operands.extend(if is_option { words.next() } else { Some(word) });
            if topic.mixed {
                continue;
            }
            break;
        }
        let is_cluster = topic.clusters && !word.as_bytes().starts_with(b"--");
        let (name, joined) = parts(word.as_bytes(), is_cluster);
        let Some(option) = topic.option(name) else {
            return Err(unknown("unknown option", name, topic));
        };
        options.push(option);
        if option.takes_value() {
            let next = if joined.is_none() { words.next() } else { None };
            let next = next.as_deref().unwrap_or_default();
            let value = joined.unwrap_or(next.as_bytes());
            // A forgotten value is far more frequent than a value that looks like an option.
            let is_forgotten = looks_like_option(next) && !option.takes_options();
            if is_forgotten || value.is_empty() {
                let hint = if is_forgotten && !topic.clusters {
                    "; if it begins with `-`, put `=` before it"
                } else {
                    ""
                };
                let (name, value) = (option.long(), option.value());
                return Err(format!("`{name}` needs a value: {value}{hint}"));
            }
            values.extend(Parsed::words(option, value));
        } else if is_cluster && joined.is_some() {
            let mut others = word.into_vec();
            others.remove("-".len());
            letters = Some(OsString::from_vec(others));
        } else if joined.is_some() {
            return Err(format!("`{}` takes no value", option.long()));
        }
    }
    operands.extend(words);
    Ok((Parsed::new(options, values), operands))
}

fn looks_like_option(word: &OsStr) -> bool {
    word.as_bytes().starts_with(b"-") && word != "-"
}

/// The name of an option, and what is joined to it: the value in `--name=value`; in `-vvgp` and `-pTERM`,
/// clusters of letters (getopt(3)), all after the first letter.
fn parts(word: &[u8], is_cluster: bool) -> (&[u8], Option<&[u8]>) {
    if is_cluster {
        let (name, rest) = word.split_at("-v".len());
        return (name, Some(rest).filter(|rest| !rest.is_empty()));
    }
    let end = word.iter().position(|&byte| byte == b'=');
    let (name, rest) = word.split_at(end.unwrap_or(word.len()));
    (name, rest.get(1..))
}

/// The words of a text, split as by a shell in which only blanks and quotes are special. None, if a quote
/// is not closed.
pub(crate) fn words_of(text: &[u8]) -> Option<Vec<OsString>> {
    let mut words: Vec<OsString> = Vec::new();
    let (mut quote, mut inside) = (None, false);
    for byte in text {
        if quote.is_none() && byte.is_ascii_whitespace() {
            inside = false;
            continue;
        }
        if !inside {
            words.push(OsString::new());
            inside = true;
        }
        match quote {
            Some(open) if open == byte => quote = None,
            None if b"\"'".contains(byte) => quote = Some(byte),
            _ => {
                let byte = OsStr::from_bytes(std::slice::from_ref(byte));
                words.last_mut()?.push(byte);
            }
        }
    }
    quote.is_none().then_some(words)
}

pub(super) fn unexpected(word: &OsStr, topic: &Topic) -> String {
    unknown("unexpected word", word.as_bytes(), topic)
}
