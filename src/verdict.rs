//! Every verdict of a health check, and its text.

use std::fmt::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use nix::errno::Errno;
use nix::unistd::Pid;

use crate::pidfile::Fault;
use crate::sys::describe;
use crate::text::write_process;
use crate::time::ExactDuration;

mod finding;

#[cfg(feature = "tls")]
pub(crate) use finding::TlsFault;
pub(crate) use finding::{Finding, HeartbeatFault};
#[cfg(test)]
pub(crate) use {finding::tests::table as findings, tests::table as verdicts};

/// What a health check found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Healthy(Pid),
    /// kill(2) finds the process, and /proc does not show it.
    HealthyStateUnknown(Pid),
    Usage(String),
    /// No PID file was named, and no default directory is writable.
    NoWritableDirectory,
    /// PID 1 is a hinit of this user, not of the caller, so its default PID file has another path.
    OtherUser(u32),
    PidFile(PathBuf, Fault),
    /// The server has not started yet, or has ended.
    NoServer,
    Missing(Pid),
    /// The process exists, but hinit cannot read its state.
    LookupFailed(Pid, Errno),
    Zombie(Pid),
    Stopped(Pid),
    /// hinit has received a stop signal, and waits before it passes the signal on.
    Stopping(Pid),
    Thread {
        thread: Pid,
        of: Pid,
    },
    /// The server is not ready yet.
    NotReady(Pid),
    /// The server has sent no `WATCHDOG=1` for longer than its watchdog allows.
    Silent {
        silence: Duration,
        watchdog: Duration,
    },
    /// hinit serves no socket: none of its options needs one.
    NoSocket,
    /// The request to hinit at this socket failed.
    SocketFailed(PathBuf, Finding),
    /// hinit reports this reason.
    ReportedByHinit(Pid, String),
    Deadline(Duration),
}

impl Verdict {
    pub(crate) fn is_healthy(&self) -> bool {
        matches!(self, Self::Healthy(_) | Self::HealthyStateUnknown(_))
    }

    /// The process that the verdict is on.
    pub(crate) fn pid(&self) -> Option<Pid> {
        match *self {
            Self::Healthy(pid)
            | Self::HealthyStateUnknown(pid)
            | Self::Missing(pid)
            | Self::LookupFailed(pid, _)
            | Self::Zombie(pid)
            | Self::Stopped(pid)
            | Self::Stopping(pid)
            | Self::NotReady(pid)
            | Self::ReportedByHinit(pid, _)
            | Self::Thread { thread: pid, .. } => Some(pid),
            Self::Usage(_)
            | Self::NoWritableDirectory
            | Self::OtherUser(_)
            | Self::PidFile(..)
            | Self::NoServer
            | Self::Silent { .. }
            | Self::NoSocket
            | Self::SocketFailed(..)
            | Self::Deadline(_) => None,
        }
    }

    /// The text after `healthy: ` or `unhealthy: `.
    pub(crate) fn write_reason(&self, f: &mut dyn Write) -> fmt::Result {
        match self {
            Self::Healthy(pid) => write_process(f, *pid, "is alive"),
            Self::HealthyStateUnknown(pid) => write_process(f, *pid, "is alive (state unknown)"),
            Self::Usage(error) => write!(f, "usage: {error}"),
            Self::NoWritableDirectory => {
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
            Self::Missing(pid) => write_process(f, *pid, "does not exist"),
            Self::LookupFailed(pid, errno) => {
                write!(f, "cannot look up process {pid}: {}", describe(*errno))
            }
            Self::Zombie(pid) => write_process(f, *pid, "is a zombie"),
            Self::Stopped(pid) => write_process(f, *pid, "is suspended"),
            Self::Stopping(pid) => write_process(f, *pid, "is about to be stopped"),
            Self::Thread { thread, of } => write!(f, "{thread} is a thread of process {of}"),
            Self::NotReady(pid) => write_process(f, *pid, "is not ready yet"),
            Self::Silent { silence, watchdog } => {
                let (seconds, tenths) = (silence.as_secs(), silence.subsec_millis() / 100);
                match seconds {
                    0..10 => write!(f, "no sign of life for {seconds}.{tenths}s"),
                    _ => write!(f, "no sign of life for {seconds}s"),
                }?;
                write!(f, " (watchdog {})", ExactDuration(*watchdog))
            }
            Self::NoSocket => f.write_str(
                "hinit runs without --notify, --listen or --ready-when, which --ready needs",
            ),
            Self::SocketFailed(socket, finding) => {
                write!(f, "hinit's socket {} {finding}", socket.display())
            }
            Self::ReportedByHinit(_, reason) => f.write_str(reason),
            Self::Deadline(timeout) => write!(f, "no verdict within {}", ExactDuration(*timeout)),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}: ", label(self.is_healthy()))?;
        self.write_reason(f)
    }
}

pub(crate) fn label(is_healthy: bool) -> &'static str {
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
