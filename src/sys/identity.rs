//! Who hinit is, and who the server is to be.

use std::ptr;

use nix::errno::Errno;
use nix::libc;

/// The effective UID, as the kernel has noted it at the start (getauxval(3)): hinit never changes its
/// own, and asks for it in each start and each check.
pub(crate) fn effective_user() -> u32 {
    // SAFETY: no memory is passed.
    let user = unsafe { libc::getauxval(libc::AT_EUID) };
    u32::try_from(user).unwrap_or(u32::MAX)
}

/// Whether hinit has a capability (capabilities(7)), and not only could get it.
pub(crate) fn has_capability(number: u32) -> bool {
    /// `_LINUX_CAPABILITY_VERSION_3`: 64 capabilities, in two halves.
    const VERSION: u32 = 0x2008_0522;
    let header = [VERSION, 0];
    // Effective, permitted, inheritable; twice.
    let mut sets = [0_u32; 6];
    // SAFETY: the kernel reads the header's 8 bytes and writes 24 of the sets, and keeps no pointer.
    let result = unsafe { libc::syscall(libc::SYS_capget, header.as_ptr(), sets.as_mut_ptr()) };
    let [low, _, _, high, ..] = sets;
    let effective = u64::from(high) << 32 | u64::from(low);
    result == 0 && effective >> number & 1 == 1
}

/// The supplementary groups (`getgroups(2)`). Not nix's: that takes a table of libc's along, of 900 bytes.
pub(crate) fn groups() -> nix::Result<Vec<u32>> {
    // SAFETY: without room the kernel writes nothing.
    let most = Errno::result(unsafe { libc::getgroups(0, ptr::null_mut()) })?;
    let mut groups = vec![0; usize::try_from(most).unwrap_or_default()];
    // SAFETY: the kernel writes at most so many numbers, and keeps no pointer.
    let count = Errno::result(unsafe { libc::getgroups(most, groups.as_mut_ptr()) })?;
    groups.truncate(usize::try_from(count).unwrap_or_default());
    Ok(groups)
}

/// `setgroups(2)`. This and the next two are the system calls alone: libc would have all threads follow,
/// and who calls this is a child on its parent's memory, which has none and must not look for any.
pub(crate) fn set_groups(groups: &[u32]) -> nix::Result<()> {
    // SAFETY: the kernel reads so many groups of 32 bits, and keeps no pointer.
    let result = unsafe { libc::syscall(libc::SYS_setgroups, groups.len(), groups.as_ptr()) };
    Errno::result(result).map(drop)
}

/// Sets the real, the effective and the saved group (`setresgid(2)`).
pub(crate) fn set_gids(gid: u32) -> nix::Result<()> {
    // SAFETY: no memory is passed.
    Errno::result(unsafe { libc::syscall(libc::SYS_setresgid, gid, gid, gid) }).map(drop)
}

/// Sets the real, the effective and the saved user (`setresuid(2)`).
pub(crate) fn set_uids(uid: u32) -> nix::Result<()> {
    // SAFETY: no memory is passed.
    Errno::result(unsafe { libc::syscall(libc::SYS_setresuid, uid, uid, uid) }).map(drop)
}

/// Gives up the capabilities that a program which is not root's keeps at an exec (capabilities(7)).
pub(crate) fn clear_ambient_capabilities() -> nix::Result<()> {
    let clear = libc::PR_CAP_AMBIENT_CLEAR_ALL;
    // SAFETY: no memory is passed.
    match Errno::result(unsafe { libc::prctl(libc::PR_CAP_AMBIENT, clear, 0, 0, 0) }) {
        // Linux before 4.3 has none of them.
        Err(Errno::EINVAL) => Ok(()),
        result => result.map(drop),
    }
}
