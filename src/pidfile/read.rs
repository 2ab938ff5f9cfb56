//! The reader's side: the PID in the file, or what is wrong with the file.

use std::fs::File;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::{FileStat, Mode, fstat};
use nix::unistd::Pid;

use super::writer_lock::{WriterLock, held};
use super::{Contents, MAX_BYTES, Marks, SOCKET};
use crate::file::{Entry, Identity, is_ambiguous, is_trusted, kind};

/// Why a PID file proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Missing,
    Unreadable(Errno),
    /// Not a regular file but this.
    NotRegular(&'static str),
    /// The UID of its owner, which is not one of those that the reader trusts.
    Untrusted(u32),
    WritableByOthers,
    /// Empty, and a hinit holds it: its server has not started yet, or has ended.
    NoServer,
    /// Empty, and nobody holds it.
    Empty,
    TooLarge,
    NotAPid,
    OutOfRange,
    /// A PID, but no hinit that vouches for it.
    Stale,
    /// Under the name is now another file, or other bytes.
    Replaced,
}

impl Fault {
    /// Whether a second look may find a valid file: another program may be about to write it.
    pub(crate) fn may_pass(self) -> bool {
        use Fault::{Empty, NotAPid, OutOfRange, Replaced, TooLarge};
        matches!(self, Empty | TooLarge | NotAPid | OutOfRange | Replaced)
    }
}

/// Which PID files are believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// hinit's, of root or of the reader's own user.
    Trusted,
    /// hinit's, of this user alone.
    User(u32),
    /// Another program's: of any owner, without a lock.
    Foreign,
}

/// A PID file that names a PID and may be believed.
pub(crate) struct PidFile {
    pub(crate) pid: Pid,
    /// hinit has marked the file: it was asked to stop the server.
    pub(crate) is_stopping: bool,
    /// hinit answers at the socket beside the file.
    pub(crate) has_socket: bool,
    pub(crate) path: PathBuf,
    entry: Entry,
    file: File,
    identity: Identity,
    bytes: [u8; MAX_BYTES + 1],
}

impl PidFile {
    pub(crate) fn read(path: &Path, whose: Whose) -> Result<Self, Fault> {
        // Looked at before it is opened: to open a device can have effects.
        let found = Entry::of(path).and_then(|entry| Ok((entry.stat()?, entry)));
        let (named, entry) = found.map_err(|errno| match errno {
            Errno::ENOENT => Fault::Missing,
            // What no file can be called.
            Errno::EISDIR => Fault::NotRegular("directory"),
            errno => Fault::Unreadable(errno),
        })?;
        kind(&named).map_or(Ok(()), |kind| Err(Fault::NotRegular(kind)))?;
        let file = match entry.open(OFlag::O_RDONLY | OFlag::O_NOCTTY) {
            Ok(file) => file,
            // Gone, or no longer what it was a moment ago.
            Err(Errno::ENOENT | Errno::ELOOP | Errno::ENXIO) => return Err(Fault::Replaced),
            Err(errno) => return Err(Fault::Unreadable(errno)),
        };
        let opened = fstat(&file).map_err(Fault::Unreadable)?;
        let identity = Identity::of(&opened);
        if identity != Identity::of(&named) {
            return Err(Fault::Replaced);
        }
        let is_foreign = whose == Whose::Foreign;
        if !is_foreign {
            trust(&opened, whose)?;
        }
        // The lock before the bytes: what was read before the lock was seen held proves nothing.
        let (held, marks) = match held(&file).map_err(Fault::Unreadable)? {
            WriterLock::No => (false, Marks::NONE),
            WriterLock::With(marks) => (true, marks),
            WriterLock::ByMode => (
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
            path: path.to_owned(),
            entry,
            file,
            identity,
            bytes,
        })
    }

    /// The name of hinit's socket beside it.
    pub(crate) fn socket(&self) -> nix::Result<Entry> {
        self.entry.beside(SOCKET)
    }

    /// Whether a hinit still vouches for it.
    pub(crate) fn is_held(&self) -> bool {
        held(&self.file).is_ok_and(|held| held != WriterLock::No)
    }

    /// Whether the name still leads to this file and the file still has these bytes.
    ///
    /// What was found out about the process between `read` and this call is then true of the
    /// server: hinit clears the file before the PID can be reused.
    pub(crate) fn is_unchanged(&self) -> bool {
        Contents::read(&self.file).is_ok_and(|(_, bytes)| bytes == self.bytes)
            && self.entry.is(self.identity)
    }
}

/// Only users that the reader trusts may have had a hand in the file.
fn trust(stat: &FileStat, whose: Whose) -> Result<(), Fault> {
    let owner = stat.st_uid;
    let is_trusted = match whose {
        Whose::User(user) => owner == user && !is_ambiguous(user),
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
