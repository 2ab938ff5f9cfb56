//! What stands in a datagram of `sd_notify(3)`; pure.

use std::time::Duration;

use nix::unistd::Pid;

use crate::text::digits;

/// The most bytes of a datagram, as service managers have it.
pub(in crate::run) const MOST_BYTES: usize = 4096;

/// One line of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::run) enum Word<'a> {
    Ready,
    Reloading,
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

/// The words of a datagram, None for each line that is none. None at all, if it is no text.
pub(in crate::run) fn words(datagram: &[u8]) -> Option<impl Iterator<Item = Option<Word<'_>>>> {
    let text = str::from_utf8(datagram).ok()?;
    let is_text = !text.is_empty() && !text.contains('\0');
    is_text.then(|| lines(text).map(word))
}

/// The part of a datagram that another service manager may have as well: what speaks of PIDs is for
/// hinit to know, and descriptors do not come along.
pub(in crate::run) fn for_others(datagram: &[u8]) -> Vec<u8> {
    const HINITS: [&str; 3] = ["MAINPID", "BARRIER", "FD"];
    let text = str::from_utf8(datagram).unwrap_or_default();
    let others = lines(text).filter(|line| !HINITS.iter().any(|own| line.starts_with(own)));
    others.collect::<Vec<_>>().join("\n").into_bytes()
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n').filter(|line| !line.is_empty())
}

fn word(line: &str) -> Option<Word<'_>> {
    let (name, value) = line.split_once('=')?;
    let microseconds = || digits(value).map(Duration::from_micros);
    Some(match (name, value) {
        ("READY", "1") => Word::Ready,
        ("RELOADING", "1") => Word::Reloading,
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

/// What a server tells: no line of it makes hinit's own state a panic or its JSON a broken one, and no word
/// of PIDs goes on to others.
#[cfg(any(fuzzing, test))]
pub(crate) fn fuzz(bytes: &[u8]) {
    let now = std::time::Instant::now();
    let notify = crate::cli::Notify::default();
    let mut health = crate::run::health::Health::new(Pid::from_raw(42), Some(&notify), now);
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
    let others = for_others(bytes);
    assert!(
        !others
            .split(|&byte| byte == b'\n')
            .any(|line| line.starts_with(b"MAINPID"))
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
            assert_eq!(word(line), expected, "{line}");
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
            (b"READY=1\0", None),
            (b"\xff\nREADY=1", None),
        ] {
            let words = words(datagram).map(Iterator::collect::<Vec<_>>);
            assert_eq!(words, expected, "{datagram:?}");
        }
    }

    #[test]
    fn what_another_manager_gets() {
        for (datagram, expected) in [
            ("READY=1\nMAINPID=7\nSTATUS=x", "READY=1\nSTATUS=x"),
            ("MAINPID=7", ""),
            ("BARRIER=1", ""),
            ("FDSTORE=1\nFDNAME=a", ""),
            ("WATCHDOG=1\n", "WATCHDOG=1"),
            ("X_OWN=MAINPID=7", "X_OWN=MAINPID=7"),
        ] {
            let others = for_others(datagram.as_bytes());
            assert_eq!(String::from_utf8(others).unwrap(), expected, "{datagram}");
        }
    }
}
