//! Finds the server that a PID file names, and gives the verdict on it.

use std::path::Path;
use std::time::Duration;

use nix::unistd::{Pid, getpid};

use crate::cli::PidFile as Choice;
use crate::pidfile::{self, Fault, PidFile, TrustPolicy};
use crate::process::{self, Lookup, Process, State};
use crate::sys::effective_user;
use crate::time::pause;
use crate::verdict::Verdict;

/// How often to read a PID file that another program may be about to write, and how long to wait in between.
const MAX_ATTEMPTS: u32 = 4;
const RETRY_DELAY: Duration = Duration::from_millis(10);

const PID_1: Pid = Pid::from_raw(1);

/// The server that a PID file names.
pub(crate) struct FoundServer {
    pub(crate) verdict: Verdict,
    pub(crate) file: PidFile,
    /// The parent of the process, as far as /proc shows it.
    pub(crate) parent: Option<Pid>,
}

/// What the server is looked up for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To act on it: only a PID file of root or of the caller counts.
    Signal,
    /// To report on it: a PID file of the user that PID 1 runs as counts too, as in an image with a `USER`
    /// (`docker exec -u 0`). Such a file must name a child of PID 1.
    Report,
}

/// Finds the server, and judges it. An error is the verdict on a file that names no process.
pub(crate) fn find_server(
    choice: &Choice,
    foreign: bool,
    purpose: Purpose,
) -> Result<FoundServer, Verdict> {
    let default;
    let path = match choice {
        Choice::At { path, shown } => Some((path, shown)),
        Choice::Default => {
            default = pidfile::default_path();
            default.as_ref().map(|path| (path, path))
        }
    };
    let whose = if foreign {
        TrustPolicy::Foreign
    } else {
        TrustPolicy::Trusted
    };
    let failure = match path {
        None => Verdict::NoWritableDirectory,
        Some((path, shown)) => match read_with_retries(path, shown, whose) {
            Ok(server) => return Ok(server),
            Err(Fault::NoServer) => return Err(Verdict::NoServer),
            Err(fault) => Verdict::PidFile(shown.clone(), fault),
        },
    };
    let other = if purpose == Purpose::Report && !foreign {
        find_server_of_pid_1s_user(choice)
    } else {
        None
    };
    other.unwrap_or(Err(failure))
}

/// By default only root reads the file of that user. All users may write to its directory, so each file must
/// prove itself. None: PID 1 does not run as another user, or has no such file.
#[inline(never)]
fn find_server_of_pid_1s_user(choice: &Choice) -> Option<Result<FoundServer, Verdict>> {
    let user = other_user_of_pid_1()?;
    let named = match choice {
        Choice::At { path, shown } => Some((path, shown)),
        Choice::Default => None,
    };
    let directories = match named {
        None if effective_user() != 0 => &[],
        None => &pidfile::DIRECTORIES[..],
        Some(_) => &[""],
    };
    for directory in directories {
        let default;
        let (path, shown) = if let Some(paths) = named {
            paths
        } else {
            default = pidfile::path_in(directory, user);
            (&default, &default)
        };
        match read_with_retries(path, shown, TrustPolicy::User(user)) {
            Ok(server) => return Some(Ok(server)),
            Err(Fault::NoServer) => return Some(Err(Verdict::NoServer)),
            Err(_unproven) => {}
        }
    }
    (named.is_none() && is_pid_1_hinit()).then(|| Err(Verdict::OtherUser(user)))
}

/// The user that PID 1 runs as, if it is not the caller's own.
fn other_user_of_pid_1() -> Option<u32> {
    let [_, user, _] = process::users(PID_1)?;
    (user != effective_user() && process::is_proc_ours()).then_some(user)
}

/// Whether PID 1 seems to be a hinit: it has the name of this program. The user of another init does not
/// matter, as in a pod that shares its PID namespace.
fn is_pid_1_hinit() -> bool {
    let name = process::name(PID_1);
    name.is_some() && name == process::name(getpid())
}

fn read_with_retries(path: &Path, shown: &Path, whose: TrustPolicy) -> Result<FoundServer, Fault> {
    let mut attempt = 1;
    loop {
        let found = PidFile::read(path, shown, whose).and_then(|file| judge_file(file, whose));
        match &found {
            Err(fault)
                if attempt < MAX_ATTEMPTS && (*fault == Fault::NoServer || fault.may_pass()) => {}
            Ok(_) | Err(_) => return found,
        }
        pause(RETRY_DELAY);
        attempt += 1;
    }
}

/// Judges the process that the file names.
fn judge_file(file: PidFile, whose: TrustPolicy) -> Result<FoundServer, Fault> {
    let mut parent = None;
    let verdict = match process::look_up(file.pid) {
        Lookup::Missing => Verdict::Missing(file.pid),
        Lookup::Hidden => Verdict::HealthyStateUnknown(file.pid),
        Lookup::Failed(errno) => Verdict::LookupFailed(file.pid, errno),
        Lookup::Thread(of) => Verdict::Thread {
            thread: file.pid,
            of,
        },
        Lookup::Found(process) => {
            parent = Some(process.parent);
            let verdict = judge_process(&process);
            // The /proc of another PID namespace describes other processes.
            if verdict.is_healthy() || process::is_proc_ours() {
                verdict
            } else {
                Verdict::HealthyStateUnknown(file.pid)
            }
        }
    };
    let verdict = if file.is_stopping && verdict.is_healthy() {
        Verdict::Stopping(file.pid)
    } else {
        verdict
    };
    let is_proven = !matches!(whose, TrustPolicy::User(_)) || parent == Some(PID_1);
    if !is_proven {
        return Err(Fault::Replaced);
    }
    // All of this is true of the server only if the file still names it.
    file.check_again()?;
    Ok(FoundServer {
        verdict,
        file,
        parent,
    })
}

fn judge_process(process: &Process) -> Verdict {
    if process.has_ended() {
        return Verdict::Zombie(process.pid);
    }
    match process.state {
        State::Stopped => Verdict::Stopped(process.pid),
        State::Running
        | State::Sleeping
        | State::Blocked
        | State::Traced
        // Other threads of the process run on.
        | State::Ended
        | State::Hidden
        | State::Other => Verdict::Healthy(process.pid),
    }
}
