//! The values of options, from their text.

use std::time::Duration;

use nix::libc::c_int;
use nix::sys::signal::Signal;

use super::{User, suggestions};
use crate::error::exit_code;
use crate::output::Verbosity;
use crate::sys::SignalSet;
use crate::text::digits;

mod duration;
mod separators;
mod signals;

use duration::duration;
pub(super) use separators::Separators;
use signals::{rewrite, signal, stop_signals};

/// One kind of value: how to parse its text (None: it is not one), and what the text should have been.
pub(super) struct ValueParser<T> {
    pub(super) parse: fn(&str) -> Option<T>,
    pub(super) expected: Expected,
}

/// What a text should have been, for the message that it is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Expected {
    pub(super) text: &'static str,
    pub(super) hint: Hint,
}

/// Which hint the message may have about a wrong text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hint {
    None,
    /// A signal with a similar name.
    Signal,
    /// A signal with a similar name, or hinit's form of a rule of dumb-init.
    Rewrite,
    /// A signal with a similar name, or hinit's form of a rule of tini.
    ExitCodes,
}

impl Expected {
    pub(super) const fn plain(text: &'static str) -> Self {
        Self {
            text,
            hint: Hint::None,
        }
    }

    const fn with_hint(text: &'static str, hint: Hint) -> Self {
        Self { text, hint }
    }
}

/// An error unless the text of a value is what is expected. (One function: copies of it are a half KiB.)
#[inline(never)]
pub(super) fn require(is_expected: bool, expected: Expected) -> Result<(), ParseError<'static>> {
    if is_expected {
        Ok(())
    } else {
        Err(ParseError::Not(expected))
    }
}

/// What is wrong with the text of a value.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ParseError<'a> {
    /// It is not what is expected.
    Not(Expected),
    /// A message, and the part of the text that replaces the bar in it.
    Because(&'static str, &'a str),
}

impl ParseError<'_> {
    /// The message about this text.
    pub(super) fn message(&self, text: &str) -> String {
        match *self {
            Self::Not(expected) => suggestions::refusal(text, expected),
            Self::Because(message, part) => match message.split_once('|') {
                Some((before, after)) => format!("{before}{part}{after}"),
                None => message.to_owned(),
            },
        }
    }
}

/// Adds the values that a text contains, or says what is wrong with it. The second text is the first one as it was
/// written.
pub(super) type Parse<T> = for<'t> fn(&'t str, &str, &mut Vec<T>) -> Result<(), ParseError<'t>>;

/// A value, and its text as it was written, which is what messages show: a variable in it may be a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Written<T> {
    pub(crate) text: String,
    pub(crate) value: T,
}

/// The time limit of `hinit signal`, whose operand a forgotten value would take.
pub(super) const WAIT: Parse<Duration> = |text, _, times| {
    let time = (TIMEOUT.parse)(text);
    if time.is_none() && signal(text).is_some() {
        let why = "this is taken as the time; write `--wait 10s |`";
        return Err(ParseError::Because(why, text));
    }
    times.extend(time);
    require(time.is_some(), TIMEOUT.expected)
};

