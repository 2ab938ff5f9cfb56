//! The child on its way to become the server: from the clone to the exec, which can take as long as a slow
//! file system does. Meanwhile hinit continues with its work.
//!
//! The child shares hinit's memory, because that is faster than a copy of its page tables. So it makes raw system
//! calls only, allocates nothing, and reads what was prepared for it and never changes.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::libc::{self, c_int};
use nix::unistd::{Pid, pipe2, read};

use super::SignalSet;
use super::environment::ServerEnvironment;
use super::exit::exit;
use super::own_process::process_id;
use super::raw::{call, int};

mod executable;
mod stack;

pub(crate) use executable::Executable;
pub(super) use stack::give_back as give_back_stack;

/// What the child does.
pub(crate) struct ChildPlan {
    pub(crate) ignores_sigchld: bool,
    /// The kernel kills it when hinit ends.
    pub(crate) dies_with_hinit: bool,
    pub(crate) environment: ServerEnvironment,
    /// The server's, if it is not hinit's own.
    pub(crate) umask: Option<u32>,
    pub(crate) signal_mask: SignalSet,
    pub(crate) program: &'static Executable,
}

/// The child itself.
pub(crate) struct Child {
    plan: &'static ChildPlan,
    /// The terminal that the server's group gets.
    terminal: Option<RawFd>,
    /// The pipe by which the child reports what has failed. It closes at the exec.
    report: RawFd,
}

impl Child {
    /// Moves the child to a process group of its own, so that the terminal's signals reach it once and not
    /// hinit as well, and hands it the terminal.
    pub(crate) fn prepare(&self) {
        // Neither can fail for a child that has just been made; a terminal may be gone.
        // SAFETY: no address is passed but that of the child's own number, which the kernel reads.
        unsafe {
            let _made = call(libc::SYS_setpgid, [0, 0]);
            if let Some(terminal) = self.terminal {
                let own = c_int::try_from(process_id()).unwrap_or_default();
                let own = (&raw const own).expose_provenance();
                let _given = call(libc::SYS_ioctl, [int(terminal), TIOCSPGRP, own]);
            }
        }
        if self.plan.ignores_sigchld {
            super::ignore_sigchld(true);
        }
    }

    /// Puts back what hinit has changed, and executes the program. Returns only if that fails.
    ///
    /// All signals are blocked up to here. Those that came for the server meanwhile are its own from now on.
    pub(crate) fn execute(&self) -> (Errno, Option<&'static std::ffi::CStr>) {
        let plan = self.plan;
        if plan.dies_with_hinit {
            // Not earlier: a change of user resets it (PR_SET_PDEATHSIG(2const)).
            // SAFETY: no address is passed.
            let _never_fails =
                unsafe { call(libc::SYS_prctl, [PR_SET_PDEATHSIG, int(libc::SIGKILL)]) };
        }
        // SAFETY: this is the child, the only one that hinit has given this list.
        unsafe { plan.environment.complete() };
        if let Some(mask) = plan.umask {
            // SAFETY: no address is passed.
            let _never_fails = unsafe { call(libc::SYS_umask, [mask as usize]) };
        }
        super::set_signal_mask(plan.signal_mask);
        plan.program.execute(&plan.environment)
    }

    /// Reports to hinit that this step has failed, and why. (Errnos of Linux end at 133.)
    pub(crate) fn report(&self, step: u8, errno: Errno) {
        let report = [step, errno as u8];
        let address = report.as_ptr().expose_provenance();
        // It fails only if hinit has ended, and then no process needs the report.
        // SAFETY: the kernel reads these two bytes.
        let _ignored = unsafe { call(libc::SYS_write, [int(self.report), address, report.len()]) };
    }
}

/// A child of hinit's that has not executed the server yet.
pub(crate) struct StartingChild {
    pid: Pid,
    /// Only the child can write to it.
    report: OwnedFd,
    uses_stack: bool,
}

