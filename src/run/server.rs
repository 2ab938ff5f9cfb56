//! The server: spawn it, and signal it while it is unreaped.

use std::ffi::CString;
use std::fs::File;
use std::io::Read;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::libc::c_int;
use nix::sys::prctl::{get_dumpable, set_dumpable, set_pdeathsig};
use nix::sys::signal::Signal;
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::{Pid, getpgid, getpgrp, getpid, pipe2, setpgid, setsid, write};

use super::identity::Identity;
use super::program::Program;
use super::signals::Received;
use super::{Inherited, LISTEN_PID, Terminal};
use crate::cli::Run;
use crate::error::{Error, exit_code};
use crate::sys;

/// The one main child. As long as this value lives it is unreaped, or just being reaped: its PID
/// is no stranger's.
pub(super) struct Server {
    pid: Pid,
    /// Its process group.
    pgid: Pid,
    started: Instant,
    /// Whether signals go to all of its process group.
    group: bool,
}

/// What can happen to a server that does not end it.
pub(super) enum Change {
    /// By this signal.
    Stopped(Signal),
    Continued,
}

impl Server {
    /// Returns when the child has become the server, or could not.
    pub(super) fn spawn(
        options: &Run,
        identity: Option<&Identity>,
        terminal: Option<&Terminal>,
        inherited: Inherited,
    ) -> Result<Self, Error> {
        let program = Program::new(&options.command)?;
        let fail = |errno: Errno| {
            let error = |reason: &str| Error::cannot("start", &program.name().display(), &reason);
            match errno {
                Errno::EAGAIN => error("the limit of processes is reached")
                    .remedy("raise it (--pids-limit, pids.max, ulimit -u)"),
                _ => error(sys::describe(errno)),
            }
        };
        let terminal = terminal.filter(|terminal| terminal.is_ours());
        let (reader, writer) = pipe2(OFlag::O_CLOEXEC).map_err(fail)?;
        let was_dumpable = identity.is_some() && get_dumpable() == Ok(true);
        let child = sys::spawn(&mut || {
            let Failure(step, errno) =
                become_server(&program, options, identity, terminal, inherited);
            let _parent_gone = write(&writer, &[step as u8, errno as u8]);
            signal_hook::low_level::exit(exit_code::HINIT_FAILED.into());
        });
        let child = child.map_err(fail)?;
        if was_dumpable {
            // The kernel hides the memory of who changes its user from everybody who may not trace
            // all processes; and the child's was hinit's own.
            let _stays_hidden = set_dumpable(true);
        }
        drop(writer);
        // The pipe closes at the exec: its end without a word is the success.
        let mut failure = [0; 2];
        if File::from(reader).read_exact(&mut failure).is_ok() {
            let _status = sys::reap(child);
            if let Some(terminal) = terminal {
                terminal.take_back(child);
            }
            let [step, errno] = failure;
            let errno = Errno::from_raw(errno.into());
            return Err(match &options.user {
                Some(user) if step == Step::User as u8 => {
                    Error::cannot("run as", &user.user, &sys::describe(errno))
                }
                _ => program.explain(errno, identity.map(Identity::uid)),
            });
        }
        Ok(Self {
            pid: child,
            pgid: child,
            started: Instant::now(),
            group: options.group,
        })
    }

    pub(super) fn pid(&self) -> Pid {
        self.pid
    }

    /// Another child has taken the server's place.
    pub(super) fn adopt(&mut self, pid: Pid) {
        self.pid = pid;
        // hinit's own group would not do: its signals would come back for ever.
        self.pgid = getpgid(Some(pid))
            .ok()
            .filter(|pgid| *pgid != getpgrp())
            .unwrap_or(pid);
    }

    pub(super) fn pgid(&self) -> Pid {
        self.pgid
    }

    pub(super) fn age(&self) -> Duration {
        self.started.elapsed()
    }

    /// Passes a signal on: to the server, or to its process group.
    pub(super) fn signal(&self, signal: &Received) -> nix::Result<()> {
        match signal.info_to_queue() {
            // There is no queueing for a group: its members get the signal without a value.
            _ if self.group => self.signal_group(signal.number()),
            Some(info) => sys::queue_signal(self.pid, signal.number(), &info),
            None => sys::kill(self.pid, signal.number()),
        }
    }

    /// Sends a signal of hinit's own.
    pub(super) fn signal_as_told(&self, number: c_int) -> nix::Result<()> {
        if self.group {
            self.signal_group(number)
        } else {
            sys::kill(self.pid, number)
        }
    }

    pub(super) fn signal_group(&self, number: c_int) -> nix::Result<()> {
        match sys::kill(Pid::from_raw(-self.pgid.as_raw()), number) {
            // The server has gone to another group, and this one is empty.
            Err(Errno::ESRCH) => sys::kill(self.pid, number),
            result => result,
        }
    }

    /// Whether the server was stopped or continued since the last call.
    pub(super) fn change(&self) -> Option<Change> {
        // Consuming, and of the server alone: told of once, it does not hide what comes after it.
        let flags = WaitPidFlag::WSTOPPED | WaitPidFlag::WCONTINUED | WaitPidFlag::WNOHANG;
        match waitid(Id::Pid(self.pid), flags) {
            Ok(WaitStatus::Stopped(_, signal)) => Some(Change::Stopped(signal)),
            Ok(WaitStatus::Continued(_)) => Some(Change::Continued),
            _ => None,
        }
    }
}

/// At what the child has failed. (Errnos of Linux end at 133.)
struct Failure(Step, Errno);

#[derive(Clone, Copy)]
enum Step {
    User,
    Execute,
}

/// The child's part: puts back what hinit changed, and executes. Returns why that failed.
///
/// All signals are blocked until the last step, and the parent passes none on before the exec:
/// nothing can fall in between.
fn become_server(
    program: &Program,
    options: &Run,
    identity: Option<&Identity>,
    terminal: Option<&Terminal>,
    inherited: Inherited,
) -> Failure {
    if options.manners.session {
        let _cannot_fail = setsid();
        sys::take_terminal();
    } else {
        // Its own group, so that the terminal's signals reach it once and not hinit as well.
        let _cannot_fail = setpgid(Pid::from_raw(0), Pid::from_raw(0));
    }
    if let Some(terminal) = terminal {
        terminal.give_to(getpid());
    }
    if inherited.sigchld_ignored {
        sys::ignore_sigchld(true);
    }
    if let Some(Err(errno)) = identity.map(Identity::assume) {
        return Failure(Step::User, errno);
    }
    // Not before: the kernel forgets it with the user.
    if options.parent_death == Some(Signal::SIGKILL) {
        // That one hinit could not pass on.
        let _as_good_as_can_be = set_pdeathsig(Signal::SIGKILL);
    }
    if inherited.listens
        && let Ok(own) = CString::new(getpid().to_string())
    {
        sys::set_environment(LISTEN_PID, &own);
    }
    sys::set_signal_mask(inherited.signal_mask);
    Failure(Step::Execute, program.execute(options.manners.shell))
}
