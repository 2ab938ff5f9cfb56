//! Files by their names in an open directory.

use std::ffi::{CString, OsStr};
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat, renameat};
use nix::sys::socket::{UnixAddr, bind, connect};
use nix::sys::stat::{Mode, mkdirat, umask};
use nix::unistd::{UnlinkatFlags, fchdir, unlinkat};

use super::{FileId, c_string, directory, directory_and_name, open, socket_address};
use crate::sys::{self, FileStat};

/// A name in a directory, which stays open: hinit may leave its working directory, and the directories above may be
/// renamed.
pub(crate) struct Entry {
    directory: OwnedFd,
    name: CString,
}

impl Entry {
    pub(crate) fn of(path: &Path) -> nix::Result<Self> {
        let (directory, name) = directory_and_name(path).ok_or(Errno::EISDIR)?;
        Ok(Self {
            directory: directory::open(directory)?,
            name: c_string(name.as_bytes())?,
        })
    }

    /// `lstat(2)`.
    pub(crate) fn stat(&self) -> nix::Result<FileStat> {
        sys::stat_at(
            self.directory.as_fd(),
            &self.name,
            AtFlags::AT_SYMLINK_NOFOLLOW,
        )
    }

    /// Whether the name leads to this file.
    pub(crate) fn is(&self, file: FileId) -> bool {
        self.stat().is_ok_and(|stat| FileId::of(&stat) == file)
    }

    /// Opens the file, and does not follow a symlink. The server does not inherit the descriptor. A file that this
    /// creates only its owner may read and write.
    pub(crate) fn open(&self, flags: OFlag) -> nix::Result<File> {
        let flags = flags | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let mode = Mode::S_IRUSR | Mode::S_IWUSR;
        openat(&self.directory, &*self.name, flags, mode).map(File::from)
    }

    /// Calls `act` with an address of the socket of this name with an ending. The address is right even if the path
    /// changes, and is short enough in any directory, because hinit enters the directory for the call.
    pub(crate) fn with_address_beside(
        &self,
        ending: &str,
        act: &mut dyn FnMut(&UnixAddr),
    ) -> nix::Result<()> {
        // hinit enters the directory only if it can return: it cannot if it may not search its working directory.
        let way_back = open(Path::new("."), OFlag::O_PATH | OFlag::O_DIRECTORY);
        let way_back = way_back.and_then(|here| fchdir(&here).map(|()| here)).ok();
        let mut path = match &way_back {
            Some(_) => Vec::new(),
            None => format!("/proc/self/fd/{}/", self.directory.as_raw_fd()).into_bytes(),
        };
        path.extend_from_slice(self.name.as_bytes());
        path.extend_from_slice(ending.as_bytes());
        let address = socket_address(Path::new(OsStr::from_bytes(&path)))?;
        let Some(way_back) = way_back else {
            act(&address);
            return Ok(());
        };
        fchdir(&self.directory)?;
        act(&address);
        fchdir(&way_back)
    }

    /// Binds a socket to this name, with exactly these permissions.
    pub(crate) fn bind(&self, socket: &OwnedFd, mode: Mode) -> nix::Result<()> {
        let mut bound = Ok(());
        // By the umask: a later chmod(2) could change a file that another user has put there.
        let mask = umask(!mode & Mode::all());
        let visited =
            self.with_address_beside("", &mut |address| bound = bind(socket.as_raw_fd(), address));
        umask(mask);
        bound.and(visited)
    }

    /// Connects a socket to the socket with this name.
    pub(crate) fn connect(&self, socket: &OwnedFd) -> nix::Result<()> {
        let mut connected = Ok(());
        self.with_address_beside("", &mut |address| {
            connected = connect(socket.as_raw_fd(), address);
        })?;
        connected
    }

    pub(super) fn make_directory(&self, mode: Mode) -> nix::Result<()> {
        mkdirat(&self.directory, &*self.name, mode)
    }

    pub(crate) fn unlink(&self) -> nix::Result<()> {
        unlinkat(&self.directory, &*self.name, UnlinkatFlags::NoRemoveDir)
    }

    /// This name with an ending, in the same directory.
    pub(crate) fn beside(&self, ending: &str) -> nix::Result<Self> {
        self.named(&[self.name.as_bytes(), ending.as_bytes()].concat())
    }

    /// Another name in the same directory.
    pub(crate) fn sibling(&self, name: &str) -> nix::Result<Self> {
        self.named(name.as_bytes())
    }

    fn named(&self, name: &[u8]) -> nix::Result<Self> {
        Ok(Self {
            directory: self.directory.try_clone().map_err(super::errno)?,
            name: c_string(name)?,
        })
    }

    /// Renames the file, and replaces the one that has the new name.
    pub(crate) fn rename(&self, to: &Self) -> nix::Result<()> {
        renameat(&self.directory, &*self.name, &to.directory, &*to.name)
    }
}

impl AsFd for Entry {
    /// The directory.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.directory.as_fd()
    }
}
