//! Where the PID file is when nobody names one.

use std::ffi::CStr;
use std::path::PathBuf;

use nix::sys::stat::stat;
use nix::unistd::{AccessFlags, access};

use crate::sys::effective_user;

/// The directories of default files, in this order.
pub(crate) const DIRECTORIES: [&str; 3] = ["/run", "/tmp", "/dev/shm"];

/// The default PID file: in the first of three directories that this user may write, by a name
/// that no other user's hinit has in a directory for all. None: there is no such directory.
///
/// /dev/shm is all that a scratch image has for a plain user when it runs read-only. The containers
/// of a pod share it, and /tmp may be a volume that others have as well: the mount namespace, which health
/// checks share with their server, tells them apart.
pub(crate) fn default_path() -> Option<PathBuf> {
    let is_writable =
        |directory: &CStr| access(directory, AccessFlags::W_OK | AccessFlags::X_OK).is_ok();
    if is_writable(c"/run") {
        return Some("/run/hinit.pid".into());
    }
    let mut directories = [c"/tmp", c"/dev/shm"].into_iter();
    let directory = directories.find(|at| is_writable(at))?.to_str().ok()?;
    let user = effective_user();
    Some(match stat(c"/proc/self/ns/mnt") {
        Ok(namespace) => format!("{directory}/hinit-{user}-{}.pid", namespace.st_ino).into(),
        // Without /proc nothing tells them apart.
        Err(_) => format!("{directory}/hinit-{user}.pid").into(),
    })
}
