//! The standard descriptors, and those that hinit closes.

use std::os::fd::{AsRawFd, BorrowedFd, IntoRawFd, RawFd};

use nix::fcntl::{OFlag, open};
use nix::libc;
use nix::sys::stat::Mode;

use super::directory::each_name;
use super::raw::{call, int};

/// Standard input. The three are open from [`occupy_standard_fds`] on and never closed.
// SAFETY: see above: 0 is open as long as the program runs.
pub(crate) const STDIN: BorrowedFd<'static> = unsafe { BorrowedFd::borrow_raw(0) };
// SAFETY: see above: 1 is open as long as the program runs.
pub(crate) const STDOUT: BorrowedFd<'static> = unsafe { BorrowedFd::borrow_raw(1) };
// SAFETY: see above: 2 is open as long as the program runs.
pub(crate) const STDERR: BorrowedFd<'static> = unsafe { BorrowedFd::borrow_raw(2) };

/// Makes sure that no file which hinit opens becomes 0, 1 or 2: a log line would be written to it.
///
/// A closed one is filled with a descriptor that can neither be read nor written. The exec closes it again, so
/// that the server finds what hinit found.
pub(crate) fn occupy_standard_fds() {
    let mut fds = [0, 1, 2].map(|fd| libc::pollfd {
        fd,
        events: 0,
        revents: 0,
    });
    // If it fails (no memory), they count as open, as they mostly are.
    // SAFETY: the kernel writes to these three entries, and only during the call.
    unsafe { libc::poll(fds.as_mut_ptr(), 3, 0) };
    for fd in &fds {
        if fd.revents & libc::POLLNVAL != 0
            && let Ok(filler) = open(c"/", OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())
        {
            // It has the lowest free number, which is this one: the lower ones are open by now.
            let _kept_open = filler.into_raw_fd();
        }
    }
}

/// The descriptors that hinit keeps when it closes all others.
pub(crate) struct KeptDescriptors(Vec<RawFd>);

impl KeptDescriptors {
    pub(crate) fn new(first: BorrowedFd) -> Self {
        Self(vec![first.as_raw_fd()])
    }

    pub(crate) fn add(&mut self, descriptor: BorrowedFd) {
        self.0.push(descriptor.as_raw_fd());
    }

    /// Closes every other descriptor from 3 on (`close_range(2)`, since Linux 5.9). An error, if some may still be
    /// open.
    ///
    /// hinit must have added each one that it still uses: a call on one that was closed here fails (EBADF), or
    /// reaches the next file of its number. No memory depends on a descriptor, because hinit maps no file.
    pub(crate) fn close_others(self) -> nix::Result<()> {
        let mut first = 3;
        loop {
            let kept = self.0.iter().copied().filter(|fd| *fd >= first);
            let fd = kept.min().unwrap_or(RawFd::MAX);
            // SAFETY: no address is passed; for the descriptors see above.
            let close = || unsafe { call(libc::SYS_close_range, [int(first), int(fd - 1)]) };
            // An older kernel has no such call, and a seccomp profile may refuse it.
            if first < fd && close().is_err() {
                return self.close_others_one_by_one();
            }
            if fd == RawFd::MAX {
                return Ok(());
            }
            first = fd + 1;
        }
    }

    fn close_others_one_by_one(&self) -> nix::Result<()> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let listed = open(c"/proc/self/fd", flags, Mode::empty())?;
        each_name(&listed, &mut |name| {
            let fd = name.to_str().ok().and_then(|fd| fd.parse::<usize>().ok());
            if let Some(fd @ 3..) = fd.and_then(|fd| RawFd::try_from(fd).ok())
                && fd != listed.as_raw_fd()
                && !self.0.contains(&fd)
            {
                // It is closed, whatever the call returns (close(2)).
                // SAFETY: no address is passed; for the descriptors see above.
                let _closed: nix::Result<usize> = unsafe { call(libc::SYS_close, [int(fd)]) };
            }
        })
    }
}
