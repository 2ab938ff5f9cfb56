//! The child on its way to become the server: from the clone to the exec, which can take as long as a slow
//! file system does. Meanwhile hinit goes on with its work.
//!
//! The child shares hinit's memory, for that is faster than a copy of its page tables. So it makes raw system
//! calls only, allocates nothing, and reads what was prepared for it and never changes.

use std::cell::UnsafeCell;
use std::ffi::{CStr, CString};
use std::mem::MaybeUninit;
use std::os::fd::RawFd;
use std::ptr;

use nix::errno::Errno;
use nix::libc::{self, c_char, c_int, c_void};
use nix::unistd::Pid;

use super::SignalSet;
use super::heap::try_reserve;
use super::raw::{call, outcome};

/// What the child does.
pub(crate) struct Plan {
    /// The terminal that the server's group gets.
    pub(crate) terminal: Option<RawFd>,
    pub(crate) ignores_sigchld: bool,
    /// The kernel kills it when hinit ends.
    pub(crate) dies_with_hinit: bool,
    /// The variable that holds the child's own PID.
    pub(crate) own_pid: Option<NumberVariable>,
    /// The variable that holds the number of the child's own pidfd.
    pub(crate) own_pidfd: Option<NumberVariable>,
    /// The server's, if it is not hinit's own.
    pub(crate) umask: Option<u32>,
    pub(crate) signal_mask: SignalSet,
    pub(crate) program: &'static Executable,
    /// The pipe by which the child reports what has failed. It closes at the exec.
    pub(crate) report: RawFd,
}

impl Plan {
    /// Moves the child to a process group of its own, so that the terminal's signals reach it once and not
    /// hinit as well, and hands it the terminal.
    pub(crate) fn prepare(&self) {
        // Neither can fail for a child that has just been made; a terminal may be gone.
        // SAFETY: no address is passed but that of the child's own number, which the kernel reads.
        unsafe {
            let _made = call(libc::SYS_setpgid, [0; 4]);
            if let Some(terminal) = self.terminal
                && let Ok(own) = call(libc::SYS_getpid, [0; 4])
            {
                let own = c_int::try_from(own).unwrap_or_default();
                let own = (&raw const own).expose_provenance();
                let _given = call(libc::SYS_ioctl, [number(terminal), TIOCSPGRP, own, 0]);
            }
        }
        if self.ignores_sigchld {
            super::ignore_sigchld(true);
        }
    }

    /// Puts back what hinit has changed, and executes. Returns only if that fails.
    ///
    /// All signals are blocked up to here. Those that came for the server meanwhile are its own from now on.
    pub(crate) fn execute(&self) -> (Errno, Option<&'static CStr>) {
        if self.dies_with_hinit {
            let kill = usize::try_from(libc::SIGKILL).unwrap_or_default();
            // Not earlier: a change of user resets it (PR_SET_PDEATHSIG(2const)).
            // SAFETY: no address is passed.
            let _never_fails = unsafe { call(libc::SYS_prctl, [PR_SET_PDEATHSIG, kill, 0, 0]) };
        }
        if let Some(variable) = &self.own_pid {
            // SAFETY: no address is passed.
            variable.set(unsafe { call(libc::SYS_getpid, [0; 4]) }.unwrap_or_default());
        }
        if let Some(variable) = &self.own_pidfd {
            match pidfd_number() {
                Ok(number) => variable.set(number),
                Err(_) => variable.unset(),
            }
        }
        if let Some(mask) = self.umask.and_then(|mask| usize::try_from(mask).ok()) {
            // SAFETY: no address is passed.
            let _never_fails = unsafe { call(libc::SYS_umask, [mask, 0, 0, 0]) };
        }
        super::set_signal_mask(self.signal_mask);
        self.program.execute()
    }

    /// Tells hinit that this step has failed, and why. (Errnos of Linux end at 133.)
    pub(crate) fn report(&self, step: u8, errno: Errno) {
        let report = [step, errno as u8];
        let address = report.as_ptr().expose_provenance();
        // SAFETY: the kernel reads these two bytes. Where hinit has gone, nobody needs them.
        let _hinit_may_be_gone = unsafe {
            call(
                libc::SYS_write,
                [number(self.report), address, report.len(), 0],
            )
        };
    }
}

