//! Processes that do one thing and exit.

use std::fs::File;
use std::io::Read;
use std::process::exit;
use std::thread::sleep;
use std::time::Duration;

use nix::fcntl::OFlag;
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, fork, getpid, getppid, pipe2, setpgid, write};

use crate::Result;

/// Runs `act` in a child process. Only for a process with one thread, as `load` has.
#[allow(unsafe_code)]
#[allow(
    clippy::exit,
    reason = "the child must not continue with the parent's code"
)]
pub(crate) fn child(act: impl FnOnce() -> Result<()>) -> nix::Result<Pid> {
    // SAFETY: the process has one thread, and that holds no lock here, neither of the allocator nor another.
    match unsafe { fork() }? {
        ForkResult::Parent { child } => Ok(child),
        ForkResult::Child => exit(act().is_err().into()),
    }
}

/// Whether orphans are reparented to the parent of this process.
pub(crate) fn are_orphans_adopted() -> Result<bool> {
    let (answer, tell) = pipe2(OFlag::O_CLOEXEC)?;
    let parent = child(move || {
        let parent = getpid();
        child(move || {
            while getppid() == parent {
                sleep(Duration::from_millis(1));
            }
            write(&tell, &getppid().as_raw().to_ne_bytes())?;
            Ok(())
        })?;
        Ok(())
    })?;
    waitpid(parent, None)?;
    let mut adopter = [0; 4];
    File::from(answer).read_exact(&mut adopter)?;
    Ok(Pid::from_raw(i32::from_ne_bytes(adopter)) == getppid())
}

/// Leaves `count` orphans that exit at once, calls `rest`, and repeats until it is killed.
pub(crate) fn leave_orphans(count: usize, mut rest: impl FnMut() -> Result<()>) -> Result<()> {
    // Signals to the server's process group must not reach these processes.
    setpgid(Pid::from_raw(0), Pid::from_raw(0))?;
    loop {
        let parent = child(|| (0..count).try_for_each(|_| Ok(child(|| Ok(())).map(drop)?)))?;
        waitpid(parent, None)?;
        rest()?;
    }
}
