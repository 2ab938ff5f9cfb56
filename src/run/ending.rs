//! How the server ended, in one line and one exit code.

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
use crate::time::Rounded;

/// A server that ends well within this time and leaves children has gone to the background.
const FIRST_SECONDS: Duration = Duration::from_secs(5);

/// All that is told at the end.
pub(super) struct Ending {
    pub(super) server: Result<ServerEnd, UnkillableServer>,
    pub(super) stop_request: Option<StopRequest>,
    pub(super) oom_kills: u64,
    /// What the server left behind and hinit had to kill.
    pub(super) killed: Vec<Process>,
    /// What could not even be killed.
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

/// How the server itself ended.
pub(super) struct ServerEnd {
    pub(super) status: ExitStatus,
    /// How old it was.
    pub(super) age: Duration,
    /// How long before that hinit was asked to stop it, if it was.
    pub(super) since_stop_request: Option<Duration>,
    /// hinit has killed it, since the grace time was over.
    pub(super) killed_by_hinit: bool,
    /// The processes that it left, if it seems to have gone to the background, or to have been replaced.
    pub(super) left: Vec<Process>,
    /// It got signals before: by those servers are told to replace their main process.
    pub(super) was_signalled: bool,
}

impl ServerEnd {
    /// Called as soon as the server has been reaped.
    pub(super) fn new(
        status: ExitStatus,
        server: &Server,
        since_stop_request: Option<Duration>,
        killed_by_hinit: bool,
    ) -> Self {
        let age = server.age();
        let was_signalled = server.passed_on() != SignalSet::NONE;
        let goes_on = status.success()
            && since_stop_request.is_none()
            && (age < FIRST_SECONDS || was_signalled);
        Self {
            status,
            age,
            since_stop_request,
            killed_by_hinit,
            left: if goes_on {
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
pub(super) struct How(pub(super) ExitStatus);

impl fmt::Display for How {
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
        let (how, age) = (How(self.status), Rounded(self.age));
        let (comma, killed_by_hinit) = if self.killed_by_hinit {
            (",", " when its grace time was over")
        } else {
            ("", "")
        };
        if let Some(time) = self.since_stop_request {
            let time = Rounded(time);
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
                "; most likely it went to the background, for it left "
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
            // It sleeps in the kernel, or its cgroup is frozen.
            None => f.write_str(": it did not end of SIGKILL"),
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        if let Some(StopRequest { signal, sender, .. }) = self.stop_request {
            write!(f, "{} from {sender}; ", SignalName(signal))?;
        }
        match &self.server {
            Ok(end) => write!(f, "{end}")?,
            Err(survivor) => write!(f, "{survivor}")?,
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
        write!(f, ", {} old", Rounded(process.started.age()))?;
    }
    f.write_str(")")
}

/// The first few of them, and how many more there are: a line has its limits.
fn write_list(
    f: &mut fmt::Formatter,
    processes: &[Process],
    write_one: fn(&mut fmt::Formatter, &Process) -> fmt::Result,
) -> fmt::Result {
    const MAX: usize = 8;
    for (i, process) in processes.iter().take(MAX).enumerate() {
        f.write_str(if i == 0 { "" } else { ", " })?;
        write_one(f, process)?;
    }
    match processes.len().saturating_sub(MAX) {
        0 => Ok(()),
        more => write!(f, " and {more} more"),
    }
}

#[cfg(test)]
mod tests;
