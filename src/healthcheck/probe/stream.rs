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

use super::{Finding, Reader};
use crate::cli::Address;
use crate::file::{self, Entry};
use crate::time::{pause, poll_timeout};

/// How long to wait before a Unix socket is tried again whose queue of connections is full: the
/// kernel offers no way to be told.
const QUEUE_FULL: Duration = Duration::from_millis(5);

pub(super) struct Stream {
    socket: OwnedFd,
    deadline: Instant,
}

/// Sends the request, and gives what is read to the reader until that has found something.
pub(super) fn converse(
    address: &Address,
    request: &[u8],
    deadline: Instant,
    reader: &mut dyn Reader,
) -> Finding {
    match Stream::connect(address, deadline) {
        Ok(stream) => stream.converse(request, reader),
        Err(finding) => finding,
    }
}

impl Stream {
    /// Of several addresses the first that accepts; if none does, why the last one did not.
    pub(super) fn connect(address: &Address, deadline: Instant) -> Result<Self, Finding> {
        match address {
            Address::Unix(path) => {
                // An abstract name, as ss(8) and systemd write it.
                let address = match path.as_os_str().as_bytes() {
                    [b'@', name @ ..] => UnixAddr::new_abstract(name),
                    _ => file::socket_address(path),
                };
                Self::to(&address.map_err(Finding::Unreachable)?, deadline)
            }
            Address::Tcp(addresses) => {
                let mut last = Err(Finding::NoAnswer);
                for address in addresses {
                    last = Self::to(&SockaddrStorage::from(address.socket), deadline);
                    if last.is_ok() {
                        break;
                    }
                }
                last
            }
        }
    }

    /// At a Unix socket in a directory that is held open.
    pub(super) fn at(socket: &Entry, deadline: Instant) -> Result<Self, Finding> {
        let mut stream = Err(Finding::NoAnswer);
        let visit = socket.with_address(&mut |address| stream = Self::to(address, deadline));
        visit.map_err(Finding::Unreachable)?;
        stream
    }

    fn to(address: &dyn SockaddrLike, deadline: Instant) -> Result<Self, Finding> {
        let family = address.family().unwrap_or(AddressFamily::Unspec);
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        let socket = socket(family, SockType::Stream, flags, None).map_err(Finding::Unreachable)?;
        let stream = Self { socket, deadline };
        loop {
            match connect(stream.socket.as_raw_fd(), address) {
                Ok(()) => return Ok(stream),
                Err(Errno::EINPROGRESS) => break,
                Err(Errno::EAGAIN) if Instant::now() < deadline => {
                    pause(QUEUE_FULL);
                }
                Err(Errno::EAGAIN) => return Err(Finding::NoAnswer),
                Err(errno) => return Err(Finding::Unreachable(errno)),
            }
        }
        stream.wait_for(PollFlags::POLLOUT)?;
        match getsockopt(&stream.socket, sockopt::SocketError) {
            Ok(0) => Ok(stream),
            Ok(errno) => Err(Finding::Unreachable(Errno::from_raw(errno))),
            Err(errno) => Err(Finding::Unreachable(errno)),
        }
    }

    /// Who has made the Unix socket that this one is connected to.
    pub(super) fn peer(&self) -> nix::Result<UnixCredentials> {
        getsockopt(&self.socket, sockopt::PeerCredentials)
    }

    pub(super) fn converse(&self, request: &[u8], reader: &mut dyn Reader) -> Finding {
        let found = self.talk(request, reader);
        found.unwrap_or_else(|finding| finding)
    }

    fn talk(&self, request: &[u8], reader: &mut dyn Reader) -> Result<Finding, Finding> {
        self.send(request)?;
        let mut bytes = [0; 4096];
        loop {
            let length = self.receive(&mut bytes)?;
            if length == 0 {
                return Ok(reader.end());
            }
            let news = bytes.get(..length).unwrap_or_default();
            if let Some(finding) = reader.take(news) {
                return Ok(finding);
            }
        }
    }

    fn send(&self, mut bytes: &[u8]) -> Result<(), Finding> {
        while !bytes.is_empty() {
            match send(self.socket.as_raw_fd(), bytes, MsgFlags::MSG_NOSIGNAL) {
                Ok(sent) => bytes = bytes.get(sent..).unwrap_or_default(),
                Err(Errno::EAGAIN) => self.wait_for(PollFlags::POLLOUT)?,
                // It may have answered all the same before it closed.
                Err(Errno::EPIPE) => return Ok(()),
                Err(errno) => return Err(Finding::BrokeOff(errno)),
            }
        }
        Ok(())
    }

    fn receive(&self, bytes: &mut [u8]) -> Result<usize, Finding> {
        loop {
            // Not only where there is nothing to read: who sends without end must not get by.
            self.wait_for(PollFlags::POLLIN)?;
            match recv(self.socket.as_raw_fd(), bytes, MsgFlags::empty()) {
                Err(Errno::EAGAIN) => {}
                Err(errno) => return Err(Finding::BrokeOff(errno)),
                Ok(length) => return Ok(length),
            }
        }
    }

    fn wait_for(&self, flags: PollFlags) -> Result<(), Finding> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Finding::NoAnswer);
        }
        let timeout = poll_timeout(left);
        match poll(&mut [PollFd::new(self.socket.as_fd(), flags)], timeout) {
            Ok(0) => Err(Finding::NoAnswer),
            Ok(_) => Ok(()),
            Err(errno) => Err(Finding::BrokeOff(errno)),
        }
    }
}
