//! The notify socket, at which hinit receives a server's messages (`sd_notify(3)`), and forwards them to the service
//! manager that runs hinit, if there is one.

use std::ffi::{CStr, OsStr};
use std::fmt;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use nix::sys::socket::{MsgFlags, SockType, UnixAddr, sendto, setsockopt, sockopt};
use nix::unistd::Pid;

use super::launch::Identity;
use super::launch::names_hinit;
use super::socket_file::{self, SocketFile};
use crate::cli::{Notify as Options, Run};
use crate::file;
use crate::output::Log;
use crate::pidfile::Claim;
use crate::sys::{self, Datagram};

#[cfg(any(fuzzing, test))]
pub(crate) use message::fuzz;

mod message;
mod sender;
mod socket;

pub(super) use message::{MAX_BYTES, NotifyEvent, parse};
pub(super) use sender::Sender;
use socket::NotifySocket;

const NOTIFY_SOCKET: &CStr = c"NOTIFY_SOCKET";
const READY: &str = "READY=1";
const WATCHDOG_USEC: &CStr = c"WATCHDOG_USEC";
const WATCHDOG_PID: &CStr = c"WATCHDOG_PID";

pub(super) struct Notify {
    socket: OwnedFd,
    file: Option<SocketFile>,
    /// How many messages can wait, once that was read.
    capacity: Option<usize>,
    /// The notify socket that hinit itself was given.
    upstream: Option<UnixAddr>,
    /// Whether READY=1 is forwarded there.
    may_be_ready: bool,
    log: Log,
    warned: Warned,
}

/// What was warned of already, because one such message is mostly followed by many.
#[derive(Default)]
struct Warned {
    malformed: bool,
    sender: bool,
    upstream: bool,
}

pub(super) struct ReceivedMessage<'b> {
    pub(super) message: &'b [u8],
    /// None: the message is to be ignored.
    pub(super) sender: Option<Sender>,
}

impl Notify {
    /// Opens the socket and puts its address into the server's environment.
    pub(super) fn open(
        options: &Run,
        notify: &Options,
        claim: Option<&Claim>,
        identity: Option<&Identity>,
    ) -> nix::Result<Self> {
        let upstream = upstream();
        let NotifySocket {
            socket,
            file,
            address,
        } = socket::open(claim, identity)?;
        // A message that came before this has no credentials, and is ignored.
        setsockopt(&socket, sockopt::PassCred, &true)?;
        sys::set_environment(NOTIFY_SOCKET, &address);
        if let Some(watchdog) = notify.watchdog {
            let time = message::microseconds(watchdog).to_string();
            sys::set_environment(WATCHDOG_USEC, &file::c_string(time.as_bytes())?);
            // Without it any process may ping (sd_watchdog_enabled(3)), and so a server behind a shell.
            sys::unset_environment(WATCHDOG_PID);
        }
        Ok(Self {
            socket,
            file,
            capacity: None,
            upstream,
            may_be_ready: options.ready_when.is_none(),
            log: Log(options.verbosity),
            warned: Warned::default(),
        })
    }

    /// Passes each descriptor that must stay open.
    pub(super) fn keep(&self, keep: &mut dyn FnMut(BorrowedFd)) {
        keep(self.as_fd());
        if let Some(file) = &self.file {
            keep(file.as_fd());
        }
    }

