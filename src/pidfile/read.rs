//! The reader's side: the PID in the file, or why the file proves nothing.

use std::fs::File;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::socket::UnixAddr;
use nix::sys::stat::Mode;
use nix::unistd::Pid;

use super::writer_lock::{self, WriterLock};
use super::{Contents, MAX_BYTES, Marks, SOCKET};
use crate::file::{Entry, FileId, Kind, is_ambiguous, is_trusted};
use crate::sys::{self, FileStat};

/// Why a PID file proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Missing,
    Unreadable(Errno),
    NotRegular(Kind),
    /// It belongs to this UID, which the reader does not trust.
    Untrusted(u32),
    WritableByOthers,
    /// It is empty and locked by a hinit, whose server has not started yet, or has ended.
    NoServer,
    /// It is empty, and no hinit has locked it.
    Empty,
    TooLarge,
    NotAPid,
    OutOfRange,
    /// It contains a PID, but no hinit holds the writer lock.
    Stale,
    /// The name leads to another file now, or the file contains other bytes.
    Replaced,
}

impl Fault {
    /// Whether a second read may find a valid file: another program may be about to write it.
    pub(crate) fn may_pass(self) -> bool {
        use Fault::{Empty, NotAPid, OutOfRange, Replaced, TooLarge};
        matches!(self, Empty | TooLarge | NotAPid | OutOfRange | Replaced)
    }
}

/// Which PID files the reader trusts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TrustPolicy {
    /// hinit's, if root or the reader's own user owns them.
    Trusted,
    /// hinit's, if this user owns them.
    User(u32),
    /// Another program's: of any owner, and without a lock.
    Foreign,
}

/// A PID file that contains a PID, and that the reader trusts.
pub(crate) struct PidFile {
    pub(crate) pid: Pid,
    /// hinit has marked the file: it is about to stop the server.
    pub(crate) is_stopping: bool,
    /// hinit answers at the socket beside the file.
    pub(crate) has_socket: bool,
    /// Another program's, which has no writer lock.
    is_foreign: bool,
    /// Its path for messages.
    pub(crate) shown: PathBuf,
    entry: Entry,
    file: File,
    identity: FileId,
    bytes: [u8; MAX_BYTES + 1],
}

impl PidFile {
    pub(crate) fn read(path: &Path, shown: &Path, policy: TrustPolicy) -> Result<Self, Fault> {
        // Its type is checked first, because opening a device can have effects.
        let found = Entry::of(path).and_then(|entry| Ok((entry.stat()?, entry)));
        let (named, entry) = found.map_err(|errno| match errno {
            Errno::ENOENT => Fault::Missing,
            // The path ends with a name that no file can have.
            Errno::EISDIR => Fault::NotRegular(Kind::Directory),
            errno => Fault::Unreadable(errno),
        })?;
        match Kind::of(&named) {
            Kind::Regular => {}
            kind => return Err(Fault::NotRegular(kind)),
        }
        let file = match entry.open(OFlag::O_RDONLY | OFlag::O_NOCTTY) {
            Ok(file) => file,
            // It was removed or replaced meanwhile.
            Err(Errno::ENOENT | Errno::ELOOP | Errno::ENXIO) => return Err(Fault::Replaced),
            Err(errno) => return Err(Fault::Unreadable(errno)),
        };
        let opened = sys::fstat(file.as_fd()).map_err(Fault::Unreadable)?;
        let identity = FileId::of(&opened);
        if identity != FileId::of(&named) {
            return Err(Fault::Replaced);
        }
        let is_foreign = policy == TrustPolicy::Foreign;
        if !is_foreign {
            check_owner(&opened, policy)?;
        }
        // The lock is read before the bytes: bytes that were read before prove nothing.
        let (held, marks) = match writer_lock::query(&file).map_err(Fault::Unreadable)? {
            WriterLock::Free => (false, Marks::NONE),
            WriterLock::Held(marks) => (true, marks),
            WriterLock::HeldMarksInMode => (
                true,
                Marks::of_mode(Mode::from_bits_truncate(opened.st_mode)),
            ),
        };
        let (contents, bytes) = Contents::read(&file).map_err(Fault::Unreadable)?;
        let pid = match contents {
            Contents::Pid(_) if !held && !is_foreign => return Err(Fault::Stale),
            Contents::Pid(pid) => pid,
            Contents::Empty if held => return Err(Fault::NoServer),
            Contents::Empty => return Err(Fault::Empty),
            Contents::TooLarge => return Err(Fault::TooLarge),
            Contents::NotAPid => return Err(Fault::NotAPid),
            Contents::OutOfRange => return Err(Fault::OutOfRange),
        };
        Ok(Self {
            pid,
            is_stopping: marks.is_stopping,
            has_socket: marks.has_socket,
            is_foreign,
            shown: shown.to_owned(),
            entry,
            file,
            identity,
            bytes,
        })
    }

    /// Calls `act` with the address of hinit's socket beside the file.
    pub(crate) fn with_socket_address(&self, act: &mut dyn FnMut(&UnixAddr)) -> nix::Result<()> {
        self.entry.with_address_beside(SOCKET, act)
    }

    /// Whether a hinit still holds the writer lock.
    pub(crate) fn is_held(&self) -> bool {
        writer_lock::query(&self.file).is_ok_and(|lock| lock != WriterLock::Free)
    }

    /// Checks that a hinit still holds the writer lock, that the file still has these bytes, and that the name still
    /// leads to it.
    ///
    /// If so, what was read about the process between `read` and this call is true of the server, because hinit clears
    /// the file before the PID can be reused. The lock before the bytes: another hinit that has claimed the file since
    /// has emptied it first.
    pub(crate) fn check_again(&self) -> Result<(), Fault> {
        if !self.is_foreign
            && writer_lock::query(&self.file).map_err(Fault::Unreadable)? == WriterLock::Free
        {
            return Err(Fault::Stale);
        }
        let is_same = Contents::read(&self.file).is_ok_and(|(_, bytes)| bytes == self.bytes)
            && self.entry.is(self.identity);
        if is_same {
            Ok(())
        } else {
            Err(Fault::Replaced)
        }
    }
}

/// Checks that only users that the reader trusts can have written the file.
fn check_owner(stat: &FileStat, policy: TrustPolicy) -> Result<(), Fault> {
    let owner = stat.st_uid;
    let is_trusted = match policy {
        TrustPolicy::User(user) => owner == user && !is_ambiguous(user),
        _ => is_trusted(owner),
    };
    if !is_trusted {
        Err(Fault::Untrusted(owner))
    } else if stat.st_mode & 0o022 != 0 {
        Err(Fault::WritableByOthers)
    } else {
        Ok(())
    }
}
