//! The file of a Unix socket that hinit binds. hinit keeps its directory open, because the owner of a directory above
//! it could have the path lead to another file by now.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use nix::sys::stat::Mode;

use crate::error::Reason;
use crate::file::{Entry, FileId, Kind};
use crate::sys::{self, FileStat};

pub(super) struct SocketFile {
    entry: Entry,
    /// None, if something else replaced the socket at once.
    identity: Option<FileId>,
}

impl SocketFile {
    /// Binds a new socket to this name. Removes the socket that a killed hinit has left there.
    pub(super) fn bind(
        entry: Entry,
        kind: SockType,
        mode: Mode,
    ) -> Result<(OwnedFd, Self), Reason> {
        remove_leftover(&entry, kind)?;
        let socket = open(kind)?;
        entry.bind(&socket, mode)?;
        let own = entry.stat().ok().filter(is_own_socket);
        let identity = own.map(|stat| FileId::of(&stat));
        Ok((socket, Self { entry, identity }))
    }
}

impl AsFd for SocketFile {
    /// Its directory.
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

/// A Unix socket that never blocks and is closed at exec.
pub(super) fn open(kind: SockType) -> nix::Result<OwnedFd> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    socket(AddressFamily::Unix, kind, flags, None)
}

fn remove_leftover(entry: &Entry, socket_kind: SockType) -> Result<(), Reason> {
    let stat = match entry.stat() {
        Ok(stat) => stat,
        Err(Errno::ENOENT) => return Ok(()),
        Err(errno) => return Err(errno.into()),
    };
    match Kind::of(&stat) {
        Kind::Socket => {}
        kind => return Err(Reason::IsA(kind)),
    }
    if stat.st_uid != sys::effective_user() {
        return Err(Reason::BelongsTo(stat.st_uid));
    }
    let socket = open(socket_kind)?;
    match entry.connect(&socket) {
        Err(Errno::ECONNREFUSED) => Ok(entry.unlink()?),
        _ => Err(Reason::InUse),
    }
}

fn is_own_socket(stat: &FileStat) -> bool {
    Kind::of(stat) == Kind::Socket && stat.st_uid == sys::effective_user()
}
