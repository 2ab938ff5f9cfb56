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

use super::{Deadline, Finding, Progress, Reader};
use crate::cli::Address;
use crate::file::{self, Entry};
use crate::time::{pause, poll_timeout};

/// How long to wait before a Unix socket is tried again whose queue of connections is full: the
/// kernel offers no way to be told.
const QUEUE_FULL: Duration = Duration::from_millis(5);

/// How long and how much to read on once the finding is known, so that the server can send all of its
/// answer: one that sends it in steps would log a broken pipe. At most this part of the time that is left.
const REST_TIMEOUT: Duration = Duration::from_millis(100);
const REST_PART: u32 = 8;
const REST_SIZE: usize = 1024 * 1024;

pub(super) struct Stream {
    socket: OwnedFd,
    deadline: Deadline,
    /// What is found at the deadline.
    late: fn(Duration) -> Finding,
}

/// Sends the request, and gives what is read to the reader.
pub(super) fn converse(
    address: &Address,
    request: &[u8],
    deadline: Deadline,
    reader: &mut dyn Reader,
) -> Finding {
    match Stream::connect(address, deadline) {
        Ok(mut stream) => stream.converse(request, reader),
        Err(finding) => finding,
    }
}

impl Stream {
    /// Of several addresses the first that accepts; if none does, why the last one did not.
    pub(super) fn connect(address: &Address, deadline: Deadline) -> Result<Self, Finding> {
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
                let mut last = Err(Finding::Unreachable(Errno::EDESTADDRREQ));
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
    pub(super) fn at(socket: &Entry, deadline: Deadline) -> Result<Self, Finding> {
        let mut stream = Err(Finding::Unreachable(Errno::EDESTADDRREQ));
        let visit = socket.with_address(&mut |address| stream = Self::to(address, deadline));
        visit.map_err(Finding::Unreachable)?;
        stream
    }

    fn to(address: &dyn SockaddrLike, deadline: Deadline) -> Result<Self, Finding> {
        let family = address.family().unwrap_or(AddressFamily::Unspec);
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        let socket = socket(family, SockType::Stream, flags, None).map_err(Finding::Unreachable)?;
        let stream = Self {
            socket,
            deadline,
            late: Finding::NoConnection,
        };
        loop {
            match connect(stream.socket.as_raw_fd(), address) {
                Ok(()) => return Ok(stream),
                Err(Errno::EINPROGRESS) => break,
                Err(Errno::EAGAIN) if Instant::now() < deadline.at => {
                    pause(QUEUE_FULL);
                }
                Err(Errno::EAGAIN) => return Err(stream.late()),
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

    pub(super) fn converse(&mut self, request: &[u8], reader: &mut dyn Reader) -> Finding {
        match self.talk(request, reader) {
            Ok(()) => reader.end(),
            Err(finding) => finding,
        }
    }

    fn talk(&mut self, request: &[u8], reader: &mut dyn Reader) -> Result<(), Finding> {
        self.late = Finding::NoAnswer;
        self.send(request)?;
        let mut bytes = [0; 4096];
        let mut rest: Option<usize> = None;
        loop {
            let length = match self.receive(&mut bytes) {
                Ok(0) => return Ok(()),
                // What is found already does not depend on the rest.
                Err(_) if rest.is_some() => return Ok(()),
                length => length?,
            };
            match reader.take(bytes.get(..length).unwrap_or_default()) {
                Progress::Undecided => {}
                Progress::Decided => {
                    if rest.is_none() {
                        self.shorten_deadline();
                    }
                    rest = rest.unwrap_or(REST_SIZE).checked_sub(length);
                    if rest.is_none() {
                        return Ok(());
                    }
                }
                Progress::Complete => return Ok(()),
            }
        }
    }

    fn shorten_deadline(&mut self) {
        let now = Instant::now();
        let left = self.deadline.at.saturating_duration_since(now);
        self.deadline.at = now + REST_TIMEOUT.min(left / REST_PART);
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

    fn late(&self) -> Finding {
        (self.late)(self.deadline.timeout)
    }

    fn wait_for(&self, flags: PollFlags) -> Result<(), Finding> {
        let left = self.deadline.at.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(self.late());
        }
        let timeout = poll_timeout(left);
        match poll(&mut [PollFd::new(self.socket.as_fd(), flags)], timeout) {
            Ok(0) => Err(self.late()),
            Ok(_) => Ok(()),
            Err(errno) => Err(Finding::BrokeOff(errno)),
        }
    }
}
