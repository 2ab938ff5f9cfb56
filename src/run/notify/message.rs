//! The messages of `sd_notify(3)`: parsed into events, and written anew for an outer service manager. Pure.

use std::fmt::{self, Write};
use std::time::Duration;

use nix::unistd::Pid;

use crate::text::digits;

/// Longer datagrams are refused, as systemd does (`NOTIFY_BUFFER_MAX`).
pub(in crate::run) const MAX_BYTES: usize = 4096;

/// What one assignment of a message means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::run) enum NotifyEvent<'a> {
    Ready,
    Reloading,
    /// When the reload began, by the monotonic clock.
    ReloadTime(Duration),
    Stopping,
    /// A text for people.
    Status(&'a str),
    /// Why the server has failed.
    Errno(i32),
    MainPid(Pid),
    WatchdogPing,
    /// The server itself has found that it hangs.
    WatchdogTrigger,
    /// The longest time between two pings from now on; zero for no watchdog.
    WatchdogTimeout(Duration),
    /// How much more time the server needs to start or stop.
    ExtendTimeout(Duration),
    /// An assignment that hinit does not use, or has handled already: all messages before `BARRIER=1` have been
    /// read by now.
    Ignored,
}

/// The events of a datagram, None for each line that is not valid. None for the whole datagram, if it contains a
/// NUL; systemd allows one at the end, and so does hinit.
pub(in crate::run) fn parse(
    datagram: &[u8],
) -> Option<impl Iterator<Item = Option<NotifyEvent<'_>>>> {
    let text = datagram.strip_suffix(b"\0").unwrap_or(datagram);
    let is_text = !datagram.is_empty() && !text.contains(&0);
    is_text.then(|| lines(text).map(parse_line))
}

/// The message for an outer service manager: built anew from those events of the datagram that are safe to
/// forward. hinit never forwards the bytes, because the other reader may parse them differently, and would
/// trust a PID among them as if hinit had sent it. Without `may_be_ready`, `READY=1` is left out.
pub(in crate::run) fn forwardable(datagram: &[u8], may_be_ready: bool) -> String {
    let mut message = String::new();
    for event in parse(datagram).into_iter().flatten().flatten() {
        if event == NotifyEvent::Ready && !may_be_ready {
            continue;
        }
        let length = message.len();
        // Writing to a String does not fail.
        let _ignored = write_forwardable(event, &mut message);
        if length > 0 && message.len() > length {
            message.insert(length, '\n');
        }
    }
    message
}

fn write_forwardable(event: NotifyEvent, f: &mut dyn Write) -> fmt::Result {
    let (name, number) = match event {
        NotifyEvent::Ready => ("READY", 1),
        NotifyEvent::Reloading => ("RELOADING", 1),
        NotifyEvent::ReloadTime(time) => ("MONOTONIC_USEC", microseconds(time)),
        NotifyEvent::Stopping => ("STOPPING", 1),
        NotifyEvent::Errno(errno) => ("ERRNO", u64::from(errno.unsigned_abs())),
        NotifyEvent::WatchdogPing => ("WATCHDOG", 1),
        NotifyEvent::ExtendTimeout(time) => ("EXTEND_TIMEOUT_USEC", microseconds(time)),
        NotifyEvent::WatchdogTrigger => return f.write_str("WATCHDOG=trigger"),
        NotifyEvent::Status(status) => {
            f.write_str("STATUS=")?;
            let mut printable = status.chars().filter(|char| !char.is_control());
            return printable.try_for_each(|char| f.write_char(char));
        }
        // PIDs and the watchdog's timeout concern only hinit, and hinit answers a barrier itself.
        NotifyEvent::MainPid(_) | NotifyEvent::WatchdogTimeout(_) | NotifyEvent::Ignored => {
            return Ok(());
        }
    };
    write!(f, "{name}={number}")
}

/// Saturates.
pub(super) fn microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// systemd ends a line at a carriage return as well.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = text.split(|byte| b"\r\n".contains(byte));
    lines.filter(|line| !line.is_empty())
}

fn parse_line(line: &[u8]) -> Option<NotifyEvent<'_>> {
    let (name, value) = str::from_utf8(line).ok()?.split_once('=')?;
    let microseconds = || digits(value).map(Duration::from_micros);
    Some(match (name, value) {
        ("READY", "1") => NotifyEvent::Ready,
        ("RELOADING", "1") => NotifyEvent::Reloading,
        ("MONOTONIC_USEC", _) => NotifyEvent::ReloadTime(microseconds()?),
        ("STOPPING", "1") => NotifyEvent::Stopping,
        ("WATCHDOG", "1") => NotifyEvent::WatchdogPing,
        ("WATCHDOG", "trigger") => NotifyEvent::WatchdogTrigger,
        ("STATUS", status) => NotifyEvent::Status(status),
        ("ERRNO", _) => NotifyEvent::Errno(i32::try_from(digits(value)?).ok()?),
        ("MAINPID", _) => NotifyEvent::MainPid(pid(digits(value)?)?),
        ("WATCHDOG_USEC", _) => NotifyEvent::WatchdogTimeout(microseconds()?),
        ("EXTEND_TIMEOUT_USEC", _) => NotifyEvent::ExtendTimeout(microseconds()?),
        _ => NotifyEvent::Ignored,
    })
}

