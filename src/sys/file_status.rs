//! What a file is (stat(2)), where the kernel's `struct stat` is libc's; elsewhere see statx.rs. Not by libc's functions,
//! which copy all that the kernel has written.

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd};

use nix::fcntl::{AT_FDCWD, AtFlags};
use nix::libc;
pub(crate) use nix::sys::stat::FileStat;

use super::raw::{call, int};

/// The status of the file that this path leads to.
pub(crate) fn stat(path: &CStr) -> nix::Result<FileStat> {
    stat_at(AT_FDCWD, path, AtFlags::empty())
}

/// The status of the file with this name in a directory.
pub(crate) fn stat_at(directory: BorrowedFd, name: &CStr, flags: AtFlags) -> nix::Result<FileStat> {
    let mut status = MaybeUninit::<FileStat>::uninit();
    let name = name.as_ptr().expose_provenance();
    let address = status.as_mut_ptr().expose_provenance();
    let arguments = [int(directory.as_raw_fd()), name, address, int(flags.bits())];
    // SAFETY: the kernel reads a C string, writes a whole stat, and keeps no pointer.
    unsafe {
        call(libc::SYS_newfstatat, arguments)?;
        Ok(status.assume_init())
    }
}

/// The status of an open file.
pub(crate) fn fstat(file: BorrowedFd) -> nix::Result<FileStat> {
    fstat_number(int(file.as_raw_fd()))
}

/// The status of the open file of this number, by nothing but a system call.
pub(super) fn fstat_number(file: usize) -> nix::Result<FileStat> {
    let mut status = MaybeUninit::<FileStat>::uninit();
    let address = status.as_mut_ptr().expose_provenance();
    // SAFETY: the kernel writes a whole stat, and keeps no pointer.
    unsafe {
        call(libc::SYS_fstat, [file, address])?;
        Ok(status.assume_init())
    }
}

/// The status of no file, for tests to fill in.
#[cfg(test)]
pub(crate) fn no_file() -> FileStat {
    // SAFETY: it consists of numbers, and each may be 0.
    unsafe { std::mem::zeroed() }
}
