//! The stack of a child that shares hinit's memory.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use nix::errno::Errno;
use nix::libc::{self, c_int, c_void};
use nix::unistd::Pid;

use super::super::exit::exit;
use super::super::raw::{call, outcome};
use super::{Child, pid_of};

/// The largest page of this architecture.
const PAGE: usize = if cfg!(any(target_arch = "aarch64", target_arch = "powerpc64")) {
    64 * 1024
} else {
    4096
};
/// Only the pages that the child touches cost anything.
const SIZE: usize = 64 * 1024 + PAGE;

/// The lowest page is a guard: a child that needs more is killed by SIGSEGV, and writes over nothing of hinit's.
#[cfg_attr(
    any(target_arch = "aarch64", target_arch = "powerpc64"),
    repr(align(65536))
)]
#[cfg_attr(
    not(any(target_arch = "aarch64", target_arch = "powerpc64")),
    repr(align(4096))
)]
struct Stack(UnsafeCell<[u8; SIZE]>);

// SAFETY: one child at a time uses it, and nothing else (IS_USED).
unsafe impl Sync for Stack {}
static STACK: Stack = Stack(UnsafeCell::new([0; SIZE]));
static IS_USED: AtomicBool = AtomicBool::new(false);

/// Starts the child on memory that it shares with hinit (clone(2), `CLONE_VM`). What fails it reports as this step.
/// EINVAL, if another child has the stack. [`release`] follows once the child has executed or ended.
pub(super) fn spawn(child: &'static Child, step: u8) -> nix::Result<Pid> {
    extern "C" fn run(task: *mut c_void) -> c_int {
        // SAFETY: the pointer is to the task below, which stays.
        let Task(child, step) = unsafe { &*task.cast::<Task>() };
        child.prepare();
        let (errno, _) = child.execute();
        child.report(*step, errno);
        exit(1)
    }
    struct Task(&'static Child, u8);
    let task: *mut Task = Box::into_raw(Box::new(Task(child, step)));
    if IS_USED.swap(true, Relaxed) {
        return Err(Errno::EINVAL);
    }
    // SAFETY: the stack is free, and what the child reads stays and does not change: its plan, and hinit's variables.
    // It makes raw system calls only, so it needs no lock and no allocator.
    unsafe { clone(run, task.cast()) }
}

/// Has a child run `act` on the stack, in hinit's memory.
///
/// # Safety
/// No other child may have the stack. `argument` must be good for `act`, and `act` must neither allocate nor change
/// memory that hinit uses, and must not return.
unsafe fn clone(
    act: extern "C" fn(*mut c_void) -> c_int,
    argument: *mut c_void,
) -> nix::Result<Pid> {
    let flags = libc::CLONE_VM | libc::SIGCHLD;
    // SAFETY: the guard is the stack's own lowest page. The stack's top is aligned as the ABIs want. The
    // caller guarantees the rest.
    unsafe {
        let lowest = STACK.0.get().cast::<c_void>();
        let no_access = libc::PROT_NONE.cast_unsigned() as usize;
        call(
            libc::SYS_mprotect,
            [lowest.expose_provenance(), PAGE, no_access],
        )?;
        let pid = __clone(act, lowest.byte_add(SIZE), flags, argument);
        outcome(pid as isize).map(pid_of)
    }
}

unsafe extern "C" {
    /// What libc's clone(2) calls for this: that links handlers and locks that hinit does not have. Returns what
    /// the kernel does.
    fn __clone(
        act: extern "C" fn(*mut c_void) -> c_int,
        stack: *mut c_void,
        flags: c_int,
        argument: *mut c_void,
        ...
    ) -> c_int;
}

/// Lets another child have the stack.
///
/// # Safety
/// The child must have left hinit's memory, by its exec or its end.
pub(super) unsafe fn release() {
    IS_USED.store(false, Relaxed);
}

/// Gives the stack's pages back to the kernel, if no child has it.
pub(in crate::sys) fn give_back() {
    if !IS_USED.load(Relaxed) {
        // SAFETY: nothing uses the stack, and hinit, which has one thread, starts no child meanwhile.
        unsafe { libc::madvise(STACK.0.get().cast(), SIZE, libc::MADV_DONTNEED) };
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::super::succeeds_in_child;
    use super::*;
    use crate::sys::reap;

    /// Needs more and more stack, up to the first byte of the guard.
    extern "C" fn overrun(_argument: *mut c_void) -> c_int {
        #[inline(never)]
        fn deeper(above: usize) -> usize {
            let here = std::hint::black_box([above; 64]);
            if here.as_ptr().addr() < STACK.0.get().addr() + PAGE {
                return above;
            }
            deeper(here.len()) + here.len()
        }
        exit(u8::from(deeper(0) == 0))
    }

    #[test]
    fn a_child_that_overruns_its_stack_is_killed() {
        let mut overrun = || {
            // SAFETY: the stack is this process's alone, which does nothing meanwhile; `overrun` never returns.
            let child = unsafe { clone(overrun, std::ptr::null_mut()) };
            let end = child.and_then(reap);
            end.is_ok_and(|status| status.signal() == Some(libc::SIGSEGV))
        };
        assert_eq!(succeeds_in_child(&mut overrun), Ok(true));
    }
}
