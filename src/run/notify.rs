//! The notify socket, by which a server says how it is (`sd_notify(3)`), and who is believed there.

use std::ffi::{CStr, OsStr};
use std::fmt;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, SockType, UnixAddr, sendto, setsockopt, sockopt};
use nix::unistd::Pid;

use super::launch::Identity;
use super::launch::names_hinit;
use super::socket_file::{self, SocketFile};
use crate::cli::{Notify as Options, Run};
use crate::error::Error;
use crate::file;
use crate::output::Log;
use crate::pidfile::Claim;
use crate::sys::{self, Datagram};

#[cfg(any(fuzzing, test))]
pub(crate) use message::fuzz;

mod message;
mod place;
mod sender;

pub(super) use message::{MAX_BYTES, Word, words};
use place::Place;
pub(super) use sender::Sender;

const NOTIFY_SOCKET: &CStr = c"NOTIFY_SOCKET";
const READY: &str = "READY=1";
const WATCHDOG_USEC: &CStr = c"WATCHDOG_USEC";
const WATCHDOG_PID: &CStr = c"WATCHDOG_PID";

pub(super) struct Notify {
    socket: OwnedFd,
    file: Option<SocketFile>,
    /// How many messages can wait, once that was looked up.
    capacity: Option<usize>,
    /// Where hinit itself was given a notify socket.
    upstream: Option<UnixAddr>,
    /// Whether the server's word that it is ready is passed on there.
    may_be_ready: bool,
    log: Log,
    told: Told,
}

/// What was warned of already: who sends such things sends many.
#[derive(Default)]
struct Told {
    junk: bool,
    stranger: bool,
    upstream: bool,
}

/// A datagram that was read.
pub(super) struct Heard<'b> {
    pub(super) message: &'b [u8],
    /// None, if the message is to be ignored.
    pub(super) sender: Option<Sender>,
}

impl Notify {
    /// Opens the socket and names it to the server, by the environment.
    pub(super) fn open(
        options: &Run,
        notify: &Options,
        claim: Option<&Claim>,
        identity: Option<&Identity>,
        log: Log,
    ) -> Result<Self, Error> {
        let fail = |errno: Errno| {
            Error::cannot("open the socket", &"NOTIFY_SOCKET", &sys::describe(errno))
        };
        let upstream = upstream();
        let Place { socket, file, name } = place::open(claim, identity).map_err(fail)?;
        // A message that came before this has no credentials, and is ignored.
        setsockopt(&socket, sockopt::PassCred, &true).map_err(fail)?;
        sys::set_environment(NOTIFY_SOCKET, &name);
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        if let Some(watchdog) = notify.watchdog.map(micros)
            && let Ok(time) = file::c_string(watchdog.to_string().as_bytes())
        {
            sys::set_environment(WATCHDOG_USEC, &time);
            // Absent, it is meant for whoever looks: also for a server behind a shell.
            sys::unset_environment(WATCHDOG_PID);
        }
        Ok(Self {
            socket,
            file,
            capacity: None,
            upstream,
            may_be_ready: options.ready_when.is_none(),
            log,
            told: Told::default(),
        })
    }

    /// Names its descriptors.
    pub(super) fn keep(&self, keep: &mut dyn FnMut(BorrowedFd)) {
        keep(self.as_fd());
        if let Some(file) = &self.file {
            keep(file.as_fd());
        }
    }

    /// Reads the next datagram, if there is one.
    pub(super) fn hear<'b>(
        &mut self,
        server: Pid,
        bytes: &'b mut [u8; MAX_BYTES],
    ) -> Option<Heard<'b>> {
        let Datagram {
            length,
            sender: pid,
            user,
        } = sys::receive(self.socket.as_fd(), bytes).ok()?;
        let mut sender = pid.and_then(|pid| sender::judge(server, pid, user));
        let message = bytes.get(..length).unwrap_or_default();
        if sender.is_none() {
            // A sender that was answered has mostly exited by now, and was believed before that.
            if message != b"BARRIER=1" {
                self.refuse_stranger(pid);
            }
        } else if message.is_empty() {
            self.refuse_junk(format_args!("its size is {length} bytes"));
            sender = None;
        } else {
            self.pass_on(message);
        }
        Some(Heard { message, sender })
    }

    /// How many messages can wait at the same time (unix(7), proc(5)).
    pub(super) fn capacity(&mut self) -> usize {
        /// As many as systemd sets, for a /proc that does not tell.
        const USUAL: usize = 512;
        let read = || {
            let limit = file::read_text("/proc/sys/net/unix/max_dgram_qlen");
            let limit = limit.ok().and_then(|text| text.trim_ascii().parse().ok());
            limit.unwrap_or(USUAL).saturating_add(1)
        };
        *self.capacity.get_or_insert_with(read)
    }

    fn refuse_stranger(&mut self, sender: Option<Pid>) {
        if !std::mem::replace(&mut self.told.stranger, true) {
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

    /// Warns of what is no message, once.
    pub(super) fn refuse_junk(&mut self, why: fmt::Arguments) {
        if !std::mem::replace(&mut self.told.junk, true) {
            let log = self.log;
            log.warn(format_args!("cannot read a notify message: {why}"));
        }
    }

    /// Tells the service manager of hinit itself, if there is one, what the datagram says.
    fn pass_on(&mut self, datagram: &[u8]) {
        if self.upstream.is_some() {
            let message = message::for_others(datagram, self.may_be_ready);
            self.send_on(&message);
        }
    }

    /// hinit itself has found the server to be ready: so its own word counts from now on, which it may have
    /// said already.
    pub(super) fn allow_ready(&mut self, has_said_so: bool) {
        self.may_be_ready = true;
        if has_said_so {
            self.send_on(READY);
        }
    }

    fn send_on(&mut self, message: &str) {
        if let Some(upstream) = &self.upstream {
            let warned = &mut self.told.upstream;
            send(&self.socket, upstream, message, self.log, warned);
        }
    }
}

impl AsFd for Notify {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Sees to it that nobody takes hinit's own watchdog for the server's: whoever gave hinit one named
/// hinit by its PID, and without that it is the server's to serve.
pub(super) fn hand_on_watchdog() {
    if names_hinit(WATCHDOG_PID) {
        sys::unset_environment(WATCHDOG_PID);
    }
}

/// Tells the service manager of hinit itself, if there is one, that a server is ready that does not say so
/// itself.
pub(super) fn tell_ready(log: Log) {
    if let Some(upstream) = upstream()
        && let Ok(socket) = socket_file::open(SockType::Datagram)
    {
        send(&socket, &upstream, READY, log, &mut false);
    }
}

/// Sends the service manager of hinit itself a message. What fails is one warning.
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

/// Where hinit itself was given a notify socket.
fn upstream() -> Option<UnixAddr> {
    address(sys::environment(NOTIFY_SOCKET)?)
}

/// `/run/notify`, or `@name` for an abstract one.
fn address(text: &OsStr) -> Option<UnixAddr> {
    match text.as_bytes() {
        [b'@', name @ ..] => UnixAddr::new_abstract(name).ok(),
        [b'/', ..] => file::socket_address(text.as_ref()).ok(),
        _ => None,
    }
}
