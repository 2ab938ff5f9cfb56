//! Makes the server's user the owner of the standard streams, as `docker run --user` does. A server can write to
//! the descriptors that it inherits whatever their owner is, but not open `/dev/stdout` by its name, as nginx does
//! for its logs: for that the kernel checks the owner and mode of the file behind it.

use std::os::fd::BorrowedFd;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::stat::{SFlag, makedev};
use nix::sys::termios::tcgetsid;
use nix::unistd::{Uid, fchown, getpid};

use crate::output::Log;
use crate::run::terminal::Terminal;
use crate::sys::{self, FileStat, STDERR, STDIN, STDOUT, describe};

/// As in runc, the group stays as it is. A stream whose owner cannot be changed is no failure, because most servers
/// never open their standard streams by name (runc ignores EPERM, EROFS and EINVAL, for owners and groups that a
/// user namespace does not map).
pub(super) fn change_owner(uid: u32, terminal: Option<&Terminal>, log: Log) {
    let streams = [
        (STDIN, "input", false),
        (STDOUT, "output", true),
        (STDERR, "error", true),
    ];
    for (stream, name, is_output) in streams {
        let Ok(stat) = sys::fstat(stream) else {
            continue;
        };
        if stat.st_uid == uid || !is_for_server_only(stream, is_output, &stat, terminal) {
            continue;
        }
        match fchown(stream, Some(Uid::from_raw(uid)), None) {
            Ok(()) => {
                if let (true, Some(terminal)) = (is_kind(&stat, SFlag::S_IFCHR), terminal) {
                    terminal.set_owner_change(stream, stat.st_uid, uid);
                }
            }
            Err(errno) => log.verbose(format_args!(
                "cannot change the owner of standard {name} to UID {uid}: {}",
                describe(errno)
            )),
        }
    }
}

/// Whether a stream exists for the server alone: a pipe, a file that it writes to, the terminal of hinit's session.
/// A file that it reads is not, because a new owner could also write it. Other devices are not: all processes share
/// `/dev/null`.
fn is_for_server_only(
    stream: BorrowedFd,
    is_output: bool,
    stat: &FileStat,
    terminal: Option<&Terminal>,
) -> bool {
    if is_kind(stat, SFlag::S_IFREG) {
        return is_output && is_writable(stream);
    }
    let is_terminal = || terminal.is_some() && is_own_terminal(stream, stat);
    is_kind(stat, SFlag::S_IFIFO) || (is_kind(stat, SFlag::S_IFCHR) && is_terminal())
}

/// Whether it is the terminal of the session that hinit leads, as under `docker run -t`. The leader of another
/// session continues to use its terminal.
fn is_own_terminal(stream: BorrowedFd, stat: &FileStat) -> bool {
    // /dev/tty is the same terminal, but its file is shared by all sessions.
    stat.st_rdev != makedev(5, 0) && tcgetsid(stream) == Ok(getpid())
}

fn is_kind(stat: &FileStat, kind: SFlag) -> bool {
    stat.st_mode & SFlag::S_IFMT.bits() == kind.bits()
}

fn is_writable(stream: BorrowedFd) -> bool {
    let flags = fcntl(stream, FcntlArg::F_GETFL).map(OFlag::from_bits_retain);
    // hinit opens O_PATH files for closed standard streams; their access mode is O_RDONLY too.
    flags.is_ok_and(|flags| flags & OFlag::O_ACCMODE != OFlag::O_RDONLY)
}
