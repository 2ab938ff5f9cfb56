//! A time, from its text.

use std::time::Duration;

/// `500ms`, `1.5s`, and sums as in Go and systemd: `1h30m`, `1min 30s`. A bare number is seconds. The time is zero, or
/// from a millisecond to a year, in whole nanoseconds.
pub(super) fn duration(text: &str) -> Option<Duration> {
    const MILLISECOND: u64 = 1_000_000;
    const SECOND: u64 = 1000 * MILLISECOND;
    const DAY: u64 = 24 * 3600 * SECOND;
    let (mut nanos, mut rest) = (0_u64, text.as_bytes());
    loop {
        let is_first = rest.len() == text.len();
        let (mut number, mut parts) = (0_u64, 0_u64);
        rest.first().filter(|byte| byte.is_ascii_digit())?;
        while let [byte @ (b'0'..=b'9' | b'.'), tail @ ..] = rest {
            rest = tail;
            if *byte != b'.' {
                number = number
                    .checked_mul(10)?
                    .checked_add(u64::from(byte - b'0'))?;
                parts = parts.checked_mul(10)?;
            } else if parts == 0 {
                parts = 1;
            } else {
                return None;
            }
        }
        let end = rest
            .iter()
            .position(|byte| byte.is_ascii_digit() || *byte == b' ');
        let (unit, tail) = rest.split_at_checked(end.unwrap_or(rest.len()))?;
        let unit = match unit {
            b"ms" => MILLISECOND,
            b"s" => SECOND,
            b"" if is_first && tail.is_empty() => SECOND,
            b"m" | b"min" => 60 * SECOND,
            b"h" => 3600 * SECOND,
            b"d" => DAY,
            _ => return None,
        };
        let part = match parts {
            0 => unit,
            // A point without a digit after it.
            1 => return None,
            _ if unit % parts == 0 => unit / parts,
            _ => return None,
        };
        nanos = number.checked_mul(part)?.checked_add(nanos)?;
        rest = tail.strip_prefix(b" ").unwrap_or(tail);
        if tail.is_empty() {
            let is_sane = nanos == 0 || (MILLISECOND..=365 * DAY).contains(&nanos);
            return is_sane.then(|| Duration::from_nanos(nanos));
        }
    }
}
