//! A connection that never waits beyond the deadline.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, SockaddrLike, SockaddrStorage, UnixAddr,
    UnixCredentials, connect, getsockopt, recv, send, socket, sockopt,
};

use super::super::deadline::Deadline;
use super::Finding;
use crate::cli::Address;
use crate::file;
use crate::pidfile::PidFile;
use crate::time::{pause, poll_timeout};

/// How long to wait before the next try to connect to a Unix socket whose queue of connections is full. The
/// kernel does not report when the queue has room (connect(2): EAGAIN).
const QUEUE_FULL_DELAY: Duration = Duration::from_millis(5);

pub(in crate::healthcheck) struct Connection {
    socket: OwnedFd,
    pub(super) deadline: Deadline,
    /// The finding at the deadline.
    pub(in crate::healthcheck) on_timeout: fn(Duration) -> Finding,
}

impl Connection {
    /// Connects to the first address that accepts. If none does, the finding is that of the last.
    pub(super) fn connect(address: &Address, deadline: Deadline) -> Result<Self, Finding> {
        match address {
            Address::Unix(path) => {
                // An abstract name, in the form of ss(8) and systemd.
                let address = match path.as_os_str().as_bytes() {
                    [b'@', name @ ..] => UnixAddr::new_abstract(name),
                    _ => file::socket_address(path),
                };
                Self::to(&address.map_err(Finding::Unreachable)?, deadline)
            }
            Address::Tcp(addresses) => {
                let mut last = Err(Finding::Unreachable(Errno::EDESTADDRREQ));
                for address in addresses {
                    last = Self::to(&SockaddrStorage::from(*address), deadline);
                    if last.is_ok() {
                        break;
                    }
                }
                last
            }
        }
    }

    /// Connects to hinit's socket beside a PID file.
    pub(in crate::healthcheck) fn connect_to_hinit(
        file: &PidFile,
        deadline: Deadline,
    ) -> Result<Self, Finding> {
        let mut connection = Err(Finding::Unreachable(Errno::EDESTADDRREQ));
        let connect = &mut |address: &UnixAddr| connection = Self::to(address, deadline);
        file.with_socket_address(connect)
            .map_err(Finding::Unreachable)?;
        connection
    }

    fn to(address: &dyn SockaddrLike, deadline: Deadline) -> Result<Self, Finding> {
        let family = address.family().unwrap_or(AddressFamily::Unspec);
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        let socket = socket(family, SockType::Stream, flags, None).map_err(Finding::Unreachable)?;
        let connection = Self {
            socket,
            deadline,
            on_timeout: Finding::ConnectTimeout,
        };
        loop {
            match connect(connection.socket.as_raw_fd(), address) {
                Ok(()) => return Ok(connection),
                Err(Errno::EINPROGRESS) => break,
                Err(Errno::EAGAIN) if Instant::now() < deadline.at => {
                    pause(QUEUE_FULL_DELAY);
                }
                Err(Errno::EAGAIN) => return Err(connection.timed_out()),
                Err(errno) => return Err(Finding::Unreachable(errno)),
            }
        }
        connection.wait_for(PollFlags::POLLOUT)?;
        match getsockopt(&connection.socket, sockopt::SocketError) {
            Ok(0) => Ok(connection),
            Ok(errno) => Err(Finding::Unreachable(Errno::from_raw(errno))),
            Err(errno) => Err(Finding::Unreachable(errno)),
        }
    }

    /// The process that has made the Unix socket at the other end (`SO_PEERCRED`, unix(7)).
    pub(in crate::healthcheck) fn peer(&self) -> nix::Result<UnixCredentials> {
        getsockopt(&self.socket, sockopt::PeerCredentials)
    }

    pub(in crate::healthcheck) fn send(&self, mut bytes: &[u8]) -> Result<(), Finding> {
        while !bytes.is_empty() {
            match send(self.socket.as_raw_fd(), bytes, MsgFlags::MSG_NOSIGNAL) {
                Ok(sent) => bytes = bytes.get(sent..).unwrap_or_default(),
                Err(Errno::EAGAIN) => self.wait_for(PollFlags::POLLOUT)?,
                // The server may have sent an answer before it closed the connection.
                Err(Errno::EPIPE) => return Ok(()),
                Err(errno) => return Err(Finding::ConnectionLost(errno)),
            }
        }
        Ok(())
    }

    /// Reads what has come of the answer; nothing, if that was all.
    pub(in crate::healthcheck) fn receive(&self, bytes: &mut [u8]) -> Result<usize, Finding> {
        loop {
            // Even where there is something to read: a server that never stops sending has a deadline too.
            self.wait_for(PollFlags::POLLIN)?;
            match recv(self.socket.as_raw_fd(), bytes, MsgFlags::empty()) {
                Err(Errno::EAGAIN) => {}
                Err(errno) => return Err(Finding::ConnectionLost(errno)),
                Ok(length) => return Ok(length),
            }
        }
    }

    fn timed_out(&self) -> Finding {
        (self.on_timeout)(self.deadline.timeout)
    }

    fn wait_for(&self, flags: PollFlags) -> Result<(), Finding> {
        let left = self.deadline.at.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(self.timed_out());
        }
        let timeout = poll_timeout(left);
        match poll(&mut [PollFd::new(self.socket.as_fd(), flags)], timeout) {
            Ok(0) => Err(self.timed_out()),
            Ok(_) => Ok(()),
            Err(errno) => Err(Finding::ConnectionLost(errno)),
        }
    }
}
