//! All that hinit does before it launches the server: what fails here ends hinit.

use std::ffi::CStr;
use std::path::Path;

use nix::errno::Errno;
use nix::libc::SIGCHLD;
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getpid, getppid};

use super::main_loop::MainLoop;
use super::signals::{self, SignalQueue};
use super::sockets::{self, Sockets};
use super::{adopt_orphans, notify};
use crate::cli::{PidFile, Run};
use crate::error::Error;
use crate::file;
use crate::output::Log;
use crate::pidfile::{self, Claim};
use crate::run::terminal::Terminal;
use crate::sys::{self, SignalSet};

mod accounts;
mod exec_error;
mod identity;
mod program;
pub(super) mod stale;
mod start;
mod streams;

pub(super) use identity::Identity;
pub(super) use start::Start;

/// What reads bytes of others.
#[cfg(any(fuzzing, test))]
pub(super) mod fuzz {
    pub(crate) use super::accounts::fuzz as accounts;
    pub(crate) use super::exec_error::fuzz as program;
}

/// What the server is to find as hinit found it.
#[derive(Clone, Copy)]
pub(super) struct Inherited {
    signal_mask: SignalSet,
    sigchld_ignored: bool,
    /// Whether sockets were passed to this very process, as `sd_listen_fds(3)` has it; they are the
    /// server's.
    listens: Option<Listens>,
}

/// The environment variables that say whose the sockets are: the PID, and since systemd 259 also the inode
/// number of the process's pidfd, which is not used again.
const LISTEN_PID: &CStr = c"LISTEN_PID";
const LISTEN_PIDFDID: &CStr = c"LISTEN_PIDFDID";

/// How the sockets that were passed to hinit name it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Listens {
    ByPid,
    ByPidAndPidfd,
}

impl Listens {
    /// None, if they are not for hinit.
    fn find() -> Option<Self> {
        if !names_hinit(LISTEN_PID) {
            return None;
        }
        let Some(named) = sys::environment(LISTEN_PIDFDID) else {
            return Some(Self::ByPid);
        };
        match sys::pidfd_number() {
            Ok(own) if named.to_str() == Some(&own.to_string()) => Some(Self::ByPidAndPidfd),
            // They were for an earlier process with this PID.
            Ok(_) => None,
            // It is not the server's, whatever that is.
            Err(_) => {
                sys::unset_environment(LISTEN_PIDFDID);
                Some(Self::ByPid)
            }
        }
    }
}

/// All that can fail before there is a child, and then ends hinit. On success the server is about to start.
pub(super) fn start_server(
    options: &Run,
    signal_mask: SignalSet,
    log: Log,
) -> Result<MainLoop<'_>, Error> {
    let inherited = Inherited {
        signal_mask,
        // Ignored, as some callers leave it, the server's end would never show.
        sigchld_ignored: sys::ignore_sigchld(false),
        listens: Listens::find(),
    };
    // The others are the server's, and wait for its exec.
    let queue = SignalQueue::new(options.stop.signals.with(SIGCHLD))?;
    if options.profile.subreaper {
        adopt_orphans(log);
    }
    if let Some(signal) = options.parent_death {
        follow_parent(signal)?;
    }
    let claim = claim(options, log)?;
    let terminal = if options.profile.session {
        // It is the server's, whose session is another.
        sys::leave_terminal();
        None
    } else {
        Terminal::of_session()
    };
    let start = || {
        let identity = options.user.as_ref();
        let identity = identity.map(|user| Identity::of(user, options.keep_groups));
        let mut identity = identity.transpose()?;
        notify::hand_on_watchdog();
        let sockets = Sockets::open(options, claim.as_ref(), identity.as_ref(), log)?;
        let users_directory = enter_directory(options)?;
        for path in &options.stale {
            // It counts from there.
            let from = users_directory.unwrap_or(Path::new(""));
            stale::remove(&from.join(path), log);
        }
        if let Some(identity) = &mut identity {
            identity.directory = users_directory.map(Path::to_owned);
            streams::hand_over(identity.uid(), terminal.as_ref(), log);
        }
        let start = Start::new(options, identity, terminal.as_ref(), inherited)?;
        Ok((start, sockets))
    };
    match start() {
        Ok((start, sockets)) => {
            signals::halve_signal_queue_limit();
            Ok(MainLoop::new(
                options, start, queue, claim, terminal, sockets,
            ))
        }
        Err(error) => {
            if let Some(Err(left_behind)) = claim.map(Claim::remove) {
                log.warn(format_args!("{left_behind}"));
            }
            Err(error)
        }
    }
}

/// Enters the server's directory. Returns it, if only the server's user may: as in a home of mode 0700, for root
/// without `CAP_DAC_OVERRIDE`.
fn enter_directory(options: &Run) -> Result<Option<&Path>, Error> {
    let Some(directory) = options.workdir.as_deref() else {
        return Ok(None);
    };
    match file::enter(directory) {
        Ok(()) => Ok(None),
        Err(Errno::EACCES | Errno::EPERM) if options.user.is_some() => Ok(Some(directory)),
        Err(errno) => Err(Error::on_path("enter the directory", directory, errno)),
    }
}

/// Whether a variable says that what it belongs to is meant for this very process.
pub(super) fn names_hinit(variable: &CStr) -> bool {
    let named = sys::environment(variable);
    named.is_some_and(|pid| pid.to_str() == Some(&getpid().to_string()))
}

/// Has the kernel send hinit a signal when its parent dies. It waits in the queue, like any other.
fn follow_parent(signal: Signal) -> Result<(), Error> {
    let own = getpid();
    // PID 1 has no parent in its namespace, and must not end with one outside.
    if own == Pid::from_raw(1) {
        return Ok(());
    }
    let parent = getppid();
    let fail =
        |errno: Errno| Error::cannot("watch the parent process", &parent, &sys::describe(errno));
    set_pdeathsig(signal).map_err(fail)?;
    // Has it died already, in between? Then hinit is another's child by now.
    if getppid() != parent {
        kill(own, signal).map_err(fail)?;
    }
    Ok(())
}

fn claim(options: &Run, log: Log) -> Result<Option<Claim>, Error> {
    let default;
    let path = match &options.pid_file {
        None => return Ok(None),
        Some(PidFile::At(path)) => path,
        Some(PidFile::Default) => {
            default = pidfile::default_path().ok_or_else(|| {
                let places = "/run, /tmp, /dev/shm";
                Error::cannot("claim a PID file in", &places, &"none is writable").remedy(
                    "mount one (--tmpfs /tmp, or an emptyDir), name a file with HINIT_PID_FILE, \
                     or keep none with --no-pid-file",
                )
            })?;
            &default
        }
    };
    Claim::new(path, options.mode, sockets::are_wanted(options), log).map(Some)
}
