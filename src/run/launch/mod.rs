//! The preparation of the launch, up to the child that executes the server. A failure here ends hinit.

use std::ffi::{CStr, OsStr};
use std::path::Path;

use nix::errno::Errno;
use nix::libc::SIGCHLD;
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getpid, getppid};

use super::signals::{self, SignalQueue};
use super::sockets::{self, Sockets};
use super::{adopt_orphans, notify};
use crate::cli::{PidFile, Run};
use crate::error::{self, Error, Reason, Verb};
use crate::file;
use crate::output::Log;
use crate::pidfile::{self, Claim};
use crate::run::terminal::Terminal;
use crate::sys::{self, SignalSet};
use crate::text::digits;

mod accounts;
mod exec_error;
mod identity;
mod program;
pub(super) mod stale;
mod start;
mod streams;

pub(super) use identity::Identity;
pub(super) use start::Start;

/// The parsers of files that hinit did not write.
#[cfg(any(fuzzing, test))]
pub(super) mod fuzz {
    pub(crate) use super::accounts::fuzz as accounts;
    pub(crate) use super::exec_error::fuzz as program;
}

/// What hinit changes for itself and restores for the server.
#[derive(Clone, Copy)]
pub(super) struct Inherited {
    signal_mask: SignalSet,
    sigchld_ignored: bool,
    /// None, if no sockets were passed to hinit (`sd_listen_fds(3)`). They are for the server.
    passed_sockets: Option<SocketRecipient>,
}

/// The environment variables that name the recipient of the sockets: its PID, and since systemd 259 also the inode
/// number of its pidfd, which is not used again.
const LISTEN_PID: &CStr = c"LISTEN_PID";
const LISTEN_PIDFDID: &CStr = c"LISTEN_PIDFDID";

/// How the environment names hinit as the recipient of the sockets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum SocketRecipient {
    ByPid,
    ByPidAndPidfd,
}

impl SocketRecipient {
    /// None, if the sockets are not for hinit.
    fn find() -> Option<Self> {
        if !names_hinit(LISTEN_PID) {
            return None;
        }
        let Some(named) = sys::environment(LISTEN_PIDFDID.to_bytes()) else {
            return Some(Self::ByPid);
        };
        match sys::pidfd_number() {
            Ok(own) if is_number(named, own) => Some(Self::ByPidAndPidfd),
            // They were for an earlier process with this PID.
            Ok(_) => None,
            // hinit cannot find its own number, and the variable does not contain the server's.
            Err(_) => {
                sys::unset_environment(LISTEN_PIDFDID);
                Some(Self::ByPid)
            }
        }
    }
}

/// A launch under way: the child, and what hinit has opened and claimed for it.
pub(super) struct Launch {
    pub(super) start: Start,
    pub(super) queue: SignalQueue,
    pub(super) claim: Option<Claim>,
    pub(super) terminal: Option<Terminal>,
    pub(super) sockets: Option<Sockets>,
}

/// Prepares the launch and creates the child.
pub(super) fn start_server(
    options: &Run,
    signal_mask: SignalSet,
    log: Log,
) -> error::Result<Launch> {
    let inherited = Inherited {
        signal_mask,
        // Some callers leave SIGCHLD ignored, and then the kernel would not report the server's end.
        sigchld_ignored: sys::ignore_sigchld(false),
        passed_sockets: SocketRecipient::find(),
    };
    // All other signals are for the server, and stay blocked until its exec.
    let queue = SignalQueue::new(options.stop.signals.with(SIGCHLD))?;
    if options.profile.subreaper {
        adopt_orphans(log);
    }
    if let Some(signal) = options.parent_death {
        follow_parent(signal)?;
    }
    let claim = claim(options, log)?;
    let terminal = if options.profile.session {
        // The terminal is for the server, which leads a session of its own.
        sys::leave_terminal();
        None
    } else {
        Terminal::of_session()
    };
    match start(options, claim.as_ref(), terminal.as_ref(), inherited, log) {
        Ok((start, sockets)) => {
            signals::halve_signal_queue_limit();
            Ok(Launch {
                start,
                queue,
                claim,
                terminal,
                sockets,
            })
        }
        Err(error) => {
            if let Some(Err(left_behind)) = claim.map(Claim::remove) {
                log.warn(format_args!("{left_behind}"));
            }
            Err(error)
        }
    }
}

/// Opens the sockets, and starts the child as its user and in its directory.
fn start(
    options: &Run,
    claim: Option<&Claim>,
    terminal: Option<&Terminal>,
    inherited: Inherited,
    log: Log,
) -> error::Result<(Start, Option<Sockets>)> {
    let identity = options.user.as_ref();
    let identity = identity.map(|user| Identity::new(user, options.keep_groups));
    let mut identity = identity.transpose()?;
    notify::delegate_watchdog();
    let sockets = Sockets::open(options, claim, identity.as_ref())?;
    let users_directory = enter_directory(options)?;
    for path in &options.stale {
        // Relative paths count from the server's directory.
        let base = users_directory.unwrap_or(Path::new(""));
        stale::remove(&base.join(path), log);
    }
    if let Some(identity) = &mut identity {
        identity.directory = users_directory.map(Path::to_owned);
        streams::change_owner(identity.uid(), terminal, log);
    }
    let start = Start::new(options, identity, terminal, inherited)?;
    Ok((start, sockets))
}

/// Enters the server's directory. Returns it, if only the server's user may enter it: root without
/// `CAP_DAC_OVERRIDE` may not enter a home of mode 0700.
fn enter_directory(options: &Run) -> error::Result<Option<&Path>> {
    let Some(directory) = options.workdir.as_deref() else {
        return Ok(None);
    };
    match file::enter(directory) {
        Ok(()) => Ok(None),
        Err(Errno::EACCES | Errno::EPERM) if options.user.is_some() => Ok(Some(directory)),
        Err(errno) => Err(Error::failed(Verb::EnterDirectory, directory, errno)),
    }
}

/// Whether this variable contains hinit's PID.
pub(super) fn names_hinit(variable: &CStr) -> bool {
    let own = getpid().as_raw().unsigned_abs().into();
    sys::environment(variable.to_bytes()).is_some_and(|pid| is_number(pid, own))
}

fn is_number(text: &OsStr, number: u64) -> bool {
    text.to_str().and_then(digits) == Some(number)
}

/// Has the kernel send hinit a signal when its parent dies. hinit reads it from the queue, like any other.
fn follow_parent(signal: Signal) -> error::Result<()> {
    let own = getpid();
    // The parent of PID 1 is outside its namespace, and its end must not end the container.
    if own == Pid::from_raw(1) {
        return Ok(());
    }
    let parent = getppid();
    let fail = |errno: Errno| Error::failed(Verb::WatchParent, &parent.to_string(), errno);
    set_pdeathsig(signal).map_err(fail)?;
    // The parent may have died before the call above; then hinit has another parent by now.
    if getppid() != parent {
        kill(own, signal).map_err(fail)?;
    }
    Ok(())
}

fn claim(options: &Run, log: Log) -> error::Result<Option<Claim>> {
    let default;
    let (path, shown) = match &options.pid_file {
        None => return Ok(None),
        Some(PidFile::At { path, shown }) => (path, shown),
        Some(PidFile::Default) => {
            default = pidfile::default_path().ok_or_else(|| {
                let directories = "/run, /tmp, /dev/shm";
                Error::failed(Verb::ClaimPidFileIn, directories, Reason::NoneWritable)
            })?;
            (&default, &default)
        }
    };
    let has_socket = sockets::are_wanted(options);
    Claim::new(path, shown, options.mode, has_socket, log).map(Some)
}
