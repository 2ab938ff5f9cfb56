//! What stands in a datagram of `sd_notify(3)`; pure.

use std::fmt::{self, Write};
use std::time::Duration;

use nix::unistd::Pid;

use crate::text::digits;

/// The most bytes of a datagram, as service managers have it.
pub(in crate::run) const MAX_BYTES: usize = 4096;

/// One line of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::run) enum Word<'a> {
    Ready,
    Reloading,
    /// When it began to reload, by the monotonic clock.
    Monotonic(Duration),
    Stopping,
    /// What the server says of itself, for people.
    Status(&'a str),
    /// Why it has failed: an errno.
    Failure(i32),
    MainPid(Pid),
    /// A sign of life.
    Alive,
    /// The server itself has found that it hangs.
    Hung,
    /// How long it may be silent from now on; zero: for ever.
    Watchdog(Duration),
    /// It needs so much more time.
    Extend(Duration),
    /// What concerns hinit not, or not any more (`BARRIER=1`: all before it has been read by now).
    Other,
}

/// The words of a datagram, None for each line that is not valid. None at all, if it contains a NUL; one at
/// the end is fine, as systemd has it.
pub(in crate::run) fn words(datagram: &[u8]) -> Option<impl Iterator<Item = Option<Word<'_>>>> {
    let text = datagram.strip_suffix(b"\0").unwrap_or(datagram);
    let is_text = !datagram.is_empty() && !text.contains(&0);
    is_text.then(|| lines(text).map(word))
}

/// What another service manager may know of a datagram: a message that is built from the meaning of those
/// words that cannot harm. Bytes are never passed on: the other reader might take them differently, and
/// would believe a PID among them as if hinit had sent it. Unless the server `may_be_ready`, that word is left out.
pub(in crate::run) fn for_others(datagram: &[u8], may_be_ready: bool) -> String {
    let mut message = String::new();
    for word in words(datagram).into_iter().flatten().flatten() {
        if word == Word::Ready && !may_be_ready {
            continue;
        }
        let length = message.len();
        // Writing to a String does not fail.
        let _ignored = write_for_others(word, &mut message);
        if length > 0 && message.len() > length {
            message.insert(length, '\n');
        }
    }
    message
}

fn write_for_others(word: Word, f: &mut dyn Write) -> fmt::Result {
    let (name, number) = match word {
        Word::Ready => ("READY", 1),
        Word::Reloading => ("RELOADING", 1),
        Word::Monotonic(time) => ("MONOTONIC_USEC", microseconds(time)),
        Word::Stopping => ("STOPPING", 1),
        Word::Failure(errno) => ("ERRNO", u64::from(errno.unsigned_abs())),
        Word::Alive => ("WATCHDOG", 1),
        Word::Extend(time) => ("EXTEND_TIMEOUT_USEC", microseconds(time)),
        Word::Hung => return f.write_str("WATCHDOG=trigger"),
        Word::Status(status) => {
            f.write_str("STATUS=")?;
            let mut printable = status.chars().filter(|char| !char.is_control());
            return printable.try_for_each(|char| f.write_char(char));
        }
        // PIDs are for hinit to know, the watchdog's time is hinit's own, and barriers are answered.
        Word::MainPid(_) | Word::Watchdog(_) | Word::Other => return Ok(()),
    };
    write!(f, "{name}={number}")
}

/// It was read from a number of that size.
fn microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// systemd ends a line at a carriage return as well.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = text.split(|byte| b"\r\n".contains(byte));
    lines.filter(|line| !line.is_empty())
}

