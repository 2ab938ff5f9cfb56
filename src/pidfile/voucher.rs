//! A hinit's word for its PID file: a lock that only those can have who may write the file.
//!
//! An exclusive `flock(2)` can be had by whoever may read it. So that keeps two hinits apart, and would
//! prove nothing to a reader: a stranger could lock the file that a killed hinit has left, or any other
//! of root's with a number in it, and so have the process of that number taken for the server. The write
//! lock of fcntl(2) takes a descriptor for writing. It belongs to that descriptor, and not to the process,
//! which would lose it with any descriptor of the file that it closes.

use std::fs::File;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc::{F_RDLCK, F_UNLCK, F_WRLCK};

use crate::error::errno;
use crate::file::lock_of_all;

/// Vouches for the file as long as it stays open. False, if somebody else has a lock of that kind on it.
pub(super) fn vouch(file: &File) -> nix::Result<bool> {
    match fcntl(file, FcntlArg::F_OFD_SETLK(&lock_of_all(F_WRLCK))) {
        Ok(_) => Ok(true),
        Err(Errno::EAGAIN | Errno::EACCES) => Ok(false),
        Err(errno) if is_unknown(errno) => Ok(true),
        Err(errno) => Err(errno),
    }
}

/// Takes that word back.
pub(super) fn retract(file: &File) {
    let _as_good_as_can_be = fcntl(file, FcntlArg::F_OFD_SETLK(&lock_of_all(F_UNLCK)));
}

/// Whether somebody vouches for the file. It takes no lock to find out.
pub(super) fn is_vouched_for(file: &File) -> nix::Result<bool> {
    let mut lock = lock_of_all(F_RDLCK);
    match fcntl(file, FcntlArg::F_OFD_GETLK(&mut lock)) {
        Ok(_) => Ok(i32::from(lock.l_type) != F_UNLCK),
        Err(errno) if is_unknown(errno) => has_flock(file),
        Err(errno) => Err(errno),
    }
}

/// Where there are no such locks (gVisor), the other has to do.
fn is_unknown(errno: Errno) -> bool {
    matches!(errno, Errno::EINVAL | Errno::ENOSYS)
}

/// Tried with a shared lock that is given back at once: so readers do not get into each other's way, and
/// hardly into that of a hinit that starts.
fn has_flock(file: &File) -> nix::Result<bool> {
    // By its full name, for std's File has a method of the same name by now.
    match fs2::FileExt::try_lock_shared(file).map_err(|e| errno(&e)) {
        Ok(()) => fs2::FileExt::unlock(file)
            .map(|()| false)
            .map_err(|e| errno(&e)),
        Err(Errno::EWOULDBLOCK) => Ok(true),
        Err(errno) => Err(errno),
    }
}
