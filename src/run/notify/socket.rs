//! The notify socket: at a path, because some clients take the value of `NOTIFY_SOCKET` for one, and at an abstract
//! address only where no directory is writable.

use std::ffi::CString;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use nix::sys::socket::{SockType, UnixAddr, bind, connect, getsockname};
use nix::sys::stat::Mode;
use nix::time::{ClockId, clock_gettime};
use nix::unistd::getpid;

use crate::file::{self, Entry};
use crate::pidfile::{self, Claim, NOTIFY_SOCKET};
use crate::run::launch::Identity;
use crate::run::socket_file::{self, SocketFile};
use crate::sys;

pub(super) struct NotifySocket {
    pub(super) socket: OwnedFd,
    /// None for an abstract address.
    pub(super) file: Option<SocketFile>,
    /// the value of `NOTIFY_SOCKET`.
    pub(super) address: CString,
}

/// In the first directory that is writable and that the server's user can reach: beside the PID file, else in
/// the default directories of PID files.
pub(super) fn open(
    claim: Option<&Claim>,
    identity: Option<&Identity>,
) -> nix::Result<NotifySocket> {
    if let Some(claim) = claim
        && let path = pidfile::beside(claim.path(), NOTIFY_SOCKET)
        && let Some(socket) = open_at(&path, claim.beside(NOTIFY_SOCKET), identity)
    {
        return Ok(socket);
    }
    for directory in pidfile::DIRECTORIES {
        let path = Path::new(directory).join(unique_name());
        let entry = Entry::of(&path);
        if let Some(socket) = open_at(&path, entry, identity) {
            return Ok(socket);
        }
    }
    open_abstract()
}

/// A name that no other hinit uses, even one of another container that shares the directory.
fn unique_name() -> String {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(Duration::ZERO, Duration::from);
    let (seconds, nanoseconds) = (now.as_secs(), now.subsec_nanos());
    format!("hinit-{}-{seconds}-{nanoseconds}{NOTIFY_SOCKET}", getpid())
}

fn open_at(
    path: &Path,
    entry: nix::Result<Entry>,
    identity: Option<&Identity>,
) -> Option<NotifySocket> {
    // Any user may send: the credentials decide which messages count.
    let mode = Mode::from_bits_truncate(0o666);
    // The server sends to the whole path, which must fit into its address; hinit binds the name alone.
    let address = file::socket_address(path).ok()?;
    let (socket, file) = SocketFile::bind(entry.ok()?, SockType::Datagram, mode).ok()?;
    let path = file::c_string(path.as_os_str().as_bytes()).ok()?;
    let is_reachable = identity.is_none_or(|identity| can_reach(&address, identity));
    is_reachable.then_some(NotifySocket {
        socket,
        file: Some(file),
        address: path,
    })
}

/// Whether this user can send to that address. A child becomes this user and tries, because a check of the
/// permissions along the path would miss access control lists and security modules.
fn can_reach(address: &UnixAddr, identity: &Identity) -> bool {
    let mut connects = || {
        identity.assume().is_ok()
            && socket_file::open(SockType::Datagram)
                .and_then(|socket| connect(socket.as_raw_fd(), address))
                .is_ok()
    };
    sys::succeeds_in_child(&mut connects) == Ok(true)
}

/// At an abstract address that the kernel picks (unix(7), "Autobind").
fn open_abstract() -> nix::Result<NotifySocket> {
    let socket = socket_file::open(SockType::Datagram)?;
    bind(socket.as_raw_fd(), &UnixAddr::new_unnamed())?;
    let bound: UnixAddr = getsockname(socket.as_raw_fd())?;
    Ok(NotifySocket {
        socket,
        file: None,
        address: file::joined(&[b"@", bound.as_abstract().unwrap_or_default()])?,
    })
}
