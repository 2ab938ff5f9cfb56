//! How the server ended: one log line and one exit code.

use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use nix::errno::Errno;
use nix::libc::SIGKILL;
use nix::unistd::Pid;

use super::descendants;
use super::server::Server;
use super::shutdown::StopRequest;
use crate::cli::Exit;
use crate::error::exit_code;
use crate::process::{self, Process, State};
use crate::sys::{self, SignalSet, describe};
use crate::text::SignalName;
use crate::time::ShortDuration;
use crate::verdict::Verdict;

/// A server that exits 0 within this time and leaves children has gone to the background.
const DAEMON_TIMEOUT: Duration = Duration::from_secs(5);

/// All that the last log line says.
pub(super) struct Ending {
    pub(super) server: Result<ServerEnd, UnkillableServer>,
    pub(super) stop_request: Option<StopRequest>,
    /// What was wrong with the server at the stop request.
    pub(super) fault_at_stop: Option<Verdict>,
    pub(super) oom_kills: u64,
    /// The leftovers that hinit killed.
    pub(super) killed: Vec<Process>,
    /// The leftovers that did not end by that.
    pub(super) remaining: Vec<Process>,
}

/// A server that hinit could not kill.
pub(super) struct UnkillableServer {
    pub(super) process: Process,
    /// Why the kernel refused to send SIGKILL, if it did.
    pub(super) refusal: Option<Errno>,
}

impl UnkillableServer {
    pub(super) fn new(pid: Pid) -> Self {
        Self {
            process: process::read(pid).unwrap_or_else(|| Process::hidden_child(pid)),
            refusal: sys::kill(pid, SIGKILL).err(),
        }
    }
}

pub(super) struct ServerEnd {
    pub(super) status: ExitStatus,
    pub(super) age: Duration,
    /// How long after the stop request, if there was one.
    pub(super) since_stop_request: Option<Duration>,
    /// hinit has killed it, because the grace time was over.
    pub(super) killed_by_hinit: bool,
    /// The processes that it left, if it seems to have gone to the background or to have been replaced.
    pub(super) left: Vec<Process>,
    /// It got signals before its end: some servers replace their main process at a signal.
    pub(super) was_signalled: bool,
}

impl ServerEnd {
    /// To be called as soon as the server is reaped, before its children change.
    pub(super) fn new(
        status: ExitStatus,
        server: &Server,
        since_stop_request: Option<Duration>,
        killed_by_hinit: bool,
    ) -> Self {
        let age = server.age();
        let was_signalled = server.passed_on() != SignalSet::NONE;
        let may_continue = status.success()
            && since_stop_request.is_none()
            && (age < DAEMON_TIMEOUT || was_signalled);
        Self {
            status,
            age,
            since_stop_request,
            killed_by_hinit,
            left: if may_continue {
                descendants::children()
            } else {
                Vec::new()
            },
            was_signalled,
        }
    }

    /// The exit code of hinit, given the signals that were passed on to the server.
    pub(super) fn exit_code(&self, exit: &Exit, passed_on: SignalSet) -> u8 {
        let code = match self.status.signal() {
            Some(signal) if exit.clean_stop && passed_on.contains(signal) => 0,
            Some(signal) => exit_code::KILLED_BY + signal,
            None => self.status.code().unwrap_or_default(),
        };
        // waitpid gives 8 bits of code, and signals end at 64: it always fits.
        let code = u8::try_from(code).unwrap_or(exit_code::HINIT_FAILED);
        let rule = exit.map.iter().rev().find(|(from, _)| *from == code);
        rule.map_or(code, |(_, to)| *to)
    }
}

/// How a process has ended: `exited 0`, `killed by SIGTERM`.
pub(super) struct ExitReason(pub(super) ExitStatus);

impl fmt::Display for ExitReason {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self(status) = self;
        match status.signal() {
            Some(signal) => write!(f, "killed by {}", SignalName(signal))?,
            None => write!(f, "exited {}", status.code().unwrap_or_default())?,
        }
        if status.core_dumped() {
            f.write_str(" with a core dump")?;
        }
        Ok(())
    }
}

impl fmt::Display for ServerEnd {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let (how, age) = (ExitReason(self.status), ShortDuration(self.age));
        let (comma, killed_by_hinit) = if self.killed_by_hinit {
            (",", " when its grace time was over")
        } else {
            ("", "")
        };
        if let Some(time) = self.since_stop_request {
            let time = ShortDuration(time);
            write!(
                f,
                "the server ended {time} later ({how}{killed_by_hinit}, up {age})"
            )?;
        } else {
            let was = self.status.signal().map_or("", |_| "was ");
            write!(
                f,
                "the server {was}{how} after {age}{comma}{killed_by_hinit}"
            )?;
        }
        if !self.left.is_empty() {
            f.write_str(if self.was_signalled {
                "; most likely it was replaced by "
            } else {
                "; most likely it went to the background, leaving "
            })?;
            write_list(f, &self.left, |f, process| {
                write!(f, "{} (PID {})", process.name, process.pid)
            })?;
            f.write_str(if self.was_signalled {
                ": name the server's own PID file with --follow, or have it send MAINPID (--notify)"
            } else {
                ": run it in the foreground (nginx: `daemon off;`)"
            })?;
        }
        Ok(())
    }
}

impl fmt::Display for UnkillableServer {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("could not kill the server ")?;
        write_leftover(f, &self.process)?;
        match self.refusal {
            Some(Errno::EPERM) => f.write_str(
                ": Operation not permitted; hinit needs CAP_KILL for a server of another user",
            ),
            Some(errno) => write!(f, ": {}", describe(errno)),
            // It hangs in the kernel, or its cgroup is frozen.
            None => f.write_str(": SIGKILL did not end it"),
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        if let Some(StopRequest { signal, sender, .. }) = self.stop_request {
            write!(f, "{} from {sender}; ", SignalName(signal))?;
            if let Some(fault) = &self.fault_at_stop {
                write!(f, "{fault}; ")?;
            }
        }
        match &self.server {
            Ok(end) => write!(f, "{end}")?,
            Err(server) => write!(f, "{server}")?,
        }
        if self.oom_kills > 0 {
            let kills = self.oom_kills;
            write!(f, "; the cgroup ran out of memory ({kills} killed)")?;
        }
        for (verb, processes) in [("killed", &self.killed), ("could not end", &self.remaining)] {
            if !processes.is_empty() {
                let (count, s) = (processes.len(), if processes.len() == 1 { "" } else { "s" });
                write!(f, "; {verb} {count} leftover{s}: ")?;
                write_list(f, processes, write_leftover)?;
            }
        }
        Ok(())
    }
}

fn write_leftover(f: &mut fmt::Formatter, process: &Process) -> fmt::Result {
    let Process {
        name, pid, state, ..
    } = process;
    write!(f, "{name} (PID {pid}, {state}")?;
    if *state != State::Hidden {
        write!(f, ", started {} ago", ShortDuration(process.started.age()))?;
    }
    f.write_str(")")
}

/// Writes the first few processes, and how many more there are.
fn write_list(
    f: &mut fmt::Formatter,
    processes: &[Process],
    write_one: fn(&mut fmt::Formatter, &Process) -> fmt::Result,
) -> fmt::Result {
    const MAX_LISTED: usize = 8;
    for (i, process) in processes.iter().take(MAX_LISTED).enumerate() {
        f.write_str(if i == 0 { "" } else { ", " })?;
        write_one(f, process)?;
    }
    match processes.len().saturating_sub(MAX_LISTED) {
        0 => Ok(()),
        more => write!(f, " and {more} more"),
    }
}

#[cfg(test)]
mod tests;
