//! The names in a directory, and where a symlink leads. Not by opendir(3) and readdir(3): those link malloc.

use std::ffi::{CStr, OsString};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;

use nix::libc;

use super::raw::{call, int};

/// What getdents64(2) writes to: entries aligned to 8 bytes. Of the size that musl's readdir(3) has.
#[repr(C, align(8))]
struct Entries([u8; 2048]);

/// Calls with each name in an open directory, in no order, but for `.` and `..`.
pub(crate) fn each_name(directory: &OwnedFd, call_with: &mut dyn FnMut(&CStr)) -> nix::Result<()> {
    let mut entries = Entries([0; 2048]);
    loop {
        let address = entries.0.as_mut_ptr().expose_provenance();
        let arguments = [int(directory.as_raw_fd()), address, entries.0.len()];
        // SAFETY: the kernel writes at most that many bytes, and keeps no pointer.
        let length = unsafe { call(libc::SYS_getdents64, arguments) }?;
        if length == 0 {
            return Ok(());
        }
        let mut rest = entries.0.get(..length).unwrap_or_default();
        while let Some((name, behind)) = first_name(rest) {
            if ![c".", c".."].contains(&name) {
                call_with(name);
            }
            rest = behind;
        }
    }
}

/// The name in the first entry (`struct linux_dirent64`), and the entries behind it.
fn first_name(entries: &[u8]) -> Option<(&CStr, &[u8])> {
    // The inode and the offset take 8 bytes each; the length takes two, the type one.
    let &[low, high] = entries.get(16..)?.first_chunk()?;
    let (entry, behind) = entries.split_at_checked(u16::from_ne_bytes([low, high]).into())?;
    Some((CStr::from_bytes_until_nul(entry.get(19..)?).ok()?, behind))
}

/// The target of a symlink (readlinkat(2)). Not by nix's function, which asks for the length first.
pub(crate) fn symlink_target(at: BorrowedFd, path: &CStr) -> nix::Result<OsString> {
    let mut target = vec![0; libc::PATH_MAX as usize];
    let path = path.as_ptr().expose_provenance();
    let address = target.as_mut_ptr().expose_provenance();
    let arguments = [int(at.as_raw_fd()), path, address, target.len()];
    // SAFETY: the kernel reads a C string, writes at most that many bytes, and keeps no pointer.
    let length = unsafe { call(libc::SYS_readlinkat, arguments) }?;
    target.truncate(length);
    Ok(OsString::from_vec(target))
}
