//! The sockets at which hinit listens. None of them ever blocks, nor is one inherited.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrLike, SockaddrStorage, bind, listen,
    setsockopt, socket, sockopt,
};
use nix::sys::stat::Mode;

use crate::cli::TcpAddress;
use crate::error::Error;
use crate::file::Entry;
use crate::run::socket_file::{Obstacle, SocketFile};
use crate::sys;

pub(super) struct Listener {
    socket: OwnedFd,
    /// That of a Unix socket.
    file: Option<SocketFile>,
}

impl Listener {
    /// At those of a name's addresses that this machine has: `localhost` is two, and where there is no
    /// IPv6 one.
    pub(super) fn tcp(addresses: &[TcpAddress]) -> Result<Vec<Self>, Error> {
        let (mut listeners, mut missing) = (Vec::new(), Ok(()));
        for address in addresses {
            match listen_at(&SockaddrStorage::from(address.socket)) {
                Ok(socket) => listeners.push(Self { socket, file: None }),
                Err(errno @ (Errno::EADDRNOTAVAIL | Errno::EAFNOSUPPORT)) => {
                    let error = refused(address, errno);
                    missing = Err(match errno {
                        Errno::EAFNOSUPPORT if address.socket.is_ipv6() => error.remedy(&format!(
                            "this system has no IPv6: listen at 0.0.0.0:{}",
                            address.socket.port()
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

    /// A Unix socket, for those whom `mode` lets read. The path is for messages.
    pub(super) fn unix(path: &Path, entry: nix::Result<Entry>, mode: u32) -> Result<Self, Error> {
        let fail = |why: Obstacle| Error::cannot("listen at", &path.display(), &why);
        let fail_errno = |errno| fail(Obstacle::Errno(errno));
        // Who may read may connect, for which it takes the permission to write.
        let readable = Mode::from_bits_truncate(mode & 0o444 | (mode & 0o444) >> 1);
        let entry = entry.map_err(fail_errno)?;
        let (socket, file) = SocketFile::bind(entry, SockType::Stream, readable).map_err(fail)?;
        listen(&socket, Backlog::MAXALLOWABLE).map_err(fail_errno)?;
        Ok(Self {
            socket,
            file: Some(file),
        })
    }

    /// Names its descriptors.
    pub(super) fn keep(&self, keep: &mut dyn FnMut(BorrowedFd)) {
        keep(self.as_fd());
        if let Some(file) = &self.file {
            keep(file.as_fd());
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

/// Has as many connections wait as the system allows, and none of them hinit.
fn listen_at(address: &SockaddrStorage) -> nix::Result<OwnedFd> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let family = address.family().unwrap_or(AddressFamily::Unspec);
    let socket = socket(family, SockType::Stream, flags, None)?;
    // Connections of the one who listened there before may not have died away yet (tcp(7)).
    setsockopt(&socket, sockopt::ReuseAddr, &true)?;
    bind(socket.as_raw_fd(), address)?;
    listen(&socket, Backlog::MAXALLOWABLE)?;
    Ok(socket)
}

fn refused(address: &TcpAddress, errno: Errno) -> Error {
    Error::cannot("listen at", &address.text, &sys::describe(errno))
}