    /// Reads and forwards the next message, if there is one.
    pub(super) fn receive<'b>(
        &mut self,
        server: Pid,
        bytes: &'b mut [u8; MAX_BYTES],
    ) -> Option<ReceivedMessage<'b>> {
        let Datagram {
            length,
            sender: pid,
            user,
        } = sys::receive(self.socket.as_fd(), bytes).ok()?;
        let mut sender = pid.and_then(|pid| Sender::accept(server, pid, user));
        let message = bytes.get(..length).unwrap_or_default();
        if sender.is_none() {
            // Its sender has mostly exited by now, and its earlier messages were accepted before that.
            if message != b"BARRIER=1" {
                self.warn_of_sender(pid);
            }
        } else if message.is_empty() {
            self.warn_malformed(format_args!("its size is {length} bytes"));
            sender = None;
        } else {
            self.forward(message);
        }
        Some(ReceivedMessage { message, sender })
    }

    /// How many messages can wait at the same time (unix(7), proc(5)).
    pub(super) fn capacity(&mut self) -> usize {
        /// The value that systemd sets, for a /proc that does not show it.
        const DEFAULT: usize = 512;
        let read = || {
            let limit = file::read_text("/proc/sys/net/unix/max_dgram_qlen");
            let limit = limit.ok().and_then(|text| text.trim_ascii().parse().ok());
            limit.unwrap_or(DEFAULT).saturating_add(1)
        };
        *self.capacity.get_or_insert_with(read)
    }

    fn warn_of_sender(&mut self, sender: Option<Pid>) {
        if !std::mem::replace(&mut self.warned.sender, true) {
            let log = self.log;
            match sender {
                Some(pid) => log.warn(format_args!(
                    "ignored a notify message of process {pid}: the sender is not a descendant of the \
                     server, or has exited; it should wait until its message is read (systemd-notify, or \
                     BARRIER=1)"
                )),
                None => log.warn(format_args!(
                    "ignored a notify message from outside the container"
                )),
            }
        }
    }

    /// Warns once.
    pub(super) fn warn_malformed(&mut self, why: fmt::Arguments) {
        if !std::mem::replace(&mut self.warned.malformed, true) {
            let log = self.log;
            log.warn(format_args!("cannot read a notify message: {why}"));
        }
    }

    fn forward(&mut self, datagram: &[u8]) {
        if self.upstream.is_some() {
            let message = message::forwardable(datagram, self.may_be_ready);
            self.send_upstream(&message);
        }
    }

    /// The server has passed hinit's probes, so its READY=1 is forwarded from now on; at once, if it was sent
    /// already.
    pub(super) fn allow_ready(&mut self, was_sent: bool) {
        self.may_be_ready = true;
        if was_sent {
            self.send_upstream(READY);
        }
    }

    fn send_upstream(&mut self, message: &str) {
        if let Some(upstream) = &self.upstream {
            let warned = &mut self.warned.upstream;
            send(&self.socket, upstream, message, self.log, warned);
        }
    }
}

impl AsFd for Notify {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Lets the server ping the watchdog that hinit was given. `WATCHDOG_PID` names hinit then; without it the watchdog
/// is for any process (`sd_watchdog_enabled(3)`).
pub(super) fn delegate_watchdog() {
    if names_hinit(WATCHDOG_PID) {
        sys::unset_environment(WATCHDOG_PID);
    }
}

/// Sends READY=1 upstream for a server that has no notify socket.
pub(super) fn report_ready(log: Log) {
    if let Some(upstream) = upstream()
        && let Ok(socket) = socket_file::open(SockType::Datagram)
    {
        send(&socket, &upstream, READY, log, &mut false);
    }
}

/// Sends a message upstream. Warns of the first failure.
fn send(socket: &OwnedFd, upstream: &UnixAddr, message: &str, log: Log, warned: &mut bool) {
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
    if !message.is_empty()
        && let Err(errno) = sendto(socket.as_raw_fd(), message.as_bytes(), upstream, flags)
        && !std::mem::replace(warned, true)
    {
        let why = sys::describe(errno);
        log.warn(format_args!("cannot pass on a notify message: {why}"));
    }
}

/// The notify socket that hinit itself was given.
fn upstream() -> Option<UnixAddr> {
    address(sys::environment(NOTIFY_SOCKET.to_bytes())?)
}

/// `/run/notify`, or `@name` for an abstract address.
fn address(text: &OsStr) -> Option<UnixAddr> {
    match text.as_bytes() {
        [b'@', name @ ..] => UnixAddr::new_abstract(name).ok(),
        [b'/', ..] => file::socket_address(text.as_ref()).ok(),
        _ => None,
    }
}