/// The inode number of the caller's pidfd, which no other process gets until the next boot (`pidfd_open(2)`).
pub(crate) fn pidfd_number() -> nix::Result<usize> {
    let mut stat = MaybeUninit::<libc::stat>::zeroed();
    let address = stat.as_mut_ptr().expose_provenance();
    // SAFETY: the kernel writes one stat. All zeros is one as well. Nobody else has the descriptor.
    unsafe {
        let own = call(libc::SYS_getpid, [0; 4])?;
        let fd = call(libc::SYS_pidfd_open, [own, 0, 0, 0])?;
        let result = call(libc::SYS_fstat, [fd, address, 0, 0]);
        let _never_fails = call(libc::SYS_close, [fd, 0, 0, 0]);
        result?;
        usize::try_from(stat.assume_init().st_ino).map_err(|_| Errno::ERANGE)
    }
}

/// Whether it is the entry of PATH that leads nowhere, and not the file in it: it is too long, is no directory, or
/// a symlink in it leads back to itself.
fn is_no_entry(candidate: &CStr, errno: Errno) -> bool {
    let may_be = matches!(errno, Errno::ENAMETOOLONG | Errno::ENOTDIR | Errno::ELOOP);
    let address = candidate.as_ptr().expose_provenance();
    let here = libc::AT_FDCWD.cast_unsigned() as usize;
    // SAFETY: the address is that of a C string.
    may_be && unsafe { call(libc::SYS_faccessat, [here, address, 0, 0]) }.is_err()
}

/// Whether the kernel's answer means that there is no such file.
pub(crate) fn is_missing(errno: Errno) -> bool {
    matches!(errno, Errno::ENOENT | Errno::ENOTDIR)
}

const TIOCSPGRP: usize = 0x5410;
const PR_SET_PDEATHSIG: usize = 1;

fn number(fd: RawFd) -> usize {
    usize::try_from(fd).unwrap_or_default()
}

/// A program: the files that it may be, in the order in which they are tried, and its arguments.
pub(crate) struct Executable {
    candidates: Vec<CString>,
    words: Vec<CString>,
    /// The address of each word, and a null pointer, as execve(2) takes them.
    addresses: Vec<*const c_char>,
}

// SAFETY: the addresses are those of the words, which nobody changes.
unsafe impl Sync for Executable {}

impl Executable {
    pub(crate) fn new(candidates: Vec<CString>, words: Vec<CString>) -> nix::Result<Self> {
        let mut addresses = Vec::new();
        try_reserve(&mut addresses, words.len() + 1)?;
        addresses.extend(words.iter().map(|word| word.as_ptr()));
        addresses.push(ptr::null());
        Ok(Self {
            candidates,
            words,
            addresses,
        })
    }

    pub(crate) fn candidates(&self) -> &[CString] {
        &self.candidates
    }

    pub(crate) fn words(&self) -> &[CString] {
        &self.words
    }

    /// Executes the first candidate that can be. Returns only if none can: why, and which one ended the
    /// search, if one did. As in execvp(3), "permission denied" for one outweighs "not found" for the others.
    pub(crate) fn execute(&self) -> (Errno, Option<&CStr>) {
        let name = self.words.first();
        let along_path = name.is_none_or(|name| !name.to_bytes().contains(&b'/'));
        let mut why = Errno::ENOENT;
        for candidate in &self.candidates {
            match self.execute_file(candidate) {
                errno if along_path && is_no_entry(candidate, errno) => {}
                errno if is_missing(errno) && why == Errno::EACCES => {}
                errno if is_missing(errno) || errno == Errno::EACCES => why = errno,
                errno => return (errno, Some(candidate)),
            }
        }
        (why, None)
    }

    fn execute_file(&self, file: &CStr) -> Errno {
        // SAFETY: nothing changes the environment from the clone to the exec.
        let environment = unsafe { super::environ };
        let addresses = [
            file.as_ptr().expose_provenance(),
            self.addresses.as_ptr().expose_provenance(),
            environment.expose_provenance(),
            0,
        ];
        // SAFETY: these are a C string, and two arrays of such that end with a null pointer.
        let result = unsafe { call(libc::SYS_execve, addresses) };
        result.err().unwrap_or(Errno::EINVAL)
    }
}

/// A variable of the server's environment with room for a number that is known only in the child.
pub(crate) struct NumberVariable {
    name: *mut c_char,
    value: *mut c_char,
}

impl NumberVariable {
    /// As many digits as any number of 64 bits has.
    const DIGITS: usize = 20;

    /// Makes the room. None, if there is no memory for that.
    pub(crate) fn new(name: &CStr) -> Option<Self> {
        super::set_environment(name, c"00000000000000000000").ok()?;
        // SAFETY: nothing else changes the environment: hinit has one thread.
        let value = unsafe { libc::getenv(name.as_ptr()) };
        (!value.is_null()).then(|| Self {
            name: value.wrapping_sub(name.count_bytes() + 1),
            value,
        })
    }