/// The variable of a flag.
pub(super) const SWITCH: ValueParser<bool> = ValueParser {
    parse: switch,
    expected: Expected::plain("1, 0, true, false, yes, no, on or off"),
};
pub(super) const VERBOSITY: ValueParser<Verbosity> = ValueParser {
    parse: |text| match position(text, "quiet,normal,verbose")? {
        0 => Some(Verbosity::Quiet),
        1 => Some(Verbosity::Normal),
        _ => Some(Verbosity::Verbose),
    },
    expected: Expected::plain("quiet, normal or verbose"),
};
pub(super) const PERMISSIONS: ValueParser<u32> = ValueParser {
    parse: permissions,
    expected: Expected::plain("0600, 0604, 0640 or 0644"),
};
pub(super) const UMASK: ValueParser<u32> = ValueParser {
    parse: |text| octal(text).filter(|mode| *mode <= 0o777),
    expected: Expected::plain("an octal mode from 0 to 0777, such as 0027"),
};
pub(super) const STANDARD_SIGNAL: ValueParser<Signal> = ValueParser {
    parse: |text| Signal::try_from(signal(text)?).ok(),
    expected: Expected::with_hint("a signal such as TERM or 15", Hint::Signal),
};
pub(super) const SIGNAL: ValueParser<c_int> = ValueParser {
    parse: signal,
    expected: Expected::with_hint("a signal such as ABRT, 6 or RTMIN+3", Hint::Signal),
};
pub(super) const STOP_SIGNALS: ValueParser<SignalSet> = ValueParser {
    parse: stop_signals,
    expected: Expected::with_hint(
        "signals such as TERM,WINCH, 28 or RTMIN+3 (not KILL, STOP or CHLD)",
        Hint::Signal,
    ),
};
const TIME: &str = "a time up to 365d such as 500ms, 2s, 1m30s, 5h or 1d";
pub(super) const DURATION: ValueParser<Duration> = ValueParser {
    parse: duration,
    expected: Expected::plain(TIME),
};
/// A time limit, which cannot be 0.
pub(super) const TIMEOUT: ValueParser<Duration> = ValueParser {
    parse: |text| duration(text).filter(|time| !time.is_zero()),
    expected: Expected::plain("a time above 0 and up to 365d such as 500ms, 2s, 1m30s, 5h or 1d"),
};
pub(super) const REWRITE: ValueParser<(c_int, Option<c_int>)> = ValueParser {
    parse: rewrite,
    expected: Expected::with_hint(
        "FROM=TO with signals such as TERM, 15 or RTMIN+3 (not from KILL, STOP or CHLD)",
        Hint::Rewrite,
    ),
};
pub(super) const USER: ValueParser<User> = ValueParser {
    parse: user,
    expected: Expected::plain("a user such as www-data, 1000, www-data:www-data or 1000:1000"),
};
/// In dumb-init's form: `15:2`; 0 drops the signal.
pub(super) const REWRITE_BY_COLON: ValueParser<(c_int, Option<c_int>)> = ValueParser {
    // KILL, STOP and CHLD are accepted too; these rules have no effect, because hinit never passes those signals on.
    parse: |text| match text.split_once(':')? {
        (from, "0") => Some((signal(from)?, None)),
        (from, to) => Some((signal(from)?, Some(signal(to)?))),
    },
    expected: Expected::with_hint("FROM:TO with signals such as 15 or TERM", Hint::Signal),
};
/// An exit code of tini's that becomes 0.
pub(super) const EXIT_CODE: ValueParser<(u8, u8)> = ValueParser {
    // tini's verbosity is parsed as usize too: a second parser would take 280 bytes.
    parse: |text| Some((u8::try_from(text.parse::<usize>().ok()?).ok()?, 0)),
    expected: Expected::plain("an exit code up to 255"),
};
pub(super) const EXIT_CODES: ValueParser<(u8, u8)> = ValueParser {
    parse: exit_codes,
    expected: Expected::with_hint(
        "FROM=TO with exit codes up to 255, or from a signal such as TERM",
        Hint::ExitCodes,
    ),
};

/// Permissions that hinit itself can work with after a crash, and that a health check trusts:
/// read and write for the owner, no write for anyone else.
fn permissions(text: &str) -> Option<u32> {
    octal(text).filter(|mode| [0o600, 0o604, 0o640, 0o644].contains(mode))
}

/// Digits alone, without a sign or a prefix.
fn octal(text: &str) -> Option<u32> {
    digits(text).and_then(|_| u32::from_str_radix(text, 8).ok())
}

fn user(text: &str) -> Option<User> {
    let (user, group) = match text.split_once(':') {
        Some((user, group)) => (user, Some(group)),
        None => (text, None),
    };
    // A colon ends a field of passwd(5).
    let is_name =
        |name: &str| !name.is_empty() && !name.bytes().any(|byte| matches!(byte, b':' | 0));
    (is_name(user) && group.is_none_or(is_name)).then(|| User {
        user: user.to_owned(),
        group: group.map(str::to_owned),
    })
}

/// `143=0`, or `TERM=0` for the code of a server that this signal killed.
fn exit_codes(text: &str) -> Option<(u8, u8)> {
    let (from, to) = text.split_once('=')?;
    let code = |text| digits(text).and_then(|number| u8::try_from(number).ok());
    let from = match digits(from) {
        Some(_) => code(from),
        None => u8::try_from(exit_code::KILLED_BY + signal(from)?).ok(),
    };
    Some((from?, code(to)?))
}

fn switch(text: &str) -> Option<bool> {
    Some(position(text, "0,1,false,true,no,yes,off,on")? % 2 == 1)
}

/// Which of these words a text is. Upper and lower case are the same, because programs that write variables use both, and
/// the names of HTTP's fields mean the same.
#[inline(never)]
pub(super) fn position(text: &str, words: &str) -> Option<usize> {
    let mut words = words.split(',');
    words.position(|word| word.eq_ignore_ascii_case(text))
}

/// An accepted value is in range, and its text is the value again.
#[cfg(any(fuzzing, test))]
pub(super) fn fuzz(text: &str) {
    if let Some(time) = duration(text) {
        let text_of_it = crate::time::ExactDuration(time).to_string();
        assert_eq!(duration(&text_of_it), Some(time), "{text}");
    }
    assert!(signal(text).is_none_or(|number| (1..=64).contains(&number)));
    assert!(permissions(text).is_none_or(|mode| mode & !0o644 == 0));
    let _any = (rewrite(text), exit_codes(text), user(text));
}

#[cfg(test)]
mod tests;
