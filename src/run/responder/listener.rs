//! The sockets at which hinit listens. None of them ever blocks, nor is one inherited.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, FcntlArg, OFlag, fcntl};
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, UnixAddr, connect, listen, socket,
};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{geteuid, unlink};

use crate::error::{Error, errno};
use crate::pidfile::{Identity, kind, stat_name};
use crate::sys;

pub(super) struct Listener {
    socket: OwnedFd,
    /// The file of a Unix socket, and which one it is.
    file: Option<(PathBuf, Identity)>,
}

impl Listener {
    /// At those of a name's addresses that this machine has: `localhost` is two, and where there is no
    /// IPv6 one.
    pub(super) fn tcp(addresses: &[SocketAddr]) -> Result<Vec<Self>, Error> {
        let open = |address: &SocketAddr| finish(TcpListener::bind(address)?);
        let (mut listeners, mut missing) = (Vec::new(), Ok(()));
        for address in addresses {
            match open(address).map_err(|error| errno(&error)) {
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
        remove_leftover(path).map_err(|why| match why {
            Obstacle::Is(what) => fail(&format!("it is a {what}")),
            Obstacle::BelongsTo(user) => fail(&format!("it belongs to UID {user}")),
            Obstacle::InUse => fail("another process listens there"),
            Obstacle::Errno(errno) => fail(errno.desc()),
        })?;
        // Who may read may connect, for which it takes the permission to write.
        let readable = Mode::from_bits_truncate(mode & 0o444 | (mode & 0o444) >> 1);
        // By the mask, for later a permission could be given to what somebody has put there.
        let mask = umask(!readable & Mode::all());
        let listener = UnixListener::bind(path);
        umask(mask);
        let socket = listener
            .and_then(finish)
            .map_err(|error| match error.kind() {
                // It has more bytes than an address can have: no system call has said that.
                io::ErrorKind::InvalidInput => fail("the path is too long"),
                _ => fail(errno(&error).desc()),
            })?;
        let identity = stat_name(AT_FDCWD, path.as_os_str()).map(|stat| Identity::of(&stat));
        Ok(Self {
            socket,
            file: identity.ok().map(|identity| (path.to_owned(), identity)),
        })
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
        if let Some((path, identity)) = &self.file
            && stat_name(AT_FDCWD, path.as_os_str())
                .is_ok_and(|stat| Identity::of(&stat) == *identity)
        {
            let _left_behind = unlink(path);
        }
    }
}

/// Has as many connections wait as the system allows, and none of them hinit.
fn finish(listener: impl Into<OwnedFd>) -> io::Result<OwnedFd> {
    let socket = listener.into();
    fcntl(&socket, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    listen(&socket, Backlog::MAXALLOWABLE)?;
    Ok(socket)
}

/// Why there can be no socket under a name.
enum Obstacle {
    Is(&'static str),
    BelongsTo(u32),
    InUse,
    Errno(Errno),
}

/// Removes the socket that a hinit has left behind that could not end in order.
fn remove_leftover(path: &Path) -> Result<(), Obstacle> {
    let stat = match stat_name(AT_FDCWD, path.as_os_str()) {
        Ok(stat) => stat,
        Err(Errno::ENOENT) => return Ok(()),
        Err(errno) => return Err(Obstacle::Errno(errno)),
    };
    match kind(&stat) {
        Some("socket") => {}
        other => return Err(Obstacle::Is(other.unwrap_or("regular file"))),
    }
    if stat.st_uid != geteuid().as_raw() {
        return Err(Obstacle::BelongsTo(stat.st_uid));
    }
    let is_served = || -> nix::Result<bool> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let socket = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
        Ok(connect(socket.as_raw_fd(), &UnixAddr::new(path)?) != Err(Errno::ECONNREFUSED))
    };
    match is_served() {
        Ok(true) => Err(Obstacle::InUse),
        Ok(false) => unlink(path).map_err(Obstacle::Errno),
        Err(errno) => Err(Obstacle::Errno(errno)),
    }
}

fn refused(address: &SocketAddr, errno: Errno) -> Error {
    Error::cannot("listen at", address, &errno.desc())
}
