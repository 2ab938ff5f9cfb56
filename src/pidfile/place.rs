//! Where the PID file is when nobody names one.

use std::path::{Path, PathBuf};

use nix::sys::stat::stat;
use nix::unistd::{AccessFlags, access};

use crate::sys::effective_user;

/// The directories of default files, in this order.
pub(crate) const DIRECTORIES: [&str; 3] = ["/run", "/tmp", "/dev/shm"];

/// The default PID file: in the first of three directories that this user may write, by a name
/// that no other user's hinit has in a directory for all. None: there is no such directory.
///
/// /dev/shm is all that a scratch image has for a plain user when it runs read-only. The containers
/// of a pod share it; the mount namespace tells them apart.
pub(crate) fn default_path() -> Option<PathBuf> {
    let writable = |directory| access(directory, AccessFlags::W_OK | AccessFlags::X_OK).is_ok();
    let user = effective_user();
    if writable(Path::new("/run")) {
        Some("/run/hinit.pid".into())
    } else if writable(Path::new("/tmp")) {
        Some(format!("/tmp/hinit-{user}.pid").into())
    } else if writable(Path::new("/dev/shm")) {
        let mount_namespace = stat("/proc/self/ns/mnt").ok()?.st_ino;
        Some(format!("/dev/shm/hinit-{user}-{mount_namespace}.pid").into())
    } else {
        None
    }
}
