//! PID files that the server has left behind in its last run. Many servers refuse to start then.

use std::fmt;
use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc::{F_UNLCK, F_WRLCK};
use nix::sys::uio::pread;
use nix::unistd::{Pid, getpid};

use crate::error::Reason;
use crate::file::{Entry, FileId, Kind, errno, lock_on};
use crate::output::Log;
use crate::pidfile::Contents;
use crate::process::{Lookup, look_up};
use crate::sys;

/// How many bytes of a file are read: some have several lines.
const MAX_BYTES: usize = 128;

/// Removes the file, if it is stale. Logs that, or why it was not removed.
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

/// What a stale file contained.
enum StaleContents {
    Nothing,
    Pid(Pid),
}

impl fmt::Display for StaleContents {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("it was empty"),
            Self::Pid(pid) => write!(f, "it named process {pid}"),
        }
    }
}

/// None, if the file does not exist.
fn remove_if_stale(path: &Path) -> Result<Option<StaleContents>, Reason> {
    let Some(OpenFile {
        entry,
        file,
        identity,
    }) = open(path)?
    else {
        return Ok(None);
    };
    check_locks(&file)?;
    let (is_empty, contents) = read_contents(&file)?;
    let content = match contents {
        Contents::Empty if is_empty => StaleContents::Nothing,
        // hinit is the first process of its PID namespace, so a process of an earlier run cannot be alive in it.
        Contents::Pid(pid) if getpid() == Pid::from_raw(1) || has_ended(pid) => {
            StaleContents::Pid(pid)
        }
        Contents::Pid(pid) => return Err(Reason::IsAlive(pid)),
        Contents::Empty | Contents::TooLarge | Contents::NotAPid | Contents::OutOfRange => {
            return Err(Reason::NotAPid);
        }
    };
    if !entry.is(identity) {
        return Err(Reason::Replaced);
    }
    entry.unlink()?;
    Ok(Some(content))
}

fn has_ended(pid: Pid) -> bool {
    match look_up(pid) {
        Lookup::Missing => true,
        Lookup::Found(process) => process.has_ended(),
        Lookup::Hidden | Lookup::Failed(_) | Lookup::Thread(_) => false,
    }
}

/// An open file, and its name in its directory.
pub(in crate::run) struct OpenFile {
    entry: Entry,
    pub(in crate::run) file: File,
    identity: FileId,
}

/// Whether the file is empty, and the contents of its first line.
pub(in crate::run) fn read_contents(file: &File) -> nix::Result<(bool, Contents)> {
    let mut bytes = [0; MAX_BYTES];
    let length = pread(file, &mut bytes, 0)?;
    let bytes = bytes.get(..length).unwrap_or_default();
    let line = bytes.split(|&byte| byte == b'\n').next();
    Ok((bytes.is_empty(), Contents::parse(line.unwrap_or_default())))
}

/// None, if the file does not exist.
pub(in crate::run) fn open(path: &Path) -> Result<Option<OpenFile>, Reason> {
    let found = Entry::of(path).and_then(|entry| Ok((entry.stat()?, entry)));
    let (named, entry) = match found {
        Ok(found) => found,
        Err(Errno::ENOENT) => return Ok(None),
        Err(errno) => return Err(errno.into()),
    };
    match Kind::of(&named) {
        Kind::Regular => {}
        kind => return Err(Reason::IsA(kind)),
    }
    let file = entry.open(OFlag::O_RDONLY)?;
    let identity = FileId::of(&sys::fstat(file.as_fd())?);
    if identity != FileId::of(&named) {
        return Err(Reason::Replaced);
    }
    Ok(Some(OpenFile {
        entry,
        file,
        identity,
    }))
}

/// Refuses a file that is locked by flock(2) or fcntl(2), because the process that holds the lock is alive.
fn check_locks(file: &File) -> Result<(), Reason> {
    match fs2::FileExt::try_lock_exclusive(file).map_err(errno) {
        Ok(()) => {}
        Err(Errno::EWOULDBLOCK) => return Err(Reason::Locked),
        Err(errno) => return Err(errno.into()),
    }
    let mut lock = lock_on(F_WRLCK, 0, 0);
    match fcntl(file, FcntlArg::F_GETLK(&mut lock)) {
        Ok(_) if i32::from(lock.l_type) == F_UNLCK => Ok(()),
        // A process of another PID namespace has no PID here, and an open file description lock has none at all.
        Ok(_) if lock.l_pid <= 0 => Err(Reason::Locked),
        Ok(_) => Err(Reason::LockedBy(Pid::from_raw(lock.l_pid))),
        Err(errno) => Err(errno.into()),
    }
}
