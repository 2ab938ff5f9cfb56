use super::*;
use crate::file::Kind;

/// Every verdict and its line, in the order in which they are decided. The guide on health checks has the same
/// table, with these words for the values.
pub(crate) fn table() -> Vec<(Verdict, &'static str)> {
    let n = Pid::from_raw(42);
    let thread = Verdict::Thread {
        thread: n,
        of: Pid::from_raw(7),
    };
    let file = |fault| Verdict::PidFile("P".into(), fault);
    vec![
        (Verdict::Usage("WHY".into()), "unhealthy: usage: WHY"),
        (
            Verdict::NoWritableDirectory,
            "unhealthy: no directory for a PID file is writable; set HINIT_PID_FILE",
        ),
        (
            Verdict::OtherUser(42),
            "unhealthy: PID 1 runs as UID N: run this as that user, or set HINIT_PID_FILE",
        ),
        (file(Fault::Missing), "unhealthy: PID file P does not exist"),
        (
            file(Fault::Unreadable(Errno::EACCES)),
            "unhealthy: PID file P cannot be read: WHY",
        ),
        (
            file(Fault::NotRegular(Kind::Fifo)),
            "unhealthy: PID file P is not a regular file (KIND)",
        ),
        (
            file(Fault::Untrusted(42)),
            "unhealthy: PID file P belongs to UID N, which is not trusted",
        ),
        (
            file(Fault::WritableByOthers),
            "unhealthy: PID file P is writable by others",
        ),
        (
            Verdict::NoServer,
            "unhealthy: the server has not started yet, or has ended",
        ),
        (file(Fault::Empty), "unhealthy: PID file P is empty"),
        (file(Fault::TooLarge), "unhealthy: PID file P is too large"),
        (
            file(Fault::NotAPid),
            "unhealthy: PID file P does not contain a PID",
        ),
        (
            file(Fault::OutOfRange),
            "unhealthy: PID file P contains a number out of range",
        ),
        (
            file(Fault::Stale),
            "unhealthy: PID file P is stale: no hinit has locked it",
        ),
        (
            file(Fault::Replaced),
            "unhealthy: PID file P was replaced meanwhile",
        ),
        (Verdict::Missing(n), "unhealthy: process N does not exist"),
        (
            Verdict::LookupFailed(n, Errno::EACCES),
            "unhealthy: cannot look up process N: WHY",
        ),
        (Verdict::Zombie(n), "unhealthy: process N is a zombie"),
        (Verdict::Stopped(n), "unhealthy: process N is suspended"),
        (thread, "unhealthy: N is a thread of process M"),
        (
            Verdict::Stopping(n),
            "unhealthy: process N is about to be stopped",
        ),
        (
            Verdict::NoSocket,
            "unhealthy: hinit runs without --notify, --listen or --ready-when, which --ready needs",
        ),
        (
            Verdict::SocketFailed("P.sock".into(), Finding::ClosedEarly),
            "unhealthy: hinit's socket P.sock FINDING",
        ),
        (
            Verdict::NotReady(n),
            "unhealthy: process N is not ready yet",
        ),
        (
            Verdict::Silent {
                silence: Duration::from_millis(31_999),
                watchdog: Duration::from_secs(30),
            },
            "unhealthy: no sign of life for AGE (watchdog D)",
        ),
        (
            Verdict::Deadline(Duration::from_millis(900)),
            "unhealthy: no verdict within D",
        ),
        (
            Verdict::HealthyStateUnknown(n),
            "healthy: process N is alive (state unknown)",
        ),
        (Verdict::Healthy(n), "healthy: process N is alive"),
    ]
}

#[test]
fn every_verdict_is_one_line() {
    for (verdict, line) in table() {
        let mut expected = line.to_owned();
        for (word, value) in [
            (" N", " 42"),
            (" M", " 7"),
            ("KIND", "FIFO"),
            ("read: WHY", "read: Permission denied"),
            ("42: WHY", "42: Permission denied"),
            ("within D", "within 900ms"),
            ("FINDING", "closed the connection without a complete answer"),
            ("for AGE (watchdog D)", "for 31s (watchdog 30s)"),
        ] {
            expected = expected.replace(word, value);
        }
        assert_eq!(verdict.to_string(), expected);
        assert_eq!(verdict.is_healthy(), line.starts_with("healthy: "));
        let pid = ["rocess N ", "process N:"]
            .iter()
            .any(|name| line.contains(name))
            || line.contains(" N is a thread");
        assert_eq!(verdict.pid(), pid.then_some(Pid::from_raw(42)), "{line}");
    }
}

#[test]
fn a_reason_from_hinit_and_a_short_silence() {
    let said = Verdict::ReportedByHinit(Pid::from_raw(7), "it is late".into());
    assert_eq!(said.to_string(), "unhealthy: it is late");
    assert_eq!(said.pid(), Some(Pid::from_raw(7)));
    let silent = Verdict::Silent {
        silence: Duration::from_millis(1290),
        watchdog: Duration::from_millis(500),
    };
    let line = "unhealthy: no sign of life for 1.2s (watchdog 500ms)";
    assert_eq!(silent.to_string(), line);
}
