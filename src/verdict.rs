//! Every verdict of a health check, and its line.

use std::fmt::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use nix::errno::Errno;
use nix::unistd::Pid;

use crate::error::Error;
use crate::pidfile::Fault;
use crate::sys::describe;
use crate::time::ExactDuration;

mod finding;

pub(crate) use finding::Finding;
#[cfg(test)]
pub(crate) use {finding::tests::table as findings, tests::table as verdicts};

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
    pub(crate) fn pid(&self) -> Option<Pid> {
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
                write!(f, " (watchdog {})", ExactDuration(*watchdog))
            }
            Self::NoSocket => f.write_str(
                "hinit runs without --notify, --listen or --ready-when, so it cannot tell",
            ),
            Self::Unanswered(socket, finding) => {
                write!(f, "hinit's socket {} {finding}", socket.display())
            }
            Self::Said(_, reason) => f.write_str(reason),
            Self::Deadline(timeout) => write!(f, "no verdict within {}", ExactDuration(*timeout)),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}: ", word(self.is_healthy()))?;
        self.write_reason(f)
    }
}

pub(crate) fn word(is_healthy: bool) -> &'static str {
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
mod tests;
