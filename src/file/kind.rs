//! What kind of file a file is.

use std::fmt;

use nix::sys::stat::SFlag;

use crate::sys::FileStat;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Regular,
    Symlink,
    Fifo,
    Directory,
    Socket,
    Device,
}

impl Kind {
    // Inlined, it makes the binary larger.
    #[inline(never)]
    pub(crate) fn of(stat: &FileStat) -> Self {
        match SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT {
            SFlag::S_IFREG => Self::Regular,
            SFlag::S_IFLNK => Self::Symlink,
            SFlag::S_IFIFO => Self::Fifo,
            SFlag::S_IFDIR => Self::Directory,
            SFlag::S_IFSOCK => Self::Socket,
            _ => Self::Device,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Regular => "regular file",
            Self::Symlink => "symlink",
            Self::Fifo => "FIFO",
            Self::Directory => "directory",
            Self::Socket => "socket",
            Self::Device => "device",
        })
    }
}
