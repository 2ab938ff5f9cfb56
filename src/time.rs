//! Durations, for poll(2) and for people.

use std::fmt;
use std::time::{Duration, Instant};

use nix::poll::{PollTimeout, poll};

/// Milliseconds. Saturates.
#[inline(never)]
pub(crate) fn millis(time: Duration) -> u64 {
    let seconds = time.as_secs().saturating_mul(1000);
    seconds.saturating_add(time.subsec_millis().into())
}

/// A timeout that is up to 1 ms too long: one that is too short would make a loop spin.
pub(crate) fn poll_timeout(left: Duration) -> PollTimeout {
    PollTimeout::try_from(millis(left).saturating_add(1)).unwrap_or(PollTimeout::MAX)
}

/// The earliest of the given instants.
#[inline(never)]
pub(crate) fn earliest(instants: &[Option<Instant>]) -> Option<Instant> {
    instants.iter().copied().flatten().min()
}

/// Waits for this time. A signal that is not blocked ends the wait early.
pub(crate) fn pause(time: Duration) {
    // There is no descriptor, so it returns when the time is over.
    let _nothing_is_ready = poll(&mut [], poll_timeout(time));
}

/// A duration as an option takes it, exactly: `900ms`, `1.5s`, `120s`.
pub(crate) struct ExactDuration(pub(crate) Duration);

impl fmt::Display for ExactDuration {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let (seconds, nanos) = (self.0.as_secs(), self.0.subsec_nanos());
        let (whole, mut rest, mut digits, unit) = match seconds {
            0 => (u64::from(nanos / 1_000_000), nanos % 1_000_000, 6, "ms"),
            _ => (seconds, nanos, 9, "s"),
        };
        write!(f, "{whole}")?;
        if rest > 0 {
            while rest % 10 == 0 {
                (rest, digits) = (rest / 10, digits - 1);
            }
            write!(f, ".{rest:0digits$}")?;
        }
        f.write_str(unit)
    }
}

/// A duration, rounded down to two units: `12ms`, `1.2s`, `2m05s`, `3h02m`, `4d05h`.
pub(crate) struct ShortDuration(pub(crate) Duration);

impl fmt::Display for ShortDuration {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let (millis, seconds) = (millis(self.0), self.0.as_secs());
        let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
        match seconds {
            0 => write!(f, "{millis}ms"),
            1..60 => write!(f, "{seconds}.{}s", millis / 100 % 10),
            60..3600 => write!(f, "{minutes}m{:02}s", seconds % 60),
            3600..86400 => write!(f, "{hours}h{:02}m", minutes % 60),
            _ => write!(f, "{days}d{:02}h", hours % 24),
        }
    }
}

/// A duration in seconds and tenths: `30.0s`.
pub(crate) struct SecondsAndTenths(pub(crate) Duration);

impl fmt::Display for SecondsAndTenths {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}.{}s", self.0.as_secs(), self.0.subsec_millis() / 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exact_duration_loses_nothing() {
        for (micros, text) in [
            (0, "0ms"),
            (1000, "1ms"),
            (1500, "1.5ms"),
            (900_000, "900ms"),
            (1_000_000, "1s"),
            (1_500_000, "1.5s"),
            (1_050_000, "1.05s"),
            (2_000_001, "2.000001s"),
            (120_000_000, "120s"),
        ] {
            assert_eq!(
                ExactDuration(Duration::from_micros(micros)).to_string(),
                text
            );
        }
    }

    #[test]
    fn a_timeout_is_never_too_short() {
        for (micros, timeout) in [(0, 1), (1, 1), (999, 1), (1000, 2), (1_500_000, 1501)] {
            let timeout = PollTimeout::try_from(timeout).unwrap();
            assert_eq!(poll_timeout(Duration::from_micros(micros)), timeout);
        }
        assert_eq!(poll_timeout(Duration::MAX), PollTimeout::MAX);
    }
}
