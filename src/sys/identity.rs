//! The user and the groups of hinit, and those that the server gets.

use std::ptr;

use nix::errno::Errno;
use nix::libc;
// Where both are there, the names without 32 are calls with IDs of 16 bits.
#[cfg(target_pointer_width = "64")]
use nix::libc::{SYS_setgroups, SYS_setresgid, SYS_setresuid};
#[cfg(target_pointer_width = "32")]
use nix::libc::{
    SYS_setgroups32 as SYS_setgroups, SYS_setresgid32 as SYS_setresgid,
    SYS_setresuid32 as SYS_setresuid,
};

use super::raw::{call, int};

/// The effective UID, as the kernel passed it at the start (getauxval(3)): hinit never changes its own, and needs
/// it in each start and each check.
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
    let addresses = [
        header.as_ptr().expose_provenance(),
        sets.as_mut_ptr().expose_provenance(),
    ];
    // SAFETY: the kernel reads the header's 8 bytes and writes 24 of the sets, and keeps no pointer.
    let result = unsafe { call(libc::SYS_capget, addresses) };
    let [low, _, _, high, ..] = sets;
    let effective = u64::from(high) << 32 | u64::from(low);
    result.is_ok() && effective >> number & 1 == 1
}

/// The supplementary groups (`getgroups(2)`). Not nix's: that links a table of libc's, of 900 bytes.
pub(crate) fn groups() -> nix::Result<Vec<u32>> {
    // SAFETY: without room the kernel writes nothing.
    let count = Errno::result(unsafe { libc::getgroups(0, ptr::null_mut()) })?;
    let mut groups = vec![0; usize::try_from(count).unwrap_or_default()];
    // SAFETY: the kernel writes at most `count` numbers, and keeps no pointer.
    let count = Errno::result(unsafe { libc::getgroups(count, groups.as_mut_ptr()) })?;
    groups.truncate(usize::try_from(count).unwrap_or_default());
    Ok(groups)
}

/// `setgroups(2)`. This and the next two are the system calls alone: libc would have all threads follow, and their
/// caller can be a child on its parent's memory, which has no threads and must not search for any.
pub(crate) fn set_groups(groups: &[u32]) -> nix::Result<()> {
    let address = groups.as_ptr().expose_provenance();
    // SAFETY: the kernel reads this many groups of 32 bits, and keeps no pointer.
    unsafe { call(SYS_setgroups, [groups.len(), address]) }.map(drop)
}

/// Sets the real, the effective and the saved group (`setresgid(2)`).
pub(crate) fn set_gids(gid: u32) -> nix::Result<()> {
    // SAFETY: no address is passed.
    unsafe { call(SYS_setresgid, [gid as usize; 3]) }.map(drop)
}

/// Sets the real, the effective and the saved user (`setresuid(2)`).
pub(crate) fn set_uids(uid: u32) -> nix::Result<()> {
    // SAFETY: no address is passed.
    unsafe { call(SYS_setresuid, [uid as usize; 3]) }.map(drop)
}

/// Gives up the capabilities that a program which is not root's keeps at an exec (capabilities(7)).
pub(crate) fn clear_ambient_capabilities() -> nix::Result<()> {
    let arguments = [libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL].map(int);
    // SAFETY: no address is passed.
    match unsafe { call(libc::SYS_prctl, arguments) } {
        // Linux before 4.3 has none of them.
        Err(Errno::EINVAL) => Ok(()),
        result => result.map(drop),
    }
}
