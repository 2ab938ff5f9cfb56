//! The PID file's path if no option names one.

use std::ffi::CStr;
use std::path::PathBuf;

use nix::unistd::{AccessFlags, access};

use crate::sys::{self, effective_user};

/// The directories of default PID files, in the order of preference.
pub(crate) const DIRECTORIES: [&str; 3] = {
    let [run, tmp, shm] = PATHS;
    [text(run), text(tmp), text(shm)]
};

/// The paths of these directories, as access(2) takes them.
const PATHS: [&CStr; 3] = [c"/run", c"/tmp", c"/dev/shm"];

const fn text(path: &'static CStr) -> &'static str {
    match path.to_str() {
        Ok(text) => text,
        Err(_) => "",
    }
}

/// The path of the default PID file, in the first of three directories that this user may write. None, if it may write
/// none of them.
///
/// In a scratch image that runs read-only, a plain user can write /dev/shm alone. The containers of a pod share
/// /dev/shm, and /tmp may be a volume of several containers: the number of the mount namespace, which a health check
/// shares with its server, tells their files apart.
pub(crate) fn default_path() -> Option<PathBuf> {
    let is_writable =
        |directory: &CStr| access(directory, AccessFlags::W_OK | AccessFlags::X_OK).is_ok();
    let directory = PATHS
        .into_iter()
        .find(|at| is_writable(at))?
        .to_str()
        .ok()?;
    Some(path_in(directory, effective_user()))
}

/// The path of a user's default PID file in one of these directories. In a directory that all users may write, its name
/// is one that no other user's hinit has.
#[inline(never)]
pub(crate) fn path_in(directory: &str, user: u32) -> PathBuf {
    if directory == DIRECTORIES[0] {
        return "/run/hinit.pid".into();
    }
    match sys::stat(c"/proc/self/ns/mnt") {
        Ok(namespace) => format!("{directory}/hinit-{user}-{}.pid", namespace.st_ino).into(),
        // Without /proc the number is unknown.
        Err(_) => format!("{directory}/hinit-{user}.pid").into(),
    }
}
