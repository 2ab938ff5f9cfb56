//! Where the notify socket is: at a path, for clients that take the value for one, and at an abstract name
//! only where there is no place to write to.

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

pub(super) struct Place {
    pub(super) socket: OwnedFd,
    /// None for an abstract name.
    pub(super) file: Option<SocketFile>,
    /// The address as `sd_notify(3)` has it.
    pub(super) name: CString,
}

/// In the first place that is writable and that the server's user can reach: beside the PID file, else in
/// the default directories.
pub(super) fn open(claim: Option<&Claim>, identity: Option<&Identity>) -> nix::Result<Place> {
    if let Some(claim) = claim
        && let path = pidfile::beside(claim.path(), NOTIFY_SOCKET)
        && let Some(place) = open_at(&path, claim.beside(NOTIFY_SOCKET), identity)
    {
        return Ok(place);
    }
    for directory in pidfile::DIRECTORIES {
        let path = Path::new(directory).join(unique_name());
        let entry = Entry::of(&path);
        if let Some(place) = open_at(&path, entry, identity) {
            return Ok(place);
        }
    }
    open_abstract()
}

/// A name that no other hinit has, also not one of another container with the same directory.
fn unique_name() -> String {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(Duration::ZERO, Duration::from);
    let (seconds, nanoseconds) = (now.as_secs(), now.subsec_nanos());
    format!("hinit-{}-{seconds}-{nanoseconds}{NOTIFY_SOCKET}", getpid())
}

fn open_at(path: &Path, entry: nix::Result<Entry>, identity: Option<&Identity>) -> Option<Place> {
    // Everybody may send; who is believed, the credentials decide.
    let mode = Mode::from_bits_truncate(0o666);
    // The server gets the path, for which an address has less room than hinit needs.
    let address = file::socket_address(path).ok()?;
    let (socket, file) = SocketFile::bind(entry.ok()?, SockType::Datagram, mode).ok()?;
    let name = file::c_string(path.as_os_str().as_bytes()).ok()?;
    let is_reachable = identity.is_none_or(|identity| can_reach(&address, identity));
    is_reachable.then_some(Place {
        socket,
        file: Some(file),
        name,
    })
}

/// Whether this user can send to that address. Tried by a child that becomes this user: a look at the
/// permissions along the path would miss access control lists and security modules.
fn can_reach(address: &UnixAddr, identity: &Identity) -> bool {
    let mut reach = || {
        identity.assume().is_ok()
            && socket_file::open(SockType::Datagram)
                .and_then(|socket| connect(socket.as_raw_fd(), address))
                .is_ok()
    };
    sys::succeeds_in_child(&mut reach) == Ok(true)
}

/// At an abstract address that the kernel picks (unix(7), "Autobind").
fn open_abstract() -> nix::Result<Place> {
    let socket = socket_file::open(SockType::Datagram)?;
    bind(socket.as_raw_fd(), &UnixAddr::new_unnamed())?;
    let address: UnixAddr = getsockname(socket.as_raw_fd())?;
    Ok(Place {
        socket,
        file: None,
        name: file::joined(&[b"@", address.as_abstract().unwrap_or_default()])?,
    })
}
