//! The sockets at which hinit listens. They never block, and the server does not inherit them.

use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrLike, SockaddrStorage, bind, listen,
    setsockopt, socket, sockopt,
};
use nix::sys::stat::Mode;

use crate::error::{self, Error, Reason, Verb};
use crate::file::Entry;
use crate::run::socket_file::SocketFile;
use crate::sys;

pub(super) struct Listener {
    socket: OwnedFd,
    /// Of a Unix socket.
    file: Option<SocketFile>,
}

impl Listener {
    /// Listens at those addresses of a name that this machine has: `localhost` has two, one of them for IPv6.
    /// `text` is for messages.
    pub(super) fn tcp(text: &str, addresses: &[SocketAddr]) -> error::Result<Vec<Self>> {
        let (mut listeners, mut unavailable) = (Vec::new(), Ok(()));
        for address in addresses {
            match listen_at(&SockaddrStorage::from(*address)) {
                Ok(socket) => listeners.push(Self { socket, file: None }),
                Err(errno @ (Errno::EADDRNOTAVAIL | Errno::EAFNOSUPPORT)) => {
                    let reason = match errno {
                        Errno::EAFNOSUPPORT if address.is_ipv6() => Reason::NoIpv6(address.port()),
                        errno => errno.into(),
                    };
                    unavailable = Err(cannot_listen(text, reason));
                }
                Err(errno) => return Err(cannot_listen(text, errno.into())),
            }
        }
        if listeners.is_empty() {
            unavailable?;
        }
        Ok(listeners)
    }

    /// Listens at a Unix socket, to which the users that `mode` lets read may connect. The path is for messages.
    pub(super) fn unix(path: &Path, entry: nix::Result<Entry>, mode: u32) -> error::Result<Self> {
        let listener = match entry {
            Ok(entry) => Self::at_entry(entry, mode),
            Err(errno) => Err(errno.into()),
        };
        listener.map_err(|reason| {
            let reason = match reason {
                Reason::Errno(Errno::ENAMETOOLONG) => Reason::NameTooLong,
                reason => reason,
            };
            Error::failed(Verb::ListenAt, path, reason)
        })
    }

    fn at_entry(entry: Entry, mode: u32) -> Result<Self, Reason> {
        // To connect takes permission to write (unix(7)).
        let connectable = Mode::from_bits_truncate(mode & 0o444 | (mode & 0o444) >> 1);
        let (socket, file) = SocketFile::bind(entry, SockType::Stream, connectable)?;
        listen(&socket, Backlog::MAXALLOWABLE)?;
        Ok(Self {
            socket,
            file: Some(file),
        })
    }

    /// Passes each descriptor that must stay open.
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

/// Listens without blocking, with the longest queue of connections that the system allows.
fn listen_at(address: &SockaddrStorage) -> nix::Result<OwnedFd> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let family = address.family().unwrap_or(AddressFamily::Unspec);
    let socket = socket(family, SockType::Stream, flags, None)?;
    // Connections of an earlier listener may still be in TIME_WAIT (tcp(7)).
    setsockopt(&socket, sockopt::ReuseAddr, &true)?;
    bind(socket.as_raw_fd(), address)?;
    listen(&socket, Backlog::MAXALLOWABLE)?;
    Ok(socket)
}

fn cannot_listen(address: &str, reason: Reason) -> Box<Error> {
    Error::failed(Verb::ListenAt, address, reason)
}