impl StartingChild {
    /// Starts the child; what fails at the execution it reports as `step`.
    ///
    /// `in_own_memory`: what a child with a memory of its own does instead. Such a child may run any code.
    pub(crate) fn start(
        plan: &'static ChildPlan,
        terminal: Option<BorrowedFd>,
        step: u8,
        shares_memory: bool,
        in_own_memory: &mut dyn FnMut(&Child),
    ) -> nix::Result<Self> {
        let (report, writer) = pipe2(OFlag::O_CLOEXEC)?;
        let child = Child {
            plan,
            // The child has descriptors of its own, copies of hinit's.
            terminal: terminal.map(|terminal| terminal.as_raw_fd()),
            report: writer.as_raw_fd(),
        };
        let child = Box::leak(Box::new(child));
        let shared = shares_memory.then(|| stack::spawn(child, step));
        let (pid, uses_stack) = match shared {
            // qemu-user lets a child share memory only if it is a thread.
            None | Some(Err(Errno::EINVAL)) => {
                let act = &mut || {
                    in_own_memory(child);
                    false
                };
                (fork(act), false)
            }
            Some(pid) => (pid, true),
        };
        Ok(Self {
            pid: pid?,
            report,
            uses_stack,
        })
    }

    pub(crate) fn pid(&self) -> Pid {
        self.pid
    }

    /// Waits for the exec. The step that failed, and why; none after the exec, or where the child was killed before:
    /// its end tells how. An error, if it cannot be known.
    pub(crate) fn failure(&self) -> nix::Result<Option<(u8, Errno)>> {
        const ATTEMPTS: u8 = 3;
        // Both bytes come by one write, and so at once.
        let mut report = [0; 2];
        let mut length = Err(Errno::EINTR);
        // A short lack of memory does not decide.
        for _ in 0..ATTEMPTS {
            length = read(&self.report, &mut report);
            if length.is_ok() {
                break;
            }
        }
        if length? > 0 {
            let [step, errno] = report;
            return Ok(Some((step, Errno::from_raw(errno.into()))));
        }
        if self.uses_stack {
            // SAFETY: the pipe has closed, and only the child had its end: it has executed the server, or ended.
            unsafe { stack::release() };
        }
        Ok(None)
    }
}

impl AsFd for StartingChild {
    /// Readable once the child has executed, or has failed.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.report.as_fd()
    }
}

/// Alone of the calls for a terminal it has another number on PowerPC.
const TIOCSPGRP: usize = if cfg!(target_arch = "powerpc64") {
    0x8004_7476
} else {
    0x5410
};
const PR_SET_PDEATHSIG: usize = 1;

/// A PID as a system call returns it.
fn pid_of(answer: usize) -> Pid {
    Pid::from_raw(i32::try_from(answer).unwrap_or_default())
}

/// Starts a child with a memory of its own (fork(2)), which calls `act` and then ends: with 0 if that has succeeded.
pub(crate) fn fork(act: &mut dyn FnMut() -> bool) -> nix::Result<Pid> {
    // The flags come first, and on s390x second, after the address of a stack.
    let arguments = if cfg!(target_arch = "s390x") {
        [0, int(libc::SIGCHLD), 0, 0, 0]
    } else {
        [int(libc::SIGCHLD), 0, 0, 0, 0]
    };
    // By the raw call: libc's function links handlers and locks that hinit does not have.
    // SAFETY: no address is passed. hinit has one thread, so the child may do whatever hinit may.
    let pid = unsafe { call(libc::SYS_clone, arguments) }?;
    if pid == 0 {
        exit(u8::from(!act()));
    }
    Ok(pid_of(pid))
}

/// Whether `act` succeeds in a child process, on a copy of hinit's memory and descriptors. hinit waits for it.
pub(crate) fn succeeds_in_child(act: &mut dyn FnMut() -> bool) -> nix::Result<bool> {
    super::reap(fork(act)?).map(|status| status.success())
}
