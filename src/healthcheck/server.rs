//! The server that a PID file names, and the verdict on it.

use std::path::Path;
use std::time::Duration;

use nix::unistd::Pid;

use super::verdict::Verdict;
use crate::cli::PidFile as Choice;
use crate::pidfile::{self, Fault, PidFile};
use crate::process::{self, Look, Process, State};
use crate::time::pause;

/// How often, and how far apart, a PID file is looked at that may be just about to be written.
const LOOKS: u32 = 4;
const APART: Duration = Duration::from_millis(10);

/// What a PID file led to.
pub(crate) struct Found {
    /// On the process that the file names.
    pub(crate) verdict: Verdict,
    pub(crate) file: PidFile,
    /// That process's parent, as far as /proc tells.
    pub(super) parent: Option<Pid>,
}

/// Judges the process that the file names. An error is the verdict on a file that names none.
pub(crate) fn find(choice: &Choice, foreign: bool) -> Result<Found, Verdict> {
    let default;
    let path = match choice {
        Choice::At(path) => path,
        Choice::Default => {
            default = pidfile::default_path().ok_or(Verdict::NoPlace)?;
            &default
        }
    };
    let mut look = 1;
    loop {
        let found = find_once(path, foreign);
        let may_pass = match &found {
            Err(Verdict::PidFile(_, fault)) => fault.may_pass(),
            Err(Verdict::NoServer) => true,
            _ => false,
        };
        if !may_pass || look == LOOKS {
            return found;
        }
        pause(APART);
        look += 1;
    }
}

fn find_once(path: &Path, foreign: bool) -> Result<Found, Verdict> {
    let at_fault = |fault| match fault {
        Fault::NoServer => Verdict::NoServer,
        fault => Verdict::PidFile(path.to_owned(), fault),
    };
    let file = PidFile::read(path, foreign).map_err(at_fault)?;
    let look = process::look(file.pid);
    let parent = match &look {
        Look::Seen(process) => Some(process.parent),
        _ => None,
    };
    let verdict = match look {
        Look::Missing => Verdict::Missing(file.pid),
        Look::Exists => Verdict::HealthyByKill(file.pid),
        Look::Unseen(errno) => Verdict::Unseen(file.pid, errno),
        Look::Thread(of) => Verdict::Thread {
            thread: file.pid,
            of,
        },
        // Before /proc is believed that all is not well, see that it speaks of our processes.
        Look::Seen(process) => match judge(&process) {
            Verdict::Healthy(pid) => Verdict::Healthy(pid),
            _ if !process::is_proc_ours() => Verdict::HealthyByKill(file.pid),
            verdict => verdict,
        },
    };
    let verdict = match verdict {
        Verdict::Healthy(pid) | Verdict::HealthyByKill(pid) if file.is_stopping => {
            Verdict::Stopping(pid)
        }
        verdict => verdict,
    };
    // Whatever we saw, it was the server's only if the file names it still.
    if file.is_unchanged() {
        Ok(Found {
            verdict,
            file,
            parent,
        })
    } else {
        Err(at_fault(Fault::Replaced))
    }
}

fn judge(process: &Process) -> Verdict {
    match process.state {
        _ if process.has_ended() => Verdict::Zombie(process.pid),
        State::Stopped => Verdict::Stopped(process.pid),
        _ => Verdict::Healthy(process.pid),
    }
}
