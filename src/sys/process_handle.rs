//! A handle on a process: it names the process that had the PID when the handle was opened, and never one that gets
//! the PID later.

use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::libc::{self, c_int};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::Pid;

use super::kill;
use super::raw::{call, int};
use crate::time::{pause, poll_timeout};

/// How often to check for the end of a process where the kernel cannot report it.
const CHECK_INTERVAL: Duration = Duration::from_millis(20);

/// A pidfd. Where the kernel has none (before Linux 5.3, or under an old seccomp profile), the PID alone.
pub(crate) struct ProcessHandle {
    pid: Pid,
    pidfd: Option<OwnedFd>,
}

impl ProcessHandle {
    pub(crate) fn open(pid: Pid) -> nix::Result<Self> {
        // SAFETY: no address is passed.
        let result = unsafe { call(libc::SYS_pidfd_open, [int(pid.as_raw()), 0]) };
        let pidfd = match result.map(RawFd::try_from) {
            // SAFETY: the kernel has just made this descriptor for us, with close-on-exec.
            Ok(Ok(fd)) => Some(unsafe { OwnedFd::from_raw_fd(fd) }),
            Err(Errno::ENOSYS | Errno::EPERM) | Ok(Err(_)) => None,
            Err(errno) => return Err(errno),
        };
        Ok(Self { pid, pidfd })
    }

    /// Waits for the end of the process, for at most this time; true, if it has ended. Without a pidfd,
    /// `has_ended` must find out.
    pub(crate) fn wait_for_end(&self, time: Duration, has_ended: &dyn Fn() -> bool) -> bool {
        let deadline = Instant::now() + time;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let has_ended = match &self.pidfd {
                Some(pidfd) => ends_within(pidfd, poll_timeout(left)),
                None => has_ended(),
            };
            if has_ended || left.is_zero() {
                return has_ended;
            }
            if self.pidfd.is_none() {
                pause(left.min(CHECK_INTERVAL));
            }
        }
    }

    pub(crate) fn signal(&self, number: c_int) -> nix::Result<()> {
        let Some(pidfd) = &self.pidfd else {
            return kill(self.pid, number);
        };
        // Without a siginfo the kernel makes that of kill(2).
        let arguments = [int(pidfd.as_raw_fd()), int(number), 0, 0];
        // SAFETY: no address is passed.
        match unsafe { call(libc::SYS_pidfd_send_signal, arguments) } {
            // A seccomp profile again. As long as the process has not ended, its PID is no other's.
            Err(Errno::ENOSYS | Errno::EPERM) if !ends_within(pidfd, PollTimeout::ZERO) => {
                kill(self.pid, number)
            }
            result => result.map(drop),
        }
    }
}

fn ends_within(pidfd: &OwnedFd, timeout: PollTimeout) -> bool {
    let mut ended = [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)];
    matches!(poll(&mut ended, timeout), Ok(1..))
}
