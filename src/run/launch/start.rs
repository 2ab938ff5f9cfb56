//! The start of the server: a child, from its clone to its exec. That can take as long as a slow file system
//! does, and hinit goes on meanwhile.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::libc::SIGKILL;
use nix::sys::signal::Signal;
use nix::unistd::{Pid, pipe2, read, setsid};

use super::identity::Identity;
use super::program::Program;
use super::{Inherited, LISTEN_PID, LISTEN_PIDFDID, Listens};
use crate::cli::{InitProfile, Run};
use crate::error::Error;
use crate::run::terminal::Terminal;
use crate::sys::{self, NumberVariable, Plan};

/// A child that has not executed the server yet.
pub(in crate::run) struct Start {
    child: Pid,
    /// The pipe closes at the exec: its end without a word is the success.
    report: OwnedFd,
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
        identity.as_ref().map_or(Ok(()), Identity::set_home)?;
        let terminal = terminal.filter(|terminal| terminal.is_ours());
        let (reader, writer) = pipe2(OFlag::O_CLOEXEC).map_err(fail)?;
        let variable = |name, is_wanted: bool| {
            let variable = is_wanted.then(|| NumberVariable::new(name).ok_or(Errno::ENOMEM));
            variable.transpose().map_err(fail)
        };
        let own_pid = variable(LISTEN_PID, inherited.listens.is_some())?;
        let own_pidfd = variable(
            LISTEN_PIDFDID,
            inherited.listens == Some(Listens::ByPidAndPidfd),
        )?;
        let plan: &'static Plan = Box::leak(Box::new(Plan {
            terminal: terminal.map(|terminal| terminal.as_fd().as_raw_fd()),
            ignores_sigchld: inherited.sigchld_ignored,
            dies_with_hinit: options.parent_death == Some(Signal::SIGKILL),
            own_pid,
            own_pidfd,
            umask: options.umask,
            signal_mask: inherited.signal_mask,
            program: program.executable(),
            report: writer.as_raw_fd(),
        }));
        // A child that becomes another user gets a memory of its own: else that user could trace hinit's, once
        // the child has changed its user. So does one that needs more than raw system calls.
        let shares_memory =
            identity.is_none() && !options.profile.session && !options.profile.shell;
        let child = match shares_memory.then(|| sys::spawn(plan, Step::Execute as u8)) {
            // qemu-user knows shared memory only of threads.
            None | Some(Err(Errno::EINVAL)) => sys::fork(&mut || {
                become_server(plan, program, options, identity.as_ref());
                false
            }),
            Some(child) => child,
        };
        Ok(Self {
            child: child.map_err(fail)?,
            report: reader,
            program,
            identity,
            is_own: options.profile == InitProfile::OWN,
        })
    }

    pub(in crate::run) fn child(&self) -> Pid {
        self.child
    }

    /// Where the server's relative paths count from, if hinit is not there itself.
    pub(in crate::run) fn directory(&self) -> Option<&Path> {
        self.identity.as_ref()?.directory.as_deref()
    }

    /// Waits for the exec; returns as whom the server runs, or why it failed. The child that failed is reaped
    /// then.
    pub(in crate::run) fn finish(self) -> Result<Option<Identity>, Error> {
        let mut report = [0; 2];
        let reported = self.read_report(&mut report);
        match reported {
            // Also of a child that was killed before its exec: its end tells how.
            Ok(0) => {
                sys::release_stack();
                return Ok(self.identity);
            }
            // Whether the server runs cannot be known, so it must not.
            Err(_) => {
                let _may_have_ended = sys::kill(self.child, SIGKILL);
            }
            Ok(_) => {}
        }
        let _exit_code = sys::reap(self.child);
        let [step, errno_reported] = report;
        let errno_reported = Errno::from_raw(errno_reported.into());
        Err(match (reported, &self.identity) {
            (Err(errno), _) => {
                let why = sys::describe(errno);
                Error::cannot("start", &self.program.name().display(), &why)
            }
            (_, Some(identity)) if step == Step::User as u8 => {
                identity.cannot_assume(errno_reported)
            }
            (_, Some(identity)) if step == Step::Directory as u8 => {
                identity.cannot_enter(errno_reported)
            }
            (_, identity) => {
                let identity = identity.as_ref();
                let command = self.program.name().display();
                let limit =
                    identity.and_then(|user| user.too_many_processes(errno_reported, &command));
                let uid = identity.map(Identity::uid);
                limit.unwrap_or_else(|| self.program.explain(errno_reported, uid, self.is_own))
            }
        })
    }

    /// Both bytes come by one write, and so at once. What is short for a moment does not decide.
    fn read_report(&self, report: &mut [u8; 2]) -> nix::Result<usize> {
        const ATTEMPTS: u8 = 3;
        let mut length = Err(Errno::EINTR);
        for _ in 0..ATTEMPTS {
            length = read(&self.report, report);
            if length.is_ok() {
                break;
            }
        }
        length
    }
}

impl AsFd for Start {
    /// Readable once the child has executed, or has failed.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.report.as_fd()
    }
}

/// The part of a child that has a memory of its own.
fn become_server(plan: &Plan, program: Program, options: &Run, identity: Option<&Identity>) {
    if options.profile.session {
        let _cannot_fail = setsid();
        sys::take_terminal();
    }
    plan.prepare();
    if let Some(identity) = identity {
        if let Err(errno) = identity.assume() {
            return plan.report(Step::User as u8, errno);
        }
        if let Err(errno) = identity.enter_directory() {
            return plan.report(Step::Directory as u8, errno);
        }
    }
    let (errno, file) = plan.execute();
    if let Some(script) = file
        && errno == Errno::ENOEXEC
        && options.profile.shell
    {
        program.execute_by_shell(script);
    }
    plan.report(Step::Execute as u8, errno);
}
