//! The values of options, from their text. None: it is not one.

use std::time::Duration;

use nix::libc::c_int;
use nix::sys::signal::Signal;

/// Permissions that hinit itself can work with after a crash, and that a health check trusts:
/// read and write for the owner, no write for anyone else.
pub(super) fn permissions(octal: &str) -> Option<u32> {
    let digits = !octal.is_empty() && octal.bytes().all(|byte| byte.is_ascii_digit());
    let mode = u32::from_str_radix(octal, 8).ok().filter(|_| digits)?;
    [0o600, 0o604, 0o640, 0o644].contains(&mode).then_some(mode)
}

/// A standard signal, by its name with or without SIG, or by its number.
pub(super) fn signal(text: &str) -> Option<Signal> {
    let by_number = || Signal::try_from(c_int::try_from(digits(text)?).ok()?).ok();
    let name = text.to_ascii_uppercase();
    let name = name.strip_prefix("SIG").unwrap_or(&name);
    let by_name =
        || Signal::iterator().find(|signal| signal.as_str().strip_prefix("SIG") == Some(name));
    by_number().or_else(by_name)
}

/// `500ms`, `8s`, `2m`, `1.5s`; a bare number is seconds. From a millisecond to a year.
pub(super) fn duration(text: &str) -> Option<Duration> {
    const MILLISECOND: Duration = Duration::from_millis(1);
    const YEAR: Duration = Duration::from_hours(365 * 24);
    let unit_at = text
        .find(|c: char| c.is_ascii_alphabetic())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(unit_at)?;
    let unit_nanos: u64 = match unit {
        "ms" => 1_000_000,
        "s" | "" => 1_000_000_000,
        "m" => 60_000_000_000,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let whole = digits(whole)?.checked_mul(unit_nanos)?;
    let scale = 10_u64.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let fraction = u128::from(digits(fraction)?) * u128::from(unit_nanos) / u128::from(scale);
    let nanos = whole.checked_add(u64::try_from(fraction).ok()?)?;
    Some(Duration::from_nanos(nanos)).filter(|time| (MILLISECOND..=YEAR).contains(time))
}

/// A decimal number of digits only; `parse` alone would take a sign as well.
fn digits(text: &str) -> Option<u64> {
    text.parse()
        .ok()
        .filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
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
    fn durations() {
        for (text, micros) in [
            ("500ms", 500_000),
            ("8s", 8_000_000),
            ("2m", 120_000_000),
            ("1.5s", 1_500_000),
            ("0.25", 250_000),
            ("3", 3_000_000),
            ("1.5ms", 1500),
            ("1ms", 1000),
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
            "0",
            "0s",
            "0.0",
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
            ("TERM", Some(Signal::SIGTERM)),
            ("SIGTERM", Some(Signal::SIGTERM)),
            ("sigterm", Some(Signal::SIGTERM)),
            ("15", Some(Signal::SIGTERM)),
            ("KILL", Some(Signal::SIGKILL)),
            ("31", Some(Signal::SIGSYS)),
            ("0", None),
            ("32", None),
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
}
