//! The file of a Unix socket that hinit binds. hinit keeps its directory open, because the owner of a directory above
//! it could have the path lead to another file by now.

use std::fmt;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use nix::sys::stat::{FileStat, Mode};

use crate::file::{Entry, FileId, kind};
use crate::sys;

pub(super) struct SocketFile {
    entry: Entry,
    /// None, if something else replaced the socket at once.
    identity: Option<FileId>,
}

pub(super) enum BindError {
    /// The name is taken by a file of this kind.
    NotASocket(&'static str),
    /// The name is taken by a socket of this UID.
    BelongsTo(u32),
    /// Another process accepts connections there.
    InUse,
    Errno(Errno),
}

impl SocketFile {
    /// Binds a new socket to this name. Removes the socket that a killed hinit has left there.
    pub(super) fn bind(
        entry: Entry,
        kind: SockType,
        mode: Mode,
    ) -> Result<(OwnedFd, Self), BindError> {
        remove_leftover(&entry, kind)?;
        let socket = open(kind).map_err(BindError::Errno)?;
        entry.bind(&socket, mode).map_err(BindError::Errno)?;
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

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::NotASocket(kind) => write!(f, "it is a {kind}"),
            Self::BelongsTo(user) => write!(f, "it belongs to UID {user}"),
            Self::InUse => f.write_str("another process listens there"),
            Self::Errno(Errno::ENAMETOOLONG) => f.write_str("the name is too long"),
            Self::Errno(errno) => f.write_str(sys::describe(*errno)),
        }
    }
}

/// A Unix socket that never blocks and is closed at exec.
pub(super) fn open(kind: SockType) -> nix::Result<OwnedFd> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    socket(AddressFamily::Unix, kind, flags, None)
}

fn remove_leftover(entry: &Entry, socket_kind: SockType) -> Result<(), BindError> {
    let stat = match entry.stat() {
        Ok(stat) => stat,
        Err(Errno::ENOENT) => return Ok(()),
        Err(errno) => return Err(BindError::Errno(errno)),
    };
    match kind(&stat) {
        Some("socket") => {}
        other => return Err(BindError::NotASocket(other.unwrap_or("regular file"))),
    }
    if stat.st_uid != sys::effective_user() {
        return Err(BindError::BelongsTo(stat.st_uid));
    }
    let socket = open(socket_kind).map_err(BindError::Errno)?;
    match entry.connect(&socket) {
        Err(Errno::ECONNREFUSED) => entry.unlink().map_err(BindError::Errno),
        _ => Err(BindError::InUse),
    }
}

fn is_own_socket(stat: &FileStat) -> bool {
    kind(stat) == Some("socket") && stat.st_uid == sys::effective_user()
}
