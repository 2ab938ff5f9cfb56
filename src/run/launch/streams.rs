//! Hands the standard streams over to the server's user, as `docker run --user` does. A server may write to
//! the descriptors that it inherits whosever they are, but not open `/dev/stdout` by its name, as nginx does for
//! its logs: for that the kernel asks the owner and mode of what is behind it.

use std::os::fd::BorrowedFd;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::stat::{FileStat, SFlag, fstat, makedev};
use nix::sys::termios::tcgetsid;
use nix::unistd::{Uid, fchown, getpid};

use crate::output::Log;
use crate::run::terminal::Terminal;
use crate::sys::{STDERR, STDIN, STDOUT, describe};

/// As runc does, only the user: the group stays as it is. What cannot be handed over is no failure (runc lists
/// EPERM, EROFS and EINVAL, for owners and groups that a user namespace does not map): most servers never open
/// their standard streams by name.
pub(super) fn hand_over(uid: u32, terminal: Option<&Terminal>, log: Log) {
    let streams = [
        (STDIN, "input", false),
        (STDOUT, "output", true),
        (STDERR, "error", true),
    ];
    for (stream, name, is_output) in streams {
        let Ok(stat) = fstat(stream) else { continue };
        if stat.st_uid == uid || !is_for_the_server(stream, is_output, &stat, terminal) {
            continue;
        }
        match fchown(stream, Some(Uid::from_raw(uid)), None) {
            Ok(()) => {
                if let (true, Some(terminal)) = (is_kind(&stat, SFlag::S_IFCHR), terminal) {
                    terminal.lent(stream, stat.st_uid, uid);
                }
            }
            Err(errno) => log.verbose(format_args!(
                "cannot change the owner of standard {name} to UID {uid}: {}",
                describe(errno)
            )),
        }
    }
}

/// Whether a stream is there for the server alone: a pipe, a file that it writes to, the terminal of hinit's
/// session. A file to read from is not: its new owner could also write it. Nor are devices: `/dev/null` is
/// everybody's.
fn is_for_the_server(
    stream: BorrowedFd,
    is_output: bool,
    stat: &FileStat,
    terminal: Option<&Terminal>,
) -> bool {
    if is_kind(stat, SFlag::S_IFREG) {
        return is_output && is_writable(stream);
    }
    let is_terminal = || terminal.is_some() && is_led_terminal(stream, stat);
    is_kind(stat, SFlag::S_IFIFO) || (is_kind(stat, SFlag::S_IFCHR) && is_terminal())
}

/// Whether it is the terminal of the session that hinit leads, as under `docker run -t`. Another session's leader
/// goes on to use its terminal.
fn is_led_terminal(stream: BorrowedFd, stat: &FileStat) -> bool {
    // Opened as /dev/tty the terminal is the same, but the file is one for all sessions.
    stat.st_rdev != makedev(5, 0) && tcgetsid(stream) == Ok(getpid())
}

fn is_kind(stat: &FileStat, kind: SFlag) -> bool {
    stat.st_mode & SFlag::S_IFMT.bits() == kind.bits()
}

fn is_writable(stream: BorrowedFd) -> bool {
    let flags = fcntl(stream, FcntlArg::F_GETFL).map(OFlag::from_bits_retain);
    // Also for O_PATH, as which hinit fills a closed one, this is O_RDONLY.
    flags.is_ok_and(|flags| flags & OFlag::O_ACCMODE != OFlag::O_RDONLY)
}
