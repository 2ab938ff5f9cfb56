//! The values of options, from their text.

use std::time::Duration;

use nix::libc::{SIGCHLD, SIGKILL, SIGSTOP, c_int};
use nix::sys::signal::Signal;

use super::User;
use crate::error::exit_code;
use crate::sys::SignalSet;
use crate::text::{digits, standard_signal_name};

/// One kind of value: how to read its text (None: it is not one), and what it should have been.
pub(super) struct Kind<T> {
    pub(super) parse: fn(&str) -> Option<T>,
    pub(super) wanted: &'static str,
}

pub(super) const PERMISSIONS: Kind<u32> = Kind {
    parse: permissions,
    wanted: "0600, 0604, 0640 or 0644",
};
pub(super) const UMASK: Kind<u32> = Kind {
    parse: |text| octal(text).filter(|mode| *mode <= 0o777),
    wanted: "an octal mode from 0 to 0777, such as 0027",
};
pub(super) const STANDARD_SIGNAL: Kind<Signal> = Kind {
    parse: |text| Signal::try_from(signal(text)?).ok(),
    wanted: "a signal such as TERM or 15",
};
pub(super) const SIGNAL: Kind<c_int> = Kind {
    parse: signal,
    wanted: "a signal such as ABRT, 6 or RTMIN+3",
};
pub(super) const STOP_SIGNALS: Kind<SignalSet> = Kind {
    parse: stop_signals,
    wanted: "signals such as TERM,WINCH, 28 or RTMIN+3 (not KILL, STOP or CHLD)",
};
pub(super) const DURATION: Kind<Duration> = Kind {
    parse: duration,
    wanted: "a time such as 500ms, 2s or 1m",
};
/// A deadline: there must be some time to it.
pub(super) const TIMEOUT: Kind<Duration> = Kind {
    parse: |text| duration(text).filter(|time| !time.is_zero()),
    wanted: "a time such as 500ms, 2s or 1m",
};
pub(super) const REWRITE: Kind<(c_int, Option<c_int>)> = Kind {
    parse: rewrite,
    wanted: "FROM=TO by signals such as TERM, 15 or RTMIN+3 (not from KILL, STOP or CHLD)",
};
pub(super) const USER: Kind<User> = Kind {
    parse: user,
    wanted: "a user such as www-data, 1000, www-data:www-data or 1000:1000",
};
/// As dumb-init has it: `15:2`, and 0 for nothing.
pub(super) const REWRITE_BY_COLON: Kind<(c_int, Option<c_int>)> = Kind {
    // Also from KILL, STOP and CHLD, which never come to be rewritten.
    parse: |text| match text.split_once(':')? {
        (from, "0") => Some((signal(from)?, None)),
        (from, to) => Some((signal(from)?, Some(signal(to)?))),
    },
    wanted: "FROM:TO by signals such as 15 or TERM",
};
pub(super) const EXIT_CODES: Kind<(u8, u8)> = Kind {
    parse: exit_codes,
    wanted: "FROM=TO by exit codes up to 255, or from a signal such as TERM",
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

/// Any of the 64 signals, by its name with or without SIG, or by its number. Real-time ones have the
/// names that glibc and the shells give them: RTMIN is 34 (signal(7)).
fn signal(text: &str) -> Option<c_int> {
    const RTMIN: c_int = 34;
    const RTMAX: c_int = 64;
    if let Some(number) = digits(text) {
        return c_int::try_from(number)
            .ok()
            .filter(|n| (1..=RTMAX).contains(n));
    }
    let name = text.to_ascii_uppercase();
    let name = name.strip_prefix("SIG").unwrap_or(&name);
    let offset = |rest: &str, sign| match rest.strip_prefix(sign) {
        Some(number) => digits(number).and_then(|number| c_int::try_from(number).ok()),
        None => rest.is_empty().then_some(0),
    };
    let real_time = match (name.strip_prefix("RTMIN"), name.strip_prefix("RTMAX")) {
        (Some(rest), _) => RTMIN.checked_add(offset(rest, '+')?)?,
        (_, Some(rest)) => RTMAX.checked_sub(offset(rest, '-')?)?,
        _ => {
            let is_named = |number: &c_int| {
                let known = standard_signal_name(*number);
                known.and_then(|known| known.strip_prefix("SIG")) == Some(name)
            };
            return (1..RTMIN).find(is_named);
        }
    };
    (RTMIN..=RTMAX).contains(&real_time).then_some(real_time)
}

/// A signal that hinit can get and passes on.
fn received_signal(text: &str) -> Option<c_int> {
    signal(text).filter(|number| ![SIGKILL, SIGSTOP, SIGCHLD].contains(number))
}

/// `TERM,INT,QUIT`: at least one.
fn stop_signals(list: &str) -> Option<SignalSet> {
    let mut signals = SignalSet::NONE;
    for text in list.split([',', ' ']).filter(|text| !text.is_empty()) {
        signals = signals.with(received_signal(text)?);
    }
    (signals != SignalSet::NONE).then_some(signals)
}

/// `TERM=QUIT`; `HUP=` drops it. Not from those that hinit never passes on.
fn rewrite(text: &str) -> Option<(c_int, Option<c_int>)> {
    let (from, to) = text.split_once('=')?;
    let from = received_signal(from)?;
    match to {
        "" => Some((from, None)),
        to => Some((from, Some(signal(to)?))),
    }
}

fn user(text: &str) -> Option<User> {
    let (user, group) = match text.split_once(':') {
        Some((user, group)) => (user, Some(group)),
        None => (text, None),
    };
    // Colons part the fields of passwd(5).
    let is_name = |name: &str| !name.is_empty() && !name.contains([':', '\0']);
    (is_name(user) && group.is_none_or(is_name)).then(|| User {
        user: user.to_owned(),
        group: group.map(str::to_owned),
    })
}

/// `143=0`; a signal's name stands for the code of a server that it has killed: `TERM=0`.
fn exit_codes(text: &str) -> Option<(u8, u8)> {
    let (from, to) = text.split_once('=')?;
    let code = |text| digits(text).and_then(|number| u8::try_from(number).ok());
    let from = match digits(from) {
        Some(_) => code(from),
        None => u8::try_from(exit_code::KILLED_BY + signal(from)?).ok(),
    };
    Some((from?, code(to)?))
}

/// `500ms`, `8s`, `2m`, `1.5s`; a bare number is seconds. Nothing, or from a millisecond to a year.
fn duration(text: &str) -> Option<Duration> {
    /// What may stand behind the number, and how many nanoseconds that is.
    const UNITS: [(&str, u64); 4] = [
        ("ms", MILLISECOND),
        ("s", SECOND),
        ("m", 60 * SECOND),
        ("", SECOND),
    ];
    const MILLISECOND: u64 = 1_000_000;
    const SECOND: u64 = 1000 * MILLISECOND;
    const YEAR: u64 = 365 * 24 * 3600 * SECOND;
    let with = |(unit, nanos)| text.strip_suffix(unit).map(|number| (number, nanos));
    let (number, mut place) = UNITS.into_iter().find_map(with)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let mut nanos = digits(whole)?.checked_mul(place)?;
    digits(fraction)?;
    for digit in fraction.bytes() {
        place /= 10;
        nanos = nanos.checked_add(u64::from(digit - b'0') * place)?;
    }
    let is_sane = nanos == 0 || (MILLISECOND..=YEAR).contains(&nanos);
    is_sane.then(|| Duration::from_nanos(nanos))
}

/// What is taken for a value makes sense, and is told as it was given.
#[cfg(any(fuzzing, test))]
pub(super) fn fuzz(text: &str) {
    if let Some(time) = duration(text) {
        let told = crate::time::Exact(time).to_string();
        assert_eq!(duration(&told), Some(time), "{text}");
    }
    assert!(signal(text).is_none_or(|number| (1..=64).contains(&number)));
    assert!(permissions(text).is_none_or(|mode| mode & !0o644 == 0));
    let _any = (rewrite(text), exit_codes(text), user(text));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_of_a_pid_file() {
        for good in ["600", "0600", "0604", "0640", "644", "00644"] {
            assert_eq!(
                permissions(good),
                u32::from_str_radix(good, 8).ok(),
                "{good}"
            );
        }
        for bad in [
            "", "0", "400", "0666", "0664", "0622", "0755", "4644", "0o644", "+644", "rw", "9",
        ] {
            assert_eq!(permissions(bad), None, "{bad}");
        }
    }

    #[test]
    fn umasks() {
        for (text, expected) in [
            ("0", Some(0)),
            ("22", Some(0o22)),
            ("022", Some(0o22)),
            ("0027", Some(0o27)),
            ("777", Some(0o777)),
            ("0777", Some(0o777)),
            ("1000", None),
            ("1777", None),
            ("8", None),
            ("0o22", None),
            ("-1", None),
            ("+22", None),
            ("u=rwx", None),
            ("", None),
            ("99999999999", None),
        ] {
            assert_eq!((UMASK.parse)(text), expected, "{text}");
        }
    }

    #[test]
    fn durations() {
        for (text, micros) in [
            ("500ms", 500_000),
            ("8s", 8_000_000),
            ("2m", 120_000_000),
            ("1.5s", 1_500_000),
            ("0.05m", 3_000_000),
            ("0.25", 250_000),
            ("3", 3_000_000),
            ("1.5ms", 1500),
            ("1ms", 1000),
            ("0", 0),
            ("0.0ms", 0),
            ("525600m", 31_536_000_000_000),
        ] {
            assert_eq!(
                duration(text),
                Some(Duration::from_micros(micros)),
                "{text}"
            );
        }
        for bad in [
            "",
            "0.5ms",
            "0.0009",
            "-1",
            "+1",
            "s",
            "ms",
            ".",
            "1.",
            ".5",
            "1.5.5",
            "1e3",
            "1 s",
            "5h",
            "5S",
            "1ss",
            "inf",
            "nan",
            "\u{663}s",
            "525601m",
            "99999999999999999999s",
            "1.99999999999999999999s",
        ] {
            assert_eq!(duration(bad), None, "{bad}");
        }
    }

    #[test]
    fn signals_by_name_or_number() {
        for (text, expected) in [
            ("TERM", Some(15)),
            ("SIGTERM", Some(15)),
            ("sigterm", Some(15)),
            ("15", Some(15)),
            ("KILL", Some(9)),
            ("31", Some(31)),
            ("32", Some(32)),
            ("64", Some(64)),
            ("RTMIN", Some(34)),
            ("SIGRTMIN+0", Some(34)),
            ("rtmin+30", Some(64)),
            ("RTMAX", Some(64)),
            ("RTMAX-14", Some(50)),
            ("RTMAX-30", Some(34)),
            ("RTMIN+31", None),
            ("RTMAX-31", None),
            ("RTMIN-1", None),
            ("RTMIN+", None),
            ("RTMIN+2147483647", None),
            ("RTMIN+99999999999", None),
            ("0", None),
            ("65", None),
            ("-15", None),
            ("", None),
            ("SIG", None),
            ("SIGSIGTERM", None),
            ("TERMINATE", None),
            ("4294967311", None),
        ] {
            assert_eq!(signal(text), expected, "{text}");
        }
    }

    #[test]
    fn lists_of_stop_signals() {
        let set = |numbers: &[c_int]| {
            let all = numbers.iter().fold(SignalSet::NONE, |set, n| set.with(*n));
            Some(all)
        };
        for (text, expected) in [
            ("TERM", set(&[15])),
            ("TERM,INT,QUIT", set(&[15, 2, 3])),
            ("sigwinch,10", set(&[28, 10])),
            ("RTMIN+3, PWR", set(&[37, 30])),
            ("", None),
            (",", None),
            ("TERM;INT", None),
            ("TERM,KILL", None),
            ("STOP", None),
            ("17", None),
            ("WINSH", None),
        ] {
            assert_eq!(stop_signals(text), expected, "{text}");
        }
    }

    #[test]
    fn a_deadline_is_more_than_nothing() {
        assert_eq!((TIMEOUT.parse)("0s"), None);
        assert_eq!((TIMEOUT.parse)("1ms"), Some(Duration::from_millis(1)));
    }

    #[test]
    fn users() {
        for (text, expected) in [
            ("www-data", Some(("www-data", None))),
            ("1000", Some(("1000", None))),
            ("1000:2000", Some(("1000", Some("2000")))),
            ("a:b", Some(("a", Some("b")))),
            ("", None),
            (":", None),
            ("a:", None),
            (":b", None),
            ("a:b:c", None),
            ("a\0", None),
        ] {
            let expected = expected.map(|(user, group): (&str, Option<&str>)| User {
                user: user.into(),
                group: group.map(str::to_owned),
            });
            assert_eq!(user(text), expected, "{text}");
        }
    }

    #[test]
    fn rewriting_rules() {
        for (text, expected) in [
            ("TERM=QUIT", Some((15, Some(3)))),
            ("SIGTERM=3", Some((15, Some(3)))),
            ("15=RTMIN+3", Some((15, Some(37)))),
            ("RTMIN+3=KILL", Some((37, Some(9)))),
            ("HUP=", Some((1, None))),
            ("HUP=HUP", Some((1, Some(1)))),
            ("HUP", None),
            ("=HUP", None),
            ("=", None),
            ("", None),
            ("HUP=USR1=USR2", None),
            ("KILL=TERM", None),
            ("STOP=TSTP", None),
            ("CHLD=USR1", None),
            ("TREM=QUIT", None),
        ] {
            assert_eq!(rewrite(text), expected, "{text}");
        }
    }

    #[test]
    fn exit_codes_to_give_in_anothers_place() {
        for (text, expected) in [
            ("143=0", Some((143, 0))),
            ("TERM=0", Some((143, 0))),
            ("sigrtmin+1=7", Some((163, 7))),
            ("0=255", Some((0, 255))),
            ("15=0", Some((15, 0))),
            ("256=0", None),
            ("0=256", None),
            ("1=TERM", None),
            ("1=", None),
            ("=1", None),
            ("1", None),
            ("-1=0", None),
        ] {
            assert_eq!(exit_codes(text), expected, "{text}");
        }
    }
}
