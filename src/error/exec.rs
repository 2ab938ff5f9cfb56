//! Why a command was not found, or not executed.

use std::env::consts::ARCH;
use std::ffi::{CString, OsString};
use std::fmt::{self, Display};
use std::os::unix::ffi::OsStrExt;

use nix::errno::Errno;

use crate::sys::describe;
use crate::text;

/// The machine that hinit is built for, by the name that messages have for it. std's is the same for both byte
/// orders of `PowerPC`, and does not say that x86 and arm have 32 bits.
pub(crate) const THIS_MACHINE: &str = if cfg!(target_arch = "x86") {
    "32-bit x86"
} else if cfg!(target_arch = "arm") {
    "32-bit arm"
} else if cfg!(all(target_arch = "powerpc64", target_endian = "little")) {
    "powerpc64le"
} else {
    ARCH
};

/// Why there is no such command.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NotFound {
    Errno(Errno),
    BrokenSymlink(Absence),
    EmptyName,
    InPath,
    InEmptyPath,
    /// PATH is not set, and no directory of this default has the command.
    InDefaultPath(&'static str),
}

impl Display for NotFound {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Errno(errno) => describe(*errno),
            Self::BrokenSymlink(absence) => return write!(f, "it {absence}"),
            Self::EmptyName => "the command is empty",
            Self::InPath => "not found in PATH",
            Self::InEmptyPath => "not found in PATH, which is empty",
            Self::InDefaultPath(path) => {
                return write!(f, "not found in {path}: PATH is not set");
            }
        })
    }
}

/// Why the kernel did not execute a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ExecFault {
    Errno(Errno),
    /// The server's user has no permission, where hinit itself may have it.
    NoPermissionFor(u32),
    NoSearchPermission,
    Directory,
    NotRegular,
    NoExecutePermission,
    NoExecutePermissionFor(u32),
    NoexecMount,
    OpenForWriting,
    TooManyInterpreters,
    Format(BadFormat),
    /// It is a binary for this machine, which is not [`THIS_MACHINE`].
    OtherMachine(&'static str),
    OtherLibc {
        wanted: Libc,
        present: Option<Libc>,
    },
    /// It is a script whose first line ends with a carriage return.
    CrlfLineEnds,
    /// The kernel lacks a file that it needs, but hinit does not know which one.
    NeedsUnknownFile,
    Needs(Box<NeededFile>),
}

/// Why a file has no format that the kernel executes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadFormat {
    Empty,
    ByteOrderMark,
    MacOs,
    Windows,
    Unknown,
    NoInterpreter,
    LongFirstLine,
    DamagedElf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Libc {
    Musl,
    Glibc,
}

/// A file that the kernel needs to execute another, and what is wrong with it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NeededFile {
    pub(crate) role: Role,
    pub(crate) path: CString,
    pub(crate) fault: NeededFault,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Interpreter,
    Loader,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NeededFault {
    /// It does not exist; with the reason, if hinit knows it.
    Missing(Absence, Option<ExecFault>),
    CannotRun(ExecFault),
}

/// That a file is missing, as the end of a sentence; with its target, if it is a symlink.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Absence(pub(crate) Option<OsString>);

impl Display for ExecFault {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Errno(errno) => describe(*errno),
            Self::NoPermissionFor(uid) => return write!(f, "no permission for UID {uid}"),
            Self::NoSearchPermission => "no permission to search a directory on the way to it",
            Self::Directory => "it is a directory",
            Self::NotRegular => "it is not a regular file",
            Self::NoExecutePermission => "no execute permission",
            Self::NoExecutePermissionFor(uid) => {
                return write!(f, "no execute permission for UID {uid}");
            }
            Self::NoexecMount => "it lies on a file system that is mounted noexec",
            Self::OpenForWriting => "it is open for writing (text file busy)",
            Self::TooManyInterpreters => "its chain of interpreters is too long",
            Self::Format(format) => format.text(),
            Self::OtherMachine(machine) => {
                return write!(f, "it is built for {machine}, this is {THIS_MACHINE}");
            }
            Self::OtherLibc { wanted, present } => {
                let (wanted, present) = (wanted.name(), present.map_or("no libc", Libc::name));
                return write!(f, "it is built for {wanted}, this image has {present}");
            }
            Self::CrlfLineEnds => "the script has CRLF line ends",
            Self::NeedsUnknownFile => "its interpreter or loader is not there",
            Self::Needs(file) => return file.fmt(f),
        })
    }
}

impl BadFormat {
    fn text(self) -> &'static str {
        match self {
            Self::Empty => "it is empty",
            Self::ByteOrderMark => "it starts with a byte order mark, not with `#!`",
            Self::MacOs => "it is built for macOS, this is Linux",
            Self::Windows => "it is built for Windows, this is Linux",
            Self::Unknown => "it is neither a binary nor a script with `#!`",
            Self::NoInterpreter => "its first line names no interpreter behind `#!`",
            Self::LongFirstLine => "its first line is too long",
            Self::DamagedElf => "it is an ELF file, but damaged or not a program",
        }
    }
}

impl Libc {
    fn name(self) -> &'static str {
        match self {
            Self::Musl => "musl",
            Self::Glibc => "glibc",
        }
    }
}

impl Display for NeededFile {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let role = match self.role {
            Role::Interpreter => "interpreter",
            Role::Loader => "loader",
        };
        let path = shown(self.path.to_bytes());
        match &self.fault {
            NeededFault::Missing(absence, None) => write!(f, "its {role} `{path}` {absence}"),
            NeededFault::Missing(absence, Some(why)) => {
                write!(f, "its {role} `{path}` {absence}: {why}")
            }
            NeededFault::CannotRun(why) => write!(f, "its {role} `{path}` cannot run: {why}"),
        }
    }
}

impl Display for Absence {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match &self.0 {
            Some(target) => {
                let target = shown(target.as_bytes());
                write!(f, "is a symlink to `{target}`, which is not there")
            }
            None => f.write_str("is not there"),
        }
    }
}

/// A path from a file as text for a message. It shows a carriage return, which many editors hide.
fn shown(path: &[u8]) -> String {
    text::shown(path).replace('\r', "\\r")
}

#[cfg(test)]
#[test]
fn a_carriage_return_is_shown() {
    assert_eq!(shown(b"/bin/sh\r"), r"/bin/sh\r");
    assert_eq!(shown(b"/\xff"), "/\u{fffd}");
}