fn pid(number: u64) -> Option<Pid> {
    let pid = i32::try_from(number).ok().filter(|pid| *pid > 0)?;
    Some(Pid::from_raw(pid))
}

/// Whatever a server sends: hinit's state does not panic, its JSON stays one line, and the outer service manager
/// gets only assignments that are safe to forward.
#[cfg(any(fuzzing, test))]
pub(crate) fn fuzz(bytes: &[u8]) {
    const FORWARDABLE: [&str; 8] = [
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
    for event in parse(bytes).into_iter().flatten().flatten() {
        health.apply(event, now);
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
    // The outer manager may end a line at any control character.
    let message = forwardable(bytes, true);
    let is_forwardable = |line: &str| FORWARDABLE.iter().any(|name| line.starts_with(name));
    assert!(message.is_empty() || message.split(char::is_control).all(is_forwardable));
}

#[cfg(test)]
mod tests {
    use super::NotifyEvent::*;
    use super::*;

    #[test]
    fn a_line_is_an_event_or_invalid() {
        let usec = Duration::from_micros;
        for (line, expected) in [
            ("READY=1", Some(Ready)),
            ("RELOADING=1", Some(Reloading)),
            ("MONOTONIC_USEC=7", Some(ReloadTime(usec(7)))),
            ("STOPPING=1", Some(Stopping)),
            ("STATUS=up, 100%", Some(Status("up, 100%"))),
            ("STATUS=", Some(Status(""))),
            ("STATUS=a=b", Some(Status("a=b"))),
            ("ERRNO=2", Some(Errno(2))),
            ("MAINPID=7", Some(MainPid(Pid::from_raw(7)))),
            ("WATCHDOG=1", Some(WatchdogPing)),
            ("WATCHDOG=trigger", Some(WatchdogTrigger)),
            ("WATCHDOG_USEC=0", Some(WatchdogTimeout(usec(0)))),
            ("WATCHDOG_USEC=30", Some(WatchdogTimeout(usec(30)))),
            ("EXTEND_TIMEOUT_USEC=5", Some(ExtendTimeout(usec(5)))),
            ("BARRIER=1", Some(Ignored)),
            ("FDSTORE=1", Some(Ignored)),
            ("READY=0", Some(Ignored)),
            ("WATCHDOG=0", Some(Ignored)),
            ("X_OWN=thing", Some(Ignored)),
            ("ready=1", Some(Ignored)),
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
            assert_eq!(parse_line(line.as_bytes()), expected, "{line}");
        }
    }

    #[test]
    fn a_datagram_is_lines_of_text() {
        for (datagram, expected) in [
            (
                &b"READY=1\nSTATUS=x\n"[..],
                Some(vec![Some(Ready), Some(Status("x"))]),
            ),
            (b"\n\nREADY=1", Some(vec![Some(Ready)])),
            (b"junk\nREADY=1", Some(vec![None, Some(Ready)])),
            (b"\n", Some(vec![])),
            (b"", None),
            (b"READY=1\0", Some(vec![Some(Ready)])),
            (b"\0", Some(vec![])),
            (b"READY=1\0\0", None),
            (b"READY=1\0STATUS=x", None),
            (
                b"READY=1\r\nSTATUS=x\rSTOPPING=1\r",
                Some(vec![Some(Ready), Some(Status("x")), Some(Stopping)]),
            ),
            (b"\xff\nREADY=1", Some(vec![None, Some(Ready)])),
            (b"STATUS=\xff\nREADY=1", Some(vec![None, Some(Ready)])),
            (b"X_OWN=\xff", Some(vec![None])),
            (b"ERRNO=\xff", Some(vec![None])),
            (b" READY=1", Some(vec![Some(Ignored)])),
        ] {
            let events = parse(datagram).map(Iterator::collect::<Vec<_>>);
            assert_eq!(events, expected, "{datagram:?}");
        }
    }

    #[test]
    fn an_outer_manager_gets_only_safe_assignments() {
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
                forwardable(datagram.as_bytes(), true),
                expected,
                "{datagram}"
            );
        }
        assert_eq!(forwardable(b"STATUS=\xff\nREADY=1", true), "READY=1");
        let status = forwardable(b"READY=1\nSTATUS=x", false);
        assert_eq!(status, "STATUS=x");
    }
}
