//! hinit's children: which of them have ended, and how.

use std::mem::MaybeUninit;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use nix::errno::Errno;
use nix::libc;
use nix::unistd::Pid;

/// The PID of a child that has ended, if there is one. The child stays a zombie, so that its PID is not reused, until
/// [`reap`].
///
/// Not nix's: that returns an error for a child that a real-time signal has killed.
pub(crate) fn ended_child() -> nix::Result<Option<Pid>> {
    ended(libc::P_ALL, 0)
}

/// Whether this is a child of hinit's, running or a zombie: until hinit reaps it, no other process gets its PID.
pub(crate) fn is_child(pid: Pid) -> bool {
    ended_one(pid) != Err(Errno::ECHILD)
}

/// Whether this is a child of hinit's that has not ended.
pub(crate) fn is_running_child(pid: Pid) -> bool {
    ended_one(pid) == Ok(None)
}

fn ended_one(pid: Pid) -> nix::Result<Option<Pid>> {
    ended(libc::P_PID, pid.as_raw().cast_unsigned())
}

fn ended(which: libc::idtype_t, id: libc::id_t) -> nix::Result<Option<Pid>> {
    let wait = |more| {
        let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
        let options = libc::WEXITED | libc::WNOWAIT | libc::WNOHANG | more;
        // SAFETY: the kernel writes at most one siginfo_t.
        uninterrupted(|| unsafe { libc::waitid(which, id, info.as_mut_ptr(), options) })?;
        // SAFETY: all zeros is a siginfo_t as well, one without a process.
        Ok(unsafe { info.assume_init().si_pid() })
    };
    // Without __WALL, waitid(2) skips the children whose end sends another signal than SIGCHLD. Such
    // children exist where the program that became hinit made them by clone(2). Kernels before 4.7 and
    // gVisor refuse the flag here.
    let pid = match wait(libc::__WALL) {
        Err(Errno::EINVAL) => wait(0)?,
        result => result?,
    };
    Ok((pid != 0).then(|| Pid::from_raw(pid)))
}

/// Reaps a child; waits for its end if it runs.
pub(crate) fn reap(pid: Pid) -> nix::Result<ExitStatus> {
    wait_for(pid, 0)
}

/// Reaps a child that has ended. ECHILD: it runs, or is no child.
pub(crate) fn reap_ended(pid: Pid) -> nix::Result<ExitStatus> {
    wait_for(pid, libc::WNOHANG)
}

/// Not nix's, for the reason above.
fn wait_for(pid: Pid, options: libc::c_int) -> nix::Result<ExitStatus> {
    let mut status = 0;
    // SAFETY: the kernel writes one int.
    let call = || unsafe { libc::waitpid(pid.as_raw(), &raw mut status, libc::__WALL | options) };
    match uninterrupted(call)? {
        0 => Err(Errno::ECHILD),
        _ => Ok(ExitStatus::from_raw(status)),
    }
}

/// Repeats a call that was interrupted. Linux does not interrupt a process that blocks all signals, but what emulates
/// Linux may, and an end that hinit misses is never reported again.
fn uninterrupted(mut call: impl FnMut() -> libc::c_int) -> nix::Result<libc::c_int> {
    loop {
        match Errno::result(call()) {
            Err(Errno::EINTR) => {}
            result => return result,
        }
    }
}