fn word(line: &[u8]) -> Option<Word<'_>> {
    let (name, value) = str::from_utf8(line).ok()?.split_once('=')?;
    let microseconds = || digits(value).map(Duration::from_micros);
    Some(match (name, value) {
        ("READY", "1") => Word::Ready,
        ("RELOADING", "1") => Word::Reloading,
        ("MONOTONIC_USEC", _) => Word::Monotonic(microseconds()?),
        ("STOPPING", "1") => Word::Stopping,
        ("WATCHDOG", "1") => Word::Alive,
        ("WATCHDOG", "trigger") => Word::Hung,
        ("STATUS", status) => Word::Status(status),
        ("ERRNO", _) => Word::Failure(i32::try_from(digits(value)?).ok()?),
        ("MAINPID", _) => Word::MainPid(pid(digits(value)?)?),
        ("WATCHDOG_USEC", _) => Word::Watchdog(microseconds()?),
        ("EXTEND_TIMEOUT_USEC", _) => Word::Extend(microseconds()?),
        _ => Word::Other,
    })
}

fn pid(number: u64) -> Option<Pid> {
    let pid = i32::try_from(number).ok().filter(|pid| *pid > 0)?;
    Some(Pid::from_raw(pid))
}

/// What a server tells: no line of it makes hinit's own state a panic or its JSON a broken one, and others
/// get nothing but the words that they may have.
#[cfg(any(fuzzing, test))]
pub(crate) fn fuzz(bytes: &[u8]) {
    const FOR_OTHERS: [&str; 8] = [
        "READY=1",
        "RELOADING=1",
        "MONOTONIC_USEC=",
        "STOPPING=1",
        "STATUS=",
        "ERRNO=",
        "WATCHDOG=",
        "EXTEND_TIMEOUT_USEC=",
    ];
    let now = std::time::Instant::now();
    let notify = crate::cli::Notify::default();
    let mut health = crate::run::health::Health::new(Pid::from_raw(42), Some(&notify), false, now);
    for word in words(bytes).into_iter().flatten().flatten() {
        health.hear(word, now);
    }
    let mut json = String::new();
    let written = health.write_json(&mut json, now);
    assert!(
        written.is_ok() && json.ends_with("}\n") && !json.trim_end().contains(char::is_control)
    );
    let _verdicts = (
        health.liveness(now),
        health.readiness(now),
        health.deadline(),
    );
    // Each line begins with one of them, wherever a reader may see a line's end.
    let others = for_others(bytes, true);
    let mut lines = others.split(char::is_control);
    assert!(
        others.is_empty() || lines.all(|line| FOR_OTHERS.iter().any(|word| line.starts_with(word)))
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_word_or_none() {
        let usec = Duration::from_micros;
        for (line, expected) in [
            ("READY=1", Some(Word::Ready)),
            ("RELOADING=1", Some(Word::Reloading)),
            ("MONOTONIC_USEC=7", Some(Word::Monotonic(usec(7)))),
            ("STOPPING=1", Some(Word::Stopping)),
            ("STATUS=up, 100%", Some(Word::Status("up, 100%"))),
            ("STATUS=", Some(Word::Status(""))),
            ("STATUS=a=b", Some(Word::Status("a=b"))),
            ("ERRNO=2", Some(Word::Failure(2))),
            ("MAINPID=7", Some(Word::MainPid(Pid::from_raw(7)))),
            ("WATCHDOG=1", Some(Word::Alive)),
            ("WATCHDOG=trigger", Some(Word::Hung)),
            ("WATCHDOG_USEC=0", Some(Word::Watchdog(usec(0)))),
            ("WATCHDOG_USEC=30", Some(Word::Watchdog(usec(30)))),
            ("EXTEND_TIMEOUT_USEC=5", Some(Word::Extend(usec(5)))),
            ("BARRIER=1", Some(Word::Other)),
            ("FDSTORE=1", Some(Word::Other)),
            ("READY=0", Some(Word::Other)),
            ("WATCHDOG=0", Some(Word::Other)),
            ("X_OWN=thing", Some(Word::Other)),
            ("ready=1", Some(Word::Other)),
            ("READY", None),
            ("MAINPID=", None),
            ("MAINPID=0", None),
            ("MAINPID=-1", None),
            ("MAINPID=+1", None),
            ("MAINPID=2147483648", None),
            ("ERRNO=x", None),
            ("ERRNO=4294967298", None),
            ("WATCHDOG_USEC=18446744073709551616", None),
            ("EXTEND_TIMEOUT_USEC=1s", None),
        ] {
            assert_eq!(word(line.as_bytes()), expected, "{line}");
        }
    }

    #[test]
    fn a_datagram_is_lines_of_text() {
        for (datagram, expected) in [
            (
                &b"READY=1\nSTATUS=x\n"[..],
                Some(vec![Some(Word::Ready), Some(Word::Status("x"))]),
            ),
            (b"\n\nREADY=1", Some(vec![Some(Word::Ready)])),
            (b"junk\nREADY=1", Some(vec![None, Some(Word::Ready)])),
            (b"\n", Some(vec![])),
            (b"", None),
            (b"READY=1\0", Some(vec![Some(Word::Ready)])),
            (b"\0", Some(vec![])),
            (b"READY=1\0\0", None),
            (b"READY=1\0STATUS=x", None),
            (
                b"READY=1\r\nSTATUS=x\rSTOPPING=1\r",
                Some(vec![
                    Some(Word::Ready),
                    Some(Word::Status("x")),
                    Some(Word::Stopping),
                ]),
            ),
            (b"\xff\nREADY=1", Some(vec![None, Some(Word::Ready)])),
            (b"STATUS=\xff\nREADY=1", Some(vec![None, Some(Word::Ready)])),
            (b"X_OWN=\xff", Some(vec![None])),
            (b"ERRNO=\xff", Some(vec![None])),
            (b" READY=1", Some(vec![Some(Word::Other)])),
        ] {
            let words = words(datagram).map(Iterator::collect::<Vec<_>>);
            assert_eq!(words, expected, "{datagram:?}");
        }
    }

    #[test]
    fn what_another_manager_gets() {
        for (datagram, expected) in [
            ("READY=1\nMAINPID=7\nSTATUS=x", "READY=1\nSTATUS=x"),
            ("STATUS=x\rMAINPID=7", "STATUS=x"),
            ("STATUS=x\r\nMAINPID=7\r\nREADY=1\r\n", "STATUS=x\nREADY=1"),
            ("STATUS=x\x0bMAINPID=7\u{85}y\u{1b}[", "STATUS=xMAINPID=7y["),
            ("STATUS=x\0MAINPID=7", ""),
            ("READY=1\0", "READY=1"),
            ("MAINPID=7", ""),
            ("MAINPIDFDID=7\nMAINPID = 7\n MAINPID=7", ""),
            ("BARRIER=1", ""),
            ("FDSTORE=1\nFDNAME=a", ""),
            ("NOTIFYACCESS=all\nBUSERROR=a\nREADY=0\nX_OWN=MAINPID=7", ""),
            (
                "RELOADING=1\nMONOTONIC_USEC=0042",
                "RELOADING=1\nMONOTONIC_USEC=42",
            ),
            (
                "STOPPING=1\nERRNO=02\nSTATUS=",
                "STOPPING=1\nERRNO=2\nSTATUS=",
            ),
            (
                "WATCHDOG=1\n\nWATCHDOG=trigger",
                "WATCHDOG=1\nWATCHDOG=trigger",
            ),
            (
                "WATCHDOG_USEC=5\nEXTEND_TIMEOUT_USEC=5",
                "EXTEND_TIMEOUT_USEC=5",
            ),
            ("ERRNO=1x\nSTATUS=ü", "STATUS=ü"),
        ] {
            assert_eq!(
                for_others(datagram.as_bytes(), true),
                expected,
                "{datagram}"
            );
        }
        assert_eq!(for_others(b"STATUS=\xff\nREADY=1", true), "READY=1");
        let status = for_others(b"READY=1\nSTATUS=x", false);
        assert_eq!(status, "STATUS=x");
    }
}
