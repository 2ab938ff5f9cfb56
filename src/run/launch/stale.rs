//! PID files that the server itself has left behind in its last run. Many refuse to start then.

use std::fs::File;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc::{F_UNLCK, F_WRLCK};
use nix::sys::stat::fstat;
use nix::sys::uio::pread;
use nix::unistd::{Pid, getpid};

use crate::error::{Reason, errno, reason};
use crate::file::{Entry, FileId, kind, lock_on};
use crate::output::Log;
use crate::pidfile::Contents;
use crate::process::{Lookup, look_up};

/// How much of a file is looked at: some have more lines than one.
const MAX_BYTES: usize = 128;

/// Removes the file, if it is stale, and says so; or why it was not removed.
pub(in crate::run) fn remove(path: &Path, log: Log) {
    let path_shown = path.display();
    match remove_if_stale(path) {
        Ok(Some(content)) => log.warn(format_args!(
            "removed the stale PID file `{path_shown}`: {content}"
        )),
        Ok(None) => {}
        Err(why) => log.warn(format_args!(
            "did not remove the PID file `{path_shown}`: {why}"
        )),
    }
}

/// What it contained, if there was one.
fn remove_if_stale(path: &Path) -> Result<Option<Reason>, Reason> {
    let Some(found) = open(path)? else {
        return Ok(None);
    };
    let Found {
        entry,
        file,
        identity,
    } = found;
    check_locks(&file)?;
    let (is_empty, line) = first_line(&file)?;
    let content = match Contents::parse(&line) {
        Contents::Empty if is_empty => "it was empty".into(),
        // Of an earlier run nothing can be alive in a PID namespace that has just begun.
        Contents::Pid(pid) if getpid() == Pid::from_raw(1) || has_ended(pid) => {
            format!("it named process {pid}").into()
        }
        Contents::Pid(pid) => return Err(format!("process {pid} is alive").into()),
        _ => return Err("it does not contain a PID".into()),
    };
    if !entry.is(identity) {
        return Err("it was replaced meanwhile".into());
    }
    entry.unlink().map_err(reason)?;
    Ok(Some(content))
}

fn has_ended(pid: Pid) -> bool {
    match look_up(pid) {
        Lookup::Missing => true,
        Lookup::Found(process) => process.has_ended(),
        Lookup::Hidden | Lookup::Failed(_) | Lookup::Thread(_) => false,
    }
}

/// A file, and where it is.
pub(in crate::run) struct Found {
    entry: Entry,
    pub(in crate::run) file: File,
    identity: FileId,
}

/// Whether the file is empty, and its first line.
pub(in crate::run) fn first_line(file: &File) -> Result<(bool, Vec<u8>), Reason> {
    let mut bytes = [0; MAX_BYTES];
    let length = pread(file, &mut bytes, 0).map_err(reason)?;
    let bytes = bytes.get(..length).unwrap_or_default();
    let line = bytes.split(|&byte| byte == b'\n').next();
    Ok((bytes.is_empty(), line.unwrap_or_default().to_vec()))
}

/// The file; None, if there is no such file.
pub(in crate::run) fn open(path: &Path) -> Result<Option<Found>, Reason> {
    let found = Entry::of(path).and_then(|entry| Ok((entry.stat()?, entry)));
    let (named, entry) = match found {
        Ok(found) => found,
        Err(Errno::ENOENT) => return Ok(None),
        Err(errno) => return Err(reason(errno)),
    };
    if let Some(kind) = kind(&named) {
        return Err(format!("it is a {kind}").into());
    }
    let file = entry.open(OFlag::O_RDONLY).map_err(reason)?;
    let identity = FileId::of(&fstat(&file).map_err(reason)?);
    if identity != FileId::of(&named) {
        return Err("it was replaced meanwhile".into());
    }
    Ok(Some(Found {
        entry,
        file,
        identity,
    }))
}

/// Whoever holds a lock on it, of either kind, is alive.
fn check_locks(file: &File) -> Result<(), Reason> {
    match fs2::FileExt::try_lock_exclusive(file).map_err(errno) {
        Ok(()) => {}
        Err(Errno::EWOULDBLOCK) => return Err("it is locked".into()),
        Err(errno) => return Err(reason(errno)),
    }
    let mut lock = lock_on(F_WRLCK, 0, 0);
    match fcntl(file, FcntlArg::F_GETLK(&mut lock)) {
        Ok(_) if i32::from(lock.l_type) == F_UNLCK => Ok(()),
        // One of another PID namespace has no number here, and some locks belong to no process.
        Ok(_) if lock.l_pid <= 0 => Err("it is locked".into()),
        Ok(_) => Err(format!("process {} has locked it", lock.l_pid).into()),
        Err(errno) => Err(reason(errno)),
    }
}
