//! What a file is, by statx(2) (since Linux 4.11): its layout is the same on every machine, and its times do not end in
//! 2038. The names are those of stat(2).

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd};

use nix::fcntl::{AT_FDCWD, AtFlags};
use nix::libc;
use nix::sys::stat::makedev;

use super::raw::{call, int};

#[cfg_attr(test, derive(Default))]
pub(crate) struct FileStat {
    pub(crate) st_dev: u64,
    pub(crate) st_ino: u64,
    pub(crate) st_mode: u32,
    pub(crate) st_nlink: u32,
    pub(crate) st_uid: u32,
    pub(crate) st_rdev: u64,
    pub(crate) st_size: u64,
    pub(crate) st_mtime: i64,
    pub(crate) st_mtime_nsec: u32,
}

/// The status of the file that this path leads to.
pub(crate) fn stat(path: &CStr) -> nix::Result<FileStat> {
    stat_at(AT_FDCWD, path, AtFlags::empty())
}

/// The status of the file with this name in a directory.
pub(crate) fn stat_at(directory: BorrowedFd, name: &CStr, flags: AtFlags) -> nix::Result<FileStat> {
    statx(int(directory.as_raw_fd()), name, flags)
}

/// The status of an open file.
pub(crate) fn fstat(file: BorrowedFd) -> nix::Result<FileStat> {
    fstat_number(int(file.as_raw_fd()))
}

/// The status of the open file of this number, by nothing but a system call.
pub(super) fn fstat_number(file: usize) -> nix::Result<FileStat> {
    statx(file, c"", AtFlags::AT_EMPTY_PATH)
}

fn statx(directory: usize, name: &CStr, flags: AtFlags) -> nix::Result<FileStat> {
    let mut status = MaybeUninit::<libc::statx>::uninit();
    let arguments = [
        directory,
        name.as_ptr().expose_provenance(),
        int(flags.bits()),
        libc::STATX_BASIC_STATS as usize,
        status.as_mut_ptr().expose_provenance(),
    ];
    // SAFETY: the kernel reads a C string, writes a whole statx, and keeps no pointer.
    let status = unsafe {
        call(libc::SYS_statx, arguments)?;
        status.assume_init()
    };
    let device = |major: u32, minor: u32| makedev(major.into(), minor.into());
    Ok(FileStat {
        st_dev: device(status.stx_dev_major, status.stx_dev_minor),
        st_ino: status.stx_ino,
        st_mode: status.stx_mode.into(),
        st_nlink: status.stx_nlink,
        st_uid: status.stx_uid,
        st_rdev: device(status.stx_rdev_major, status.stx_rdev_minor),
        st_size: status.stx_size,
        st_mtime: status.stx_mtime.tv_sec,
        st_mtime_nsec: status.stx_mtime.tv_nsec,
    })
}

/// The status of no file, for tests to fill in.
#[cfg(test)]
pub(crate) fn no_file() -> FileStat {
    FileStat::default()
}
