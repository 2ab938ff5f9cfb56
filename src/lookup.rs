//! The server that a PID file names, and the verdict on it.

use std::path::Path;
use std::time::Duration;

use nix::unistd::{Pid, getpid};

use crate::cli::PidFile as Choice;
use crate::pidfile::{self, Fault, PidFile, TrustPolicy};
use crate::process::{self, Lookup, Process, State};
use crate::sys::effective_user;
use crate::time::pause;
use crate::verdict::Verdict;

/// How often, and how far apart, a PID file is looked at that may be just about to be written.
const LOOKS: u32 = 4;
const APART: Duration = Duration::from_millis(10);

const PID_1: Pid = Pid::from_raw(1);

/// What a PID file led to.
pub(crate) struct Found {
    /// On the process that the file names.
    pub(crate) verdict: Verdict,
    pub(crate) file: PidFile,
    /// That process's parent, as far as /proc tells.
    pub(crate) parent: Option<Pid>,
}

/// The same as [`find`] for what only looks, and so may also believe the file of another user: the one that
/// PID 1 runs as, in an image with a `USER` (`docker exec -u 0`). The file counts if it names a child of PID 1.
pub(crate) fn inspect(choice: &Choice, foreign: bool) -> Result<Found, Verdict> {
    match find(choice, foreign) {
        Err(verdict @ (Verdict::NoPlace | Verdict::PidFile(..))) if !foreign => {
            find_at_pid_1(choice, verdict)
        }
        found => found,
    }
}

/// By default only root looks for the file of that user. It looks in directories that all may write, so each
/// file must prove itself.
#[inline(never)]
fn find_at_pid_1(choice: &Choice, verdict: Verdict) -> Result<Found, Verdict> {
    let Some(user) = other_user_of_pid_1() else {
        return Err(verdict);
    };
    let named = match choice {
        Choice::At(path) => Some(path),
        Choice::Default => None,
    };
    let directories = match named {
        None if effective_user() != 0 => &[],
        None => &pidfile::DIRECTORIES[..],
        Some(_) => &[""],
    };
    for directory in directories {
        let path = named.map_or_else(|| pidfile::path_in(directory, user), Clone::clone);
        match find_in(&path, TrustPolicy::User(user)) {
            Err(Verdict::PidFile(..)) => {}
            found => return found,
        }
    }
    Err(if named.is_none() && is_pid_1_hinit() {
        Verdict::OtherUser(user)
    } else {
        verdict
    })
}

/// The user that PID 1 runs as, if that is not the caller's own.
fn other_user_of_pid_1() -> Option<u32> {
    let [_, user, _] = process::users(PID_1)?;
    (user != effective_user() && process::is_proc_ours()).then_some(user)
}

/// Whether PID 1 seems to be a hinit: it has this program's name. Where it is another init, as in a pod that
/// shares its PID namespace, its user is of no importance.
fn is_pid_1_hinit() -> bool {
    let name = process::name(PID_1);
    name.is_some() && name == process::name(getpid())
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
    find_in(
        path,
        if foreign {
            TrustPolicy::Foreign
        } else {
            TrustPolicy::Trusted
        },
    )
}

fn find_in(path: &Path, whose: TrustPolicy) -> Result<Found, Verdict> {
    let mut look = 1;
    loop {
        let found = find_once(path, whose);
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

fn find_once(path: &Path, whose: TrustPolicy) -> Result<Found, Verdict> {
    let at_fault = |fault| match fault {
        Fault::NoServer => Verdict::NoServer,
        fault => Verdict::PidFile(path.to_owned(), fault),
    };
    let file = PidFile::read(path, whose).map_err(at_fault)?;
    let look = process::look_up(file.pid);
    let parent = match &look {
        Lookup::Found(process) => Some(process.parent),
        _ => None,
    };
    let verdict = match look {
        Lookup::Missing => Verdict::Missing(file.pid),
        Lookup::Hidden => Verdict::HealthyByKill(file.pid),
        Lookup::Failed(errno) => Verdict::Unseen(file.pid, errno),
        Lookup::Thread(of) => Verdict::Thread {
            thread: file.pid,
            of,
        },
        // Before /proc is believed that all is not well, see that it speaks of our processes.
        Lookup::Found(process) => match judge(&process) {
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
    let is_proven = !matches!(whose, TrustPolicy::User(_)) || parent == Some(PID_1);
    // Whatever we saw, it was the server's only if the file names it still.
    if is_proven && file.is_unchanged() {
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
