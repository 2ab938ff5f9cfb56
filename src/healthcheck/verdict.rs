//! Every verdict of a health check, and its line.

use std::fmt::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use nix::errno::Errno;
use nix::unistd::Pid;

use super::probe::Finding;
use crate::error::Error;
use crate::pidfile::Fault;
use crate::sys::describe;
use crate::time::Exact;

/// What a health check found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Healthy(Pid),
    /// The process exists, and /proc tells no more.
    HealthyByKill(Pid),
    Usage(Error),
    /// No PID file was named, and there is no place for a default one.
    NoPlace,
    /// PID 1 runs as this user and not as the caller's, and so do its default PID files.
    OtherUser(u32),
    PidFile(PathBuf, Fault),
    /// The server has not started yet, or has ended.
    NoServer,
    Missing(Pid),
    /// It exists, and looking at it has failed.
    Unseen(Pid, Errno),
    Zombie(Pid),
    Stopped(Pid),
    /// hinit was asked to stop it, and waits before it passes that on.
    Stopping(Pid),
    Thread {
        thread: Pid,
        of: Pid,
    },
    /// The server has not said yet that it is ready.
    NotReady(Pid),
    /// It has been silent for longer than its watchdog allows.
    Silent {
        silence: Duration,
        watchdog: Duration,
    },
    /// This hinit answers nothing: it was not asked to.
    NoSocket,
    /// Why hinit could not be asked, at this socket.
    Unanswered(PathBuf, Finding),
    /// What hinit itself says is wrong.
    Said(Pid, String),
    Deadline(Duration),
}

impl Verdict {
    pub(crate) fn is_healthy(&self) -> bool {
        matches!(self, Self::Healthy(_) | Self::HealthyByKill(_))
    }

    /// The process that it is about.
    pub(super) fn pid(&self) -> Option<Pid> {
        match *self {
            Self::Healthy(pid)
            | Self::HealthyByKill(pid)
            | Self::Missing(pid)
            | Self::Unseen(pid, _)
            | Self::Zombie(pid)
            | Self::Stopped(pid)
            | Self::Stopping(pid)
            | Self::NotReady(pid)
            | Self::Said(pid, _)
            | Self::Thread { thread: pid, .. } => Some(pid),
            _ => None,
        }
    }
}

impl Verdict {
    /// What stands behind `healthy: ` or `unhealthy: `.
    pub(crate) fn write_reason(&self, f: &mut dyn Write) -> fmt::Result {
        match self {
            Self::Healthy(pid) => write!(f, "process {pid} is alive"),
            Self::HealthyByKill(pid) => write!(f, "process {pid} is alive (state unknown)"),
            Self::Usage(error) => write!(f, "usage: {error}"),
            Self::NoPlace => {
                f.write_str("no directory for a PID file is writable; set HINIT_PID_FILE")
            }
            Self::NoServer => f.write_str("the server has not started yet, or has ended"),
            Self::OtherUser(user) => write!(
                f,
                "PID 1 runs as UID {user}: run this as that user, or set HINIT_PID_FILE"
            ),
            Self::PidFile(path, fault) => {
                write!(f, "PID file {} ", path.display())?;
                write_fault(f, *fault)
            }
            Self::Missing(pid) => write!(f, "process {pid} does not exist"),
            Self::Unseen(pid, errno) => {
                write!(f, "cannot look up process {pid}: {}", describe(*errno))
            }
            Self::Zombie(pid) => write!(f, "process {pid} is a zombie"),
            Self::Stopped(pid) => write!(f, "process {pid} is stopped"),
            Self::Stopping(pid) => write!(f, "process {pid} is about to be stopped"),
            Self::Thread { thread, of } => write!(f, "{thread} is a thread of process {of}"),
            Self::NotReady(pid) => write!(f, "process {pid} is not ready yet"),
            Self::Silent { silence, watchdog } => {
                let (seconds, tenths) = (silence.as_secs(), silence.subsec_millis() / 100);
                match seconds {
                    0..10 => write!(f, "no sign of life for {seconds}.{tenths}s"),
                    _ => write!(f, "no sign of life for {seconds}s"),
                }?;
                write!(f, " (watchdog {})", Exact(*watchdog))
            }
            Self::NoSocket => f.write_str(
                "hinit runs without --notify, --listen or --ready-when, so it cannot tell",
            ),
            Self::Unanswered(socket, finding) => {
                write!(f, "hinit's socket {} {finding}", socket.display())
            }
            Self::Said(_, reason) => f.write_str(reason),
            Self::Deadline(timeout) => write!(f, "no verdict within {}", Exact(*timeout)),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}: ", word(self.is_healthy()))?;
        self.write_reason(f)
    }
}

pub(super) fn word(is_healthy: bool) -> &'static str {
    if is_healthy { "healthy" } else { "unhealthy" }
}

fn write_fault(f: &mut dyn Write, fault: Fault) -> fmt::Result {
    match fault {
        Fault::Missing => f.write_str("does not exist"),
        Fault::Unreadable(errno) => write!(f, "cannot be read: {}", describe(errno)),
        Fault::NotRegular(kind) => write!(f, "is not a regular file ({kind})"),
        Fault::Untrusted(uid) => write!(f, "belongs to UID {uid}, which is not trusted"),
        Fault::WritableByOthers => f.write_str("is writable by others"),
        Fault::NoServer | Fault::Empty => f.write_str("is empty"),
        Fault::TooLarge => f.write_str("is too large"),
        Fault::NotAPid => f.write_str("does not contain a PID"),
        Fault::OutOfRange => f.write_str("contains a number out of range"),
        Fault::Stale => f.write_str("is stale: no hinit has locked it"),
        Fault::Replaced => f.write_str("was replaced meanwhile"),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Every verdict and its line, in the order in which they are decided. The README has the same
    /// table, with these words for the values.
    pub(crate) fn table() -> Vec<(Verdict, &'static str)> {
        let n = Pid::from_raw(42);
        let thread = Verdict::Thread {
            thread: n,
            of: Pid::from_raw(7),
        };
        let file = |fault| Verdict::PidFile("P".into(), fault);
        vec![
            (
                Verdict::Usage(Error::usage("WHY".into())),
                "unhealthy: usage: WHY",
            ),
            (
                Verdict::NoPlace,
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
                file(Fault::NotRegular("FIFO")),
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
                Verdict::Unseen(n, Errno::EACCES),
                "unhealthy: cannot look up process N: WHY",
            ),
            (Verdict::Zombie(n), "unhealthy: process N is a zombie"),
            (Verdict::Stopped(n), "unhealthy: process N is stopped"),
            (thread, "unhealthy: N is a thread of process M"),
            (
                Verdict::Stopping(n),
                "unhealthy: process N is about to be stopped",
            ),
            (
                Verdict::NoSocket,
                "unhealthy: hinit runs without --notify, --listen or --ready-when, so it cannot tell",
            ),
            (
                Verdict::Unanswered("P.sock".into(), Finding::Closed),
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
                Verdict::HealthyByKill(n),
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
    fn what_hinit_says_and_short_silences() {
        let said = Verdict::Said(Pid::from_raw(7), "it is late".into());
        assert_eq!(said.to_string(), "unhealthy: it is late");
        assert_eq!(said.pid(), Some(Pid::from_raw(7)));
        let silent = Verdict::Silent {
            silence: Duration::from_millis(1290),
            watchdog: Duration::from_millis(500),
        };
        let line = "unhealthy: no sign of life for 1.2s (watchdog 500ms)";
        assert_eq!(silent.to_string(), line);
    }
}
