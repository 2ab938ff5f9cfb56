//! The file of a Unix socket that hinit binds. Its directory is held open: whoever owns one above could have
//! the path lead to another's file by now.

use std::fmt;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use nix::sys::stat::{FileStat, Mode};

use crate::file::{Entry, FileId, kind};
use crate::sys;

pub(super) struct SocketFile {
    entry: Entry,
    /// None, if something else was there at once.
    identity: Option<FileId>,
}

/// Why there can be no socket under a name.
pub(super) enum Obstacle {
    Is(&'static str),
    BelongsTo(u32),
    InUse,
    Errno(Errno),
}

impl SocketFile {
    /// A new socket under this name. One that a killed hinit has left there is removed.
    pub(super) fn bind(
        entry: Entry,
        kind: SockType,
        mode: Mode,
    ) -> Result<(OwnedFd, Self), Obstacle> {
        remove_leftover(&entry, kind)?;
        let socket = open(kind).map_err(Obstacle::Errno)?;
        entry.bind(&socket, mode).map_err(Obstacle::Errno)?;
        let own = entry.stat().ok().filter(is_own_socket);
        let identity = own.map(|stat| FileId::of(&stat));
        Ok((socket, Self { entry, identity }))
    }
}

impl AsFd for SocketFile {
    /// The directory.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.entry.as_fd()
    }
}

impl Drop for SocketFile {
    /// Removes the file, if it still is this socket's.
    fn drop(&mut self) {
        if let Some(identity) = self.identity
            && self.entry.is(identity)
        {
            // The next start removes what is left.
            let _ignored = self.entry.unlink();
        }
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Is(what) => write!(f, "it is a {what}"),
            Self::BelongsTo(user) => write!(f, "it belongs to UID {user}"),
            Self::InUse => f.write_str("another process listens there"),
            Self::Errno(Errno::ENAMETOOLONG) => f.write_str("the name is too long"),
            Self::Errno(errno) => f.write_str(sys::describe(*errno)),
        }
    }
}

/// A Unix socket that never blocks and that nobody inherits.
pub(super) fn open(kind: SockType) -> nix::Result<OwnedFd> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    socket(AddressFamily::Unix, kind, flags, None)
}

fn remove_leftover(entry: &Entry, socket_kind: SockType) -> Result<(), Obstacle> {
    let stat = match entry.stat() {
        Ok(stat) => stat,
        Err(Errno::ENOENT) => return Ok(()),
        Err(errno) => return Err(Obstacle::Errno(errno)),
    };
    match kind(&stat) {
        Some("socket") => {}
        other => return Err(Obstacle::Is(other.unwrap_or("regular file"))),
    }
    if stat.st_uid != sys::effective_user() {
        return Err(Obstacle::BelongsTo(stat.st_uid));
    }
    let socket = open(socket_kind).map_err(Obstacle::Errno)?;
    match entry.connect(&socket) {
        Err(Errno::ECONNREFUSED) => entry.unlink().map_err(Obstacle::Errno),
        _ => Err(Obstacle::InUse),
    }
}

fn is_own_socket(stat: &FileStat) -> bool {
    kind(stat) == Some("socket") && stat.st_uid == sys::effective_user()
}
