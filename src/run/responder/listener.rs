//! The sockets at which hinit listens. None of them ever blocks, nor is one inherited.

use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrLike, SockaddrStorage, bind, connect,
    listen, setsockopt, socket, sockopt,
};
use nix::sys::stat::{FileStat, Mode, umask};

use crate::error::Error;
use crate::file::{self, Entry, Identity, kind};
use crate::sys;

pub(super) struct Listener {
    socket: OwnedFd,
    /// The file of a Unix socket, and which one it is. The directory is held open: whoever owns one above
    /// could have the path lead to another's file by then.
    file: Option<(Entry, Identity)>,
}

impl Listener {
    /// At those of a name's addresses that this machine has: `localhost` is two, and where there is no
    /// IPv6 one.
    pub(super) fn tcp(addresses: &[SocketAddr]) -> Result<Vec<Self>, Error> {
        let (mut listeners, mut missing) = (Vec::new(), Ok(()));
        for address in addresses {
            match listen_at(&SockaddrStorage::from(*address)) {
                Ok(socket) => listeners.push(Self { socket, file: None }),
                Err(errno @ (Errno::EADDRNOTAVAIL | Errno::EAFNOSUPPORT)) => {
                    let error = refused(address, errno);
                    missing = Err(match (address, errno) {
                        (SocketAddr::V6(v6), Errno::EAFNOSUPPORT) => error.remedy(&format!(
                            "this system has no IPv6: listen at 0.0.0.0:{}",
                            v6.port()
                        )),
                        _ => error,
                    });
                }
                Err(errno) => return Err(refused(address, errno)),
            }
        }
        if listeners.is_empty() {
            missing?;
        }
        Ok(listeners)
    }

    /// A Unix socket, for those whom `mode` lets read.
    pub(super) fn unix(path: &Path, mode: u32) -> Result<Self, Error> {
        let fail = |reason: &str| Error::cannot("listen at", &path.display(), &reason);
        let entry = Entry::of(path).map_err(|errno| fail(sys::describe(errno)))?;
        remove_leftover(path, &entry).map_err(|why| match why {
            Obstacle::Is(what) => fail(&format!("it is a {what}")),
            Obstacle::BelongsTo(user) => fail(&format!("it belongs to UID {user}")),
            Obstacle::InUse => fail("another process listens there"),
            Obstacle::Errno(errno) => fail(sys::describe(errno)),
        })?;
        // Who may read may connect, for which it takes the permission to write.
        let readable = Mode::from_bits_truncate(mode & 0o444 | (mode & 0o444) >> 1);
        // By the mask, for later a permission could be given to what somebody has put there.
        let mask = umask(!readable & Mode::all());
        let socket = file::socket_address(path).and_then(|address| listen_at(&address));
        umask(mask);
        let socket = socket.map_err(|errno| match errno {
            Errno::ENAMETOOLONG => fail("the path is too long"),
            _ => fail(sys::describe(errno)),
        })?;
        let own = entry.stat().ok().filter(is_own_socket);
        Ok(Self {
            socket,
            file: own.map(|stat| (entry, Identity::of(&stat))),
        })
    }

    /// Names its descriptors.
    pub(super) fn keep(&self, keep: &mut dyn FnMut(BorrowedFd)) {
        keep(self.as_fd());
        if let Some((entry, _)) = &self.file {
            keep(entry.as_fd());
        }
    }

    pub(super) fn accept(&self) -> nix::Result<OwnedFd> {
        sys::accept(self.socket.as_fd())
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Drop for Listener {
    /// Takes the file away, if it still is this socket's.
    fn drop(&mut self) {
        if let Some((entry, identity)) = &self.file
            && entry.is(*identity)
        {
            let _left_behind = entry.unlink();
        }
    }
}

/// Has as many connections wait as the system allows, and none of them hinit.
fn listen_at(address: &dyn SockaddrLike) -> nix::Result<OwnedFd> {
    let socket = open(address.family().unwrap_or(AddressFamily::Unspec))?;
    // Connections of the one who listened there before may not have died away yet (tcp(7)).
    setsockopt(&socket, sockopt::ReuseAddr, &true)?;
    bind(socket.as_raw_fd(), address)?;
    listen(&socket, Backlog::MAXALLOWABLE)?;
    Ok(socket)
}

fn open(family: AddressFamily) -> nix::Result<OwnedFd> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    socket(family, SockType::Stream, flags, None)
}

/// Why there can be no socket under a name.
enum Obstacle {
    Is(&'static str),
    BelongsTo(u32),
    InUse,
    Errno(Errno),
}

/// Removes the socket that a hinit has left behind that could not end in order.
fn remove_leftover(path: &Path, entry: &Entry) -> Result<(), Obstacle> {
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
    let is_served = || -> nix::Result<bool> {
        let (socket, address) = (open(AddressFamily::Unix)?, file::socket_address(path)?);
        Ok(connect(socket.as_raw_fd(), &address) != Err(Errno::ECONNREFUSED))
    };
    match is_served() {
        Ok(true) => Err(Obstacle::InUse),
        Ok(false) => entry.unlink().map_err(Obstacle::Errno),
        Err(errno) => Err(Obstacle::Errno(errno)),
    }
}

fn is_own_socket(stat: &FileStat) -> bool {
    kind(stat) == Some("socket") && stat.st_uid == sys::effective_user()
}

fn refused(address: &SocketAddr, errno: Errno) -> Error {
    Error::cannot("listen at", address, &sys::describe(errno))
}
