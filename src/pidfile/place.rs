//! Where the PID file is when nobody names one.

use std::ffi::CStr;
use std::path::PathBuf;

use nix::sys::stat::stat;
use nix::unistd::{AccessFlags, access};

use crate::sys::effective_user;

/// The directories of default files, in this order.
pub(crate) const DIRECTORIES: [&str; 3] = [RUN, "/tmp", "/dev/shm"];
const RUN: &str = "/run";

/// The default PID file: in the first of three directories that this user may write. None: there is no such
/// directory.
///
/// /dev/shm is all that a scratch image has for a plain user when it runs read-only. The containers
/// of a pod share it, and /tmp may be a volume that others have as well: the mount namespace, which health
/// checks share with their server, tells them apart.
pub(crate) fn default_path() -> Option<PathBuf> {
    let is_writable =
        |directory: &CStr| access(directory, AccessFlags::W_OK | AccessFlags::X_OK).is_ok();
    let mut directories = [c"/run", c"/tmp", c"/dev/shm"].into_iter();
    let directory = directories.find(|at| is_writable(at))?.to_str().ok()?;
    Some(path_in(directory, effective_user()))
}

/// The path of this user's default file in one of these directories, by a name that no other user's hinit has
/// in a directory for all.
#[inline(never)]
pub(crate) fn path_in(directory: &str, user: u32) -> PathBuf {
    if directory == RUN {
        return "/run/hinit.pid".into();
    }
    match stat(c"/proc/self/ns/mnt") {
        Ok(namespace) => format!("{directory}/hinit-{user}-{}.pid", namespace.st_ino).into(),
        // Without /proc nothing tells them apart.
        Err(_) => format!("{directory}/hinit-{user}.pid").into(),
    }
}