    /// Leaves an empty word in the environment, which has no name.
    fn unset(&self) {
        // SAFETY: `NAME=VALUE` is one string; only the child writes there, and hinit never reads it.
        unsafe { *self.name = 0 };
    }

    fn set(&self, number: usize) {
        let mut digits = [0_u8; Self::DIGITS + 1];
        let (mut rest, mut start) = (number, Self::DIGITS);
        for (at, digit) in digits.iter_mut().enumerate().rev().skip(1) {
            *digit = b'0' + u8::try_from(rest % 10).unwrap_or_default();
            (rest, start) = (rest / 10, at);
            if rest == 0 {
                break;
            }
        }
        let shown = digits.get(start..).unwrap_or_default();
        // SAFETY: the room is for DIGITS bytes and a NUL; only the child writes there, and hinit never reads it.
        unsafe { ptr::copy_nonoverlapping(shown.as_ptr().cast(), self.value, shown.len()) };
    }
}

/// The child's stack. Only the pages that it touches cost anything.
#[repr(align(4096))]
struct Stack(UnsafeCell<[u8; Stack::SIZE]>);

impl Stack {
    const SIZE: usize = 64 * 1024;
}

// SAFETY: hinit starts one child in its life, which alone uses it.
unsafe impl Sync for Stack {}
static STACK: Stack = Stack(UnsafeCell::new([0; _]));

/// Starts the child on memory that it shares with hinit (clone(2), `CLONE_VM`). What has failed it reports as
/// this step. To be called once; `release_stack` follows after the exec.
pub(crate) fn spawn(plan: &'static Plan, step: u8) -> nix::Result<Pid> {
    extern "C" fn child(task: *mut c_void) -> c_int {
        // SAFETY: the pointer is to the task below, which lives for ever.
        let Task(plan, step) = unsafe { &*task.cast::<Task>() };
        plan.prepare();
        let (errno, _) = plan.execute();
        plan.report(*step, errno);
        exit(1)
    }
    struct Task(&'static Plan, u8);
    let task: *mut Task = Box::into_raw(Box::new(Task(plan, step)));
    let flags = libc::CLONE_VM | libc::SIGCHLD;
    // SAFETY: the stack is the child's alone, and its end is that of a page, aligned as the ABIs want. What the
    // child reads lives for ever, and nothing changes it; it makes raw system calls only.
    let pid = unsafe {
        let top = STACK.0.get().cast::<c_void>().byte_add(Stack::SIZE);
        __clone(child, top, flags, task.cast())
    };
    outcome(pid as isize).map(pid_of)
}

unsafe extern "C" {
    /// What libc's clone(2) calls for this: that takes along handlers and locks that hinit does not have. Returns
    /// what the kernel does.
    fn __clone(
        child: extern "C" fn(*mut c_void) -> c_int,
        stack: *mut c_void,
        flags: c_int,
        argument: *mut c_void,
        ...
    ) -> c_int;
}

fn pid_of(answer: usize) -> Pid {
    Pid::from_raw(i32::try_from(answer).unwrap_or_default())
}

/// Gives the pages of the child's stack back, once it has left hinit's memory by its exec or its end.
pub(crate) fn release_stack() {
    // SAFETY: nobody uses the stack any more.
    unsafe { libc::madvise(STACK.0.get().cast(), Stack::SIZE, libc::MADV_DONTNEED) };
}

/// Ends the process at once: it runs nothing of what is left undone, and takes no memory.
pub(super) fn exit(code: u8) -> ! {
    loop {
        // SAFETY: no address is passed.
        let _never_returns = unsafe { call(libc::SYS_exit_group, [code.into(), 0, 0, 0]) };
    }
}

/// Starts a child with a memory of its own (fork(2)), which does this and then ends: with 0 if that has succeeded.
pub(crate) fn fork(act: &mut dyn FnMut() -> bool) -> nix::Result<Pid> {
    // By the raw call: libc's function takes along handlers and locks that hinit does not have.
    // SAFETY: no address is passed. hinit has one thread, so the child may do whatever hinit may.
    let pid = unsafe { call(libc::SYS_clone, [number(libc::SIGCHLD), 0, 0, 0]) }?;
    if pid == 0 {
        exit(u8::from(!act()));
    }
    Ok(pid_of(pid))
}
