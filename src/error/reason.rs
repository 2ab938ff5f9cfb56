//! Why hinit could not do something: the kernel refused it, or hinit did.

use std::fmt::{self, Display, Write};
use std::path::PathBuf;

use nix::errno::Errno;
use nix::unistd::Pid;

use super::MissingCapability;
use crate::file::{Kind, OVERFLOW_ID, RefusedLink};
use crate::sys::describe;
use crate::text::write_process;

/// Why hinit does not do something.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The kernel has refused it.
    Errno(Errno),

    // What is wrong with a file.
    /// hinit needs another kind of file.
    IsA(Kind),
    BelongsTo(u32),
    HardLinks(u64),
    WritableByOthers,
    Replaced,
    RemovedOrReplaced,
    RefusedLink(Box<RefusedLink>),
    NoDirectory(PathBuf),

    // What is wrong with a PID file.
    NoneWritable,
    NotAPid,
    FirstLineNotAPid,
    OtherContents,
    Locked,
    LockedBy(Pid),
    /// Another hinit has locked it, and its server is this process.
    LockedFor(Pid),
    LockedWithoutServer,
    StaysLocked,
    KeepsBeingReplaced,
    LocksRefused,
    /// Its file system has neither locks nor permissions to keep the server's state.
    NoLocksNorModes,
    /// It is so whatever permissions hinit sets.
    MadeWritableByOthers,
    /// It cannot be emptied, and the second call could not release its locks.
    StillLocked(Errno, Errno),
    IsAlive(Pid),
    NotAChild(Pid),
    OfAnotherUser(Pid),

    // Why hinit cannot listen at an address.
    NameTooLong,
    InUse,
    /// The address has this port.
    NoIpv6(u16),

    // Why the server cannot start as a user.
    NoSuchUser,
    NoSuchGroup,
    /// The user namespace does not map the user or its group.
    NotMapped,
    MissingCapability(Box<MissingCapability>),
    ProcessLimit,
    ProcessLimitOfUser {
        uid: u32,
        limit: u64,
    },
}

impl From<Errno> for Reason {
    fn from(errno: Errno) -> Self {
        Self::Errno(errno)
    }
}

impl Reason {
    /// What to do, if that depends on the reason.
    pub(super) fn write_remedy(&self, text: &mut String) -> fmt::Result {
        text.push_str(match self {
            Self::NoDirectory(_) => "create it or mount it first",
            Self::NoIpv6(port) => {
                return write!(text, "this system has no IPv6: listen at 0.0.0.0:{port}");
            }
            Self::MissingCapability(missing) => return missing.write_remedy(text),
            Self::ProcessLimit => "raise it (--pids-limit, pids.max, ulimit -u)",
            Self::ProcessLimitOfUser { .. } => "raise it (--ulimit nproc=N, ulimit -u)",
            Self::Errno(_)
            | Self::IsA(_)
            | Self::BelongsTo(_)
            | Self::HardLinks(_)
            | Self::WritableByOthers
            | Self::Replaced
            | Self::RemovedOrReplaced
            | Self::RefusedLink(_)
            | Self::NoneWritable
            | Self::NotAPid
            | Self::FirstLineNotAPid
            | Self::OtherContents
            | Self::Locked
            | Self::LockedBy(_)
            | Self::LockedFor(_)
            | Self::LockedWithoutServer
            | Self::StaysLocked
            | Self::KeepsBeingReplaced
            | Self::LocksRefused
            | Self::NoLocksNorModes
            | Self::MadeWritableByOthers
            | Self::StillLocked(..)
            | Self::IsAlive(_)
            | Self::NotAChild(_)
            | Self::OfAnotherUser(_)
            | Self::NameTooLong
            | Self::InUse
            | Self::NoSuchUser
            | Self::NoSuchGroup
            | Self::NotMapped => "",
        });
        Ok(())
    }
}

impl Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Errno(errno) => describe(*errno),
            Self::IsA(kind) => return write!(f, "it is a {kind}"),
            Self::BelongsTo(user) => return write!(f, "it belongs to UID {user}"),
            Self::HardLinks(names) => return write!(f, "it has {names} hard links, not one"),
            Self::WritableByOthers => "it is writable by others",
            Self::Replaced => "it was replaced meanwhile",
            Self::RemovedOrReplaced => "it was removed or replaced meanwhile",
            Self::RefusedLink(link) => return write_refused_link(f, link),
            Self::NoDirectory(path) => {
                let path = path.display();
                return write!(f, "the directory `{path}` does not exist");
            }
            Self::NoneWritable => "none is writable",
            Self::NotAPid => "it does not contain a PID",
            Self::FirstLineNotAPid => "its first line is not a PID",
            Self::OtherContents => "it contains something other than a PID",
            Self::Locked => "it is locked",
            Self::LockedBy(pid) => return write_process(f, *pid, "has locked it"),
            Self::LockedFor(pid) => {
                return write!(f, "another hinit has locked it, for process {pid}");
            }
            Self::LockedWithoutServer => "another hinit has locked it, and has no running server",
            Self::StaysLocked => "another process keeps it locked",
            Self::KeepsBeingReplaced => "another process keeps replacing it",
            Self::LocksRefused => {
                "its file system refuses locks (CIFS allows them if it is mounted with `nobrl`)"
            }
            Self::NoLocksNorModes => {
                "its file system keeps neither fcntl(2) locks nor permissions, and health checks \
                 need one of them"
            }
            Self::MadeWritableByOthers => {
                "its file system makes it writable by others, so no health check would trust it"
            }
            Self::StillLocked(errno, of_release) => {
                let (errno, of_release) = (describe(*errno), describe(*of_release));
                return write!(
                    f,
                    "{errno}; its locks cannot be released either, so health checks still trust \
                     it: {of_release}"
                );
            }
            Self::IsAlive(pid) => return write_process(f, *pid, "is alive"),
            Self::NotAChild(pid) => {
                return write_process(f, *pid, "is not a running child of hinit");
            }
            Self::OfAnotherUser(pid) => {
                return write_process(f, *pid, "runs as another user than the server");
            }
            Self::NameTooLong => "the name is too long",
            Self::InUse => "another process listens there",
            Self::NoIpv6(_) => describe(Errno::EAFNOSUPPORT),
            Self::NoSuchUser => "there is no such user in /etc/passwd",
            Self::NoSuchGroup => "there is no such group in /etc/group",
            Self::NotMapped => "the user namespace does not map that user or group",
            Self::MissingCapability(missing) => return missing.fmt(f),
            Self::ProcessLimit => "the limit of processes is reached",
            Self::ProcessLimitOfUser { uid, limit } => {
                return write!(
                    f,
                    "UID {uid} has more processes than its limit allows (RLIMIT_NPROC is \
                     {limit})"
                );
            }
        })
    }
}

fn write_refused_link(f: &mut fmt::Formatter, link: &RefusedLink) -> fmt::Result {
    let RefusedLink { path, owner } = link;
    let path = path.display();
    write!(f, "`{path}` is a symlink that belongs to UID {owner}")?;
    if *owner == OVERFLOW_ID {
        f.write_str(" (as root's do where a user namespace does not map root)")?;
    }
    f.write_str("; hinit follows only those of root and of its own user")
}
