//! The start of the server: a child, from its clone to its exec. That can take as long as a slow file system
//! does, and hinit goes on meanwhile.

use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::libc::SIGKILL;
use nix::sys::signal::Signal;
use nix::unistd::{Pid, setsid};

use super::identity::Identity;
use super::program::Program;
use super::{Inherited, LISTEN_PID, LISTEN_PIDFDID, Listens};
use crate::cli::{InitProfile, Run};
use crate::error::Error;
use crate::run::terminal::Terminal;
use crate::sys::{self, Child, ChildPlan, ServerEnvironment, StartingChild};

/// A child that has not executed the server yet.
pub(in crate::run) struct Start {
    child: StartingChild,
    program: Program,
    /// As whom the server is to run.
    identity: Option<Identity>,
    /// hinit was not called as another init.
    is_own: bool,
}

/// At what the child has failed.
#[derive(Clone, Copy)]
enum Step {
    User,
    Directory,
    Execute,
}

impl Start {
    pub(in crate::run) fn new(
        options: &Run,
        identity: Option<Identity>,
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
        identity.iter().for_each(Identity::set_home);
        let terminal = terminal.filter(|terminal| terminal.is_ours());
        let listens = inherited.listens;
        let own_pid = listens.map(|_| LISTEN_PID);
        let own_pidfd = listens.filter(|it| *it == Listens::ByPidAndPidfd);
        let plan: &'static ChildPlan = Box::leak(Box::new(ChildPlan {
            ignores_sigchld: inherited.sigchld_ignored,
            dies_with_hinit: options.parent_death == Some(Signal::SIGKILL),
            environment: ServerEnvironment::new(own_pid, own_pidfd.map(|_| LISTEN_PIDFDID)),
            umask: options.umask,
            signal_mask: inherited.signal_mask,
            program: program.executable(),
        }));
        // A child that becomes another user gets a memory of its own: else that user could trace hinit's, once
        // the child has changed its user. So does one that needs more than raw system calls.
        let shares_memory =
            identity.is_none() && !options.profile.session && !options.profile.shell;
        let child = StartingChild::start(
            plan,
            terminal.map(Terminal::as_fd),
            Step::Execute as u8,
            shares_memory,
            &mut |child| become_server(child, plan, program, options, identity.as_ref()),
        );
        Ok(Self {
            child: child.map_err(fail)?,
            program,
            identity,
            is_own: options.profile == InitProfile::OWN,
        })
    }

    pub(in crate::run) fn child(&self) -> Pid {
        self.child.pid()
    }

    /// Where the server's relative paths count from, if hinit is not there itself.
    pub(in crate::run) fn directory(&self) -> Option<&Path> {
        self.identity.as_ref()?.directory.as_deref()
    }

    /// Waits for the exec; returns as whom the server runs, or why it failed. The child that failed is reaped
    /// then.
    pub(in crate::run) fn finish(self) -> Result<Option<Identity>, Error> {
        let (step, errno_reported) = match self.child.failure() {
            // Also of a child that was killed before its exec: its end tells how.
            Ok(None) => return Ok(self.identity),
            Ok(Some(failure)) => failure,
            // Whether the server runs cannot be known, so it must not.
            Err(errno) => {
                let _may_have_ended = sys::kill(self.child(), SIGKILL);
                let _exit_code = sys::reap(self.child());
                let why = sys::describe(errno);
                return Err(Error::cannot("start", &self.program.name().display(), &why));
            }
        };
        let _exit_code = sys::reap(self.child());
        Err(match &self.identity {
            Some(identity) if step == Step::User as u8 => identity.cannot_assume(errno_reported),
            Some(identity) if step == Step::Directory as u8 => {
                identity.cannot_enter(errno_reported)
            }
            identity => {
                let identity = identity.as_ref();
                let command = self.program.name().display();
                let limit =
                    identity.and_then(|user| user.too_many_processes(errno_reported, &command));
                let uid = identity.map(Identity::uid);
                limit.unwrap_or_else(|| self.program.explain(errno_reported, uid, self.is_own))
            }
        })
    }
}

impl AsFd for Start {
    /// Readable once the child has executed, or has failed.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.child.as_fd()
    }
}

/// The part of a child that has a memory of its own.
fn become_server(
    child: &Child,
    plan: &ChildPlan,
    program: Program,
    options: &Run,
    identity: Option<&Identity>,
) {
    if options.profile.session {
        let _cannot_fail = setsid();
        sys::take_terminal();
    }
    child.prepare();
    if let Some(identity) = identity {
        if let Err(errno) = identity.assume() {
            return child.report(Step::User as u8, errno);
        }
        if let Err(errno) = identity.enter_directory() {
            return child.report(Step::Directory as u8, errno);
        }
    }
    let (errno, file) = child.execute();
    if let Some(script) = file
        && errno == Errno::ENOEXEC
        && options.profile.shell
    {
        program.execute_by_shell(script, &plan.environment);
    }
    child.report(Step::Execute as u8, errno);
}
