//! Servers that replace their main process with a new one and name it in a PID file of their own, as unicorn and
//! gunicorn do at SIGUSR2. systemd follows them by `PIDFile=`.

use std::os::fd::AsFd;
use std::path::Path;

use nix::unistd::Pid;

use super::launch::stale::{self, OpenFile};
use crate::error::Reason;
use crate::pidfile::Contents;
use crate::process;
use crate::sys::{self, effective_user, is_running_child};

/// The process that replaces a server which has ended and is not reaped yet. None, if the file does not exist, is
/// empty or names the server itself. An error says why the process that it names cannot be the server.
pub(super) fn successor(file: &Path, server: Pid) -> Result<Option<Pid>, Reason> {
    let Some(OpenFile { file, .. }) = stale::open(file)? else {
        return Ok(None);
    };
    let stat = sys::fstat(file.as_fd())?;
    let user = process::owner(server);
    if ![Some(0), Some(effective_user()), user].contains(&Some(stat.st_uid)) {
        return Err(Reason::BelongsTo(stat.st_uid));
    }
    if stat.st_mode & 0o022 != 0 {
        return Err(Reason::WritableByOthers);
    }
    let (_, contents) = stale::read_contents(&file)?;
    match contents {
        Contents::Empty => Ok(None),
        Contents::Pid(pid) if pid == server => Ok(None),
        // Only a child's PID cannot be used again before hinit reaps it.
        Contents::Pid(pid) if !is_running_child(pid) => Err(Reason::NotAChild(pid)),
        Contents::Pid(pid) if process::owner(pid) != user => Err(Reason::OfAnotherUser(pid)),
        Contents::Pid(pid) => Ok(Some(pid)),
        Contents::TooLarge | Contents::NotAPid | Contents::OutOfRange => {
            Err(Reason::FirstLineNotAPid)
        }
    }
}
