//! The start of the server: a child, from its clone to its exec. On a slow file system that takes time, during
//! which hinit's main loop already runs.

use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::libc::SIGKILL;
use nix::sys::signal::Signal;
use nix::unistd::{Pid, setsid};

use super::identity::Identity;
use super::program::{self, Program};
use super::{Inherited, LISTEN_PID, LISTEN_PIDFDID, SocketRecipient};
use crate::cli::{InitProfile, Run};
use crate::error::{self, Error, Reason, Verb};
use crate::run::terminal::Terminal;
use crate::sys::{self, Child, ChildPlan, ServerEnvironment, StartingChild};

/// A child that has not executed the server yet.
pub(in crate::run) struct Start {
    child: StartingChild,
    program: Program,
    /// The server's user, if that is not hinit's.
    identity: Option<Identity>,
    /// hinit was not called by the name of another init.
    has_own_profile: bool,
}

/// The step that failed in the child.
#[derive(Clone, Copy)]
enum Step {
    User,
    Directory,
    Execute,
}

impl Step {
    /// The step that the child reports by this number.
    fn of(number: u8) -> Self {
        let is_it = |step: &Self| *step as u8 == number;
        let mut steps = [Self::User, Self::Directory].into_iter();
        steps.find(is_it).unwrap_or(Self::Execute)
    }
}

impl Start {
    pub(in crate::run) fn new(
        options: &Run,
        identity: Option<Identity>,
        terminal: Option<&Terminal>,
        inherited: Inherited,
    ) -> error::Result<Self> {
        identity.iter().for_each(Identity::set_home);
        Self::spawn(options, identity, terminal, inherited).map_err(|errno| {
            let reason = match errno {
                // Only clone(2) returns this.
                Errno::EAGAIN => Reason::ProcessLimit,
                errno => errno.into(),
            };
            Error::failed(Verb::Start, program::name(&options.command), reason)
        })
    }

    fn spawn(
        options: &Run,
        identity: Option<Identity>,
        terminal: Option<&Terminal>,
        inherited: Inherited,
    ) -> nix::Result<Self> {
        let program = Program::new(&options.command)?;
        let terminal = terminal.filter(|terminal| terminal.is_ours());
        let recipient = inherited.passed_sockets;
        let own_pid = recipient.map(|_| LISTEN_PID);
        let own_pidfd = recipient.filter(|it| *it == SocketRecipient::ByPidAndPidfd);
        let plan: &'static ChildPlan = Box::leak(Box::new(ChildPlan {
            ignores_sigchld: inherited.sigchld_ignored,
            dies_with_hinit: options.parent_death == Some(Signal::SIGKILL),
            environment: ServerEnvironment::new(own_pid, own_pidfd.map(|_| LISTEN_PIDFDID)),
            umask: options.umask,
            signal_mask: inherited.signal_mask,
            program: program.executable(),
        }));
        // A child that becomes another user gets memory of its own: else that user could trace the child, and so change
        // hinit's memory. So does a child that needs more than raw system calls.
        let shares_memory =
            identity.is_none() && !options.profile.session && !options.profile.shell;
        let child = StartingChild::start(
            plan,
            terminal.map(Terminal::as_fd),
            Step::Execute as u8,
            shares_memory,
            &mut |child| become_server(child, plan, program, options, identity.as_ref()),
        )?;
        Ok(Self {
            child,
            program,
            identity,
            has_own_profile: options.profile == InitProfile::OWN,
        })
    }

    pub(in crate::run) fn child(&self) -> Pid {
        self.child.pid()
    }

    /// The server's directory, if hinit could not enter it itself.
    pub(in crate::run) fn directory(&self) -> Option<&Path> {
        self.identity.as_ref()?.directory.as_deref()
    }

    /// Waits for the exec; returns the server's user, or why the exec failed. A child that failed is reaped.
    pub(in crate::run) fn finish(self) -> error::Result<Option<Identity>> {
        let (step, errno_reported) = match self.child.failure() {
            // A child that was killed before its exec has also closed the pipe: hinit reaps it as the server.
            Ok(None) => return Ok(self.identity),
            Ok(Some(failure)) => failure,
            // hinit cannot know whether the server runs, so it kills the child, whose PID is its own until it is reaped.
            Err(errno) => {
                let _ignored = sys::kill(self.child(), SIGKILL);
                let _exit_status = sys::reap(self.child());
                return Err(Error::failed(Verb::Start, self.program.name(), errno));
            }
        };
        let _exit_status = sys::reap(self.child());
        Err(match (Step::of(step), &self.identity) {
            (Step::User, Some(identity)) => identity.cannot_assume(errno_reported),
            (Step::Directory, Some(identity)) => identity.cannot_enter(errno_reported),
            (Step::User | Step::Directory | Step::Execute, identity) => {
                let identity = identity.as_ref();
                let limit = identity.and_then(|user| user.too_many_processes(errno_reported));
                let uid = identity.map(Identity::uid);
                match limit {
                    Some(limit) => Error::failed(Verb::Start, self.program.name(), limit),
                    None => self
                        .program
                        .explain(errno_reported, uid, self.has_own_profile),
                }
            }
        })
    }
}

impl AsFd for Start {
    /// Readable once the child has executed the server, or has failed.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.child.as_fd()
    }
}

/// Runs in a child that has memory of its own.
fn become_server(
    child: &Child,
    plan: &ChildPlan,
    program: Program,
    options: &Run,
    identity: Option<&Identity>,
) {
    if options.profile.session {
        // A new child leads no process group, so this cannot fail (setsid(2)).
        let _session = setsid();
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
