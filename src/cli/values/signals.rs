//! Signals, lists of them, and rules about them.

use nix::libc::{SIGCHLD, SIGKILL, SIGSTOP, c_int};

use crate::sys::SignalSet;
use crate::text::{RTMAX, RTMIN, digits, standard_signal_name};

/// Any of the 64 signals, by its name with or without SIG, or by its number. Real-time ones have the
/// names that glibc and the shells give them.
pub(super) fn signal(text: &str) -> Option<c_int> {
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

/// A signal that hinit can receive and passes on.
fn received_signal(text: &str) -> Option<c_int> {
    signal(text).filter(|number| ![SIGKILL, SIGSTOP, SIGCHLD].contains(number))
}

/// `TERM,INT,QUIT`: at least one.
pub(super) fn stop_signals(list: &str) -> Option<SignalSet> {
    let mut signals = SignalSet::NONE;
    for words in list.split(',') {
        for text in words.split(' ').filter(|text| !text.is_empty()) {
            signals = signals.with(received_signal(text)?);
        }
    }
    (signals != SignalSet::NONE).then_some(signals)
}

/// `TERM=QUIT`; `HUP=` drops it. Not for signals that hinit never passes on.
pub(super) fn rewrite(text: &str) -> Option<(c_int, Option<c_int>)> {
    let (from, to) = text.split_once('=')?;
    let from = received_signal(from)?;
    match to {
        "" => Some((from, None)),
        to => Some((from, Some(signal(to)?))),
    }
}
