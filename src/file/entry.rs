//! Files by their names in a directory that is held open.

use std::ffi::{CString, OsStr};
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat, renameat};
use nix::sys::socket::{UnixAddr, bind, connect};
use nix::sys::stat::{FileStat, Mode, fstatat, mkdirat, umask};
use nix::unistd::{UnlinkatFlags, fchdir, unlinkat};

use super::{Identity, c_string, directory, directory_and_name, open, socket_address};

/// A name in a directory that is held open: hinit may leave its working directory, and the directories
/// above may get other names.
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
        fstatat(&self.directory, &*self.name, AtFlags::AT_SYMLINK_NOFOLLOW)
    }

    /// Whether the name leads to that file.
    pub(crate) fn is(&self, file: Identity) -> bool {
        self.stat().is_ok_and(|stat| Identity::of(&stat) == file)
    }

    /// Opens the file itself, not what it leads to, and not for the server. One that is made is its
    /// owner's alone.
    pub(crate) fn open(&self, flags: OFlag) -> nix::Result<File> {
        let flags = flags | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let mode = Mode::S_IRUSR | Mode::S_IWUSR;
        openat(&self.directory, &*self.name, flags, mode).map(File::from)
    }

    /// Calls with an address of the socket that this entry is, or is to be. It leads there whatever becomes
    /// of the path, and has room for any directory: hinit goes there and back.
    pub(crate) fn with_address(&self, act: &mut dyn FnMut(&UnixAddr)) -> nix::Result<()> {
        // Not without a way back. A working directory that may not be searched has none.
        let way_back = open(Path::new("."), OFlag::O_PATH | OFlag::O_DIRECTORY);
        let way_back = way_back.and_then(|here| fchdir(&here).map(|()| here)).ok();
        let mut path = match &way_back {
            Some(_) => Vec::new(),
            None => format!("/proc/self/fd/{}/", self.directory.as_raw_fd()).into_bytes(),
        };
        path.extend_from_slice(self.name.as_bytes());
        let address = socket_address(Path::new(OsStr::from_bytes(&path)))?;
        let Some(way_back) = way_back else {
            act(&address);
            return Ok(());
        };
        fchdir(&self.directory)?;
        act(&address);
        fchdir(&way_back)
    }

    /// Binds a socket to this name, with exactly this mode.
    pub(crate) fn bind(&self, socket: &OwnedFd, mode: Mode) -> nix::Result<()> {
        let mut bound = Ok(());
        // By the mask: to set it later could give a permission to what somebody else has put there.
        let mask = umask(!mode & Mode::all());
        let visited = self.with_address(&mut |address| bound = bind(socket.as_raw_fd(), address));
        umask(mask);
        bound.and(visited)
    }

    /// Connects a socket to the one of this name.
    pub(crate) fn connect(&self, socket: &OwnedFd) -> nix::Result<()> {
        let mut connected = Ok(());
        self.with_address(&mut |address| connected = connect(socket.as_raw_fd(), address))?;
        connected
    }

    pub(super) fn make_directory(&self, mode: Mode) -> nix::Result<()> {
        mkdirat(&self.directory, &*self.name, mode)
    }

    pub(crate) fn unlink(&self) -> nix::Result<()> {
        unlinkat(&self.directory, &*self.name, UnlinkatFlags::NoRemoveDir)
    }

    /// The name with this behind it, in the same directory.
    pub(crate) fn beside(&self, ending: &str) -> nix::Result<Self> {
        self.named(&[self.name.as_bytes(), ending.as_bytes()].concat())
    }

    /// Another name in the same directory.
    pub(crate) fn sibling(&self, name: &str) -> nix::Result<Self> {
        self.named(name.as_bytes())
    }

    fn named(&self, name: &[u8]) -> nix::Result<Self> {
        Ok(Self {
            directory: self.directory.try_clone().map_err(crate::error::errno)?,
            name: c_string(name)?,
        })
    }

    /// Puts the file under the name of another.
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
