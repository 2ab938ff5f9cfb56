//! The caller's own numbers, as a child that shares hinit's memory can ask for them: by raw system calls only.

use std::mem::MaybeUninit;

use nix::errno::Errno;
use nix::libc;

use super::raw::call;

/// The caller's PID.
pub(super) fn process_id() -> usize {
    // SAFETY: no address is passed.
    unsafe { call(libc::SYS_getpid, []) }.unwrap_or_default()
}

/// The inode number of the caller's pidfd, which no other process gets until the next boot (`pidfd_open(2)`).
pub(crate) fn pidfd_number() -> nix::Result<usize> {
    let mut stat = MaybeUninit::<libc::stat>::zeroed();
    let address = stat.as_mut_ptr().expose_provenance();
    // SAFETY: the kernel writes one stat. All zeros is one as well. No other code has the descriptor.
    unsafe {
        let fd = call(libc::SYS_pidfd_open, [process_id(), 0])?;
        let result = call(libc::SYS_fstat, [fd, address]);
        let _never_fails = call(libc::SYS_close, [fd]);
        result?;
        usize::try_from(stat.assume_init().st_ino).map_err(|_| Errno::ERANGE)
    }
}
