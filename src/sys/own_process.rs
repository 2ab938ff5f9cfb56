//! The caller's own numbers, as a child that shares hinit's memory can ask for them: by raw system calls only.

use nix::libc;

use super::file_status::fstat_number;
use super::raw::call;

/// The caller's PID.
pub(super) fn process_id() -> usize {
    // SAFETY: no address is passed.
    unsafe { call(libc::SYS_getpid, []) }.unwrap_or_default()
}

/// The inode number of the caller's pidfd, which no other process gets until the next boot (`pidfd_open(2)`).
pub(crate) fn pidfd_number() -> nix::Result<u64> {
    // SAFETY: no address is passed, and no other code has the descriptor.
    unsafe {
        let fd = call(libc::SYS_pidfd_open, [process_id(), 0])?;
        let status = fstat_number(fd);
        let _never_fails = call(libc::SYS_close, [fd]);
        status.map(|status| status.st_ino)
    }
}
