//! A health check.

use std::ffi::{CStr, c_int};

use nix::libc::{self, SIGALRM, SIGPIPE};

use crate::call::{
    Entry, NONE, STDOUT, Text, WORKING_DIRECTORY, address, call, exit, is_same, lock, mask_of,
    occupy_standard_descriptors, outcome, read_start, set_signal_mask, stat_of, write,
};
use crate::socket::{LOCK_LENGTH, ask};

/// The file's largest size, and a byte more.
const ROOM: usize = 33;

pub(crate) fn check(file: &CStr) -> i32 {
    // A verdict never goes into another file that got descriptor 1.
    occupy_standard_descriptors();
    // "unhealthy: no verdict within 900ms"
    set_deadline();
    // The exit code is 0 or 1 also if the reader of the verdict has left, and the deadline holds whatever is inherited.
    set_signal_mask(mask_of(SIGPIPE));
    let verdict = judge(file);
    let text = match verdict {
        Some(pid) => {
            let mut text = Text::new(b"healthy: process ");
            text.push_number(pid);
            text.push(b" is alive\n");
            text
        }
        None => Text::new(b"unhealthy\n"),
    };
    // "It prints one line."
    write(STDOUT, &text);
    verdict.is_none().into()
}

/// The server's PID, if it is healthy.
fn judge(file: &CStr) -> Option<usize> {
    // "does not enter a directory by another user's symlink"
    let entry = Entry::of(file)?;
    // "a symlink, FIFO, directory, device or socket; it is not opened"
    let named = entry.stat().filter(is_trusted)?;
    let file = entry.open(libc::O_RDONLY | libc::O_NOCTTY, 0)?;
    // What is trusted is what was opened, and no file that has replaced it since.
    stat_of(file).filter(|opened| is_trusted(opened) && is_same(opened, &named))?;
    // "a PID in a file that is locked for writing is the server's, and any other PID is stale"; "stopping", "a socket"
    let query = || lock(file, libc::F_OFD_GETLK, libc::F_RDLCK, 1);
    let lock = query()?;
    let has_socket = lock.l_len == LOCK_LENGTH;
    if c_int::from(lock.l_type) != libc::F_WRLCK || !(has_socket || lock.l_len == 4) {
        return None;
    }
    let mut bytes = [0; ROOM];
    let pid = pid_in(read_start(file, &mut bytes)?)?;
    // "process N does not exist", "N is a thread of process M"
    // SAFETY: no address is passed.
    outcome(unsafe { call(libc::SYS_tgkill, [pid, pid, 0]) })?;
    // "process N is a zombie", "process N is suspended"
    let parent = parent_if_it_runs(pid)?;
    // "While the file names a PID, that PID cannot be reused": so it still was the server's, if hinit lives.
    if c_int::from(query()?.l_type) != libc::F_WRLCK {
        return None;
    }
    let mut bytes = [0; ROOM];
    let is_unchanged = pid_in(read_start(file, &mut bytes)?)? == pid;
    // "PID file P was replaced meanwhile"
    let is_in_place = is_same(&entry.stat()?, &named);
    let is_server = is_unchanged && is_in_place;
    // "then queries hinit at a Unix socket"
    let is_well = is_server && (!has_socket || ask(entry, parent)?);
    is_well.then_some(pid)
}

/// "neither root nor the caller owns it", "writable by others". (Here the caller is root.)
fn is_trusted(stat: &libc::stat) -> bool {
    let is_regular = stat.st_mode & libc::S_IFMT == libc::S_IFREG;
    is_regular && stat.st_uid == 0 && stat.st_mode & 0o022 == 0
}

/// A PID and a newline.
fn pid_in(line: &[u8]) -> Option<usize> {
    number(line.strip_suffix(b"\n")?)
}

fn number(digits: &[u8]) -> Option<usize> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0, |number: usize, digit| {
        let digit = digit.checked_sub(b'0').filter(|digit| *digit < 10)?;
        Some(number * 10 + usize::from(digit))
    })
}

/// The parent of the process, if that is neither a zombie nor stopped.
fn parent_if_it_runs(pid: usize) -> Option<usize> {
    let mut path = Text::new(b"/proc/");
    path.push_number(pid);
    path.push(b"/stat");
    let flags = (libc::O_RDONLY | libc::O_CLOEXEC).cast_unsigned() as usize;
    let arguments = [WORKING_DIRECTORY, path.address(), flags];
    let mut bytes = [0; 512];
    // SAFETY: the path is a C string.
    let stat = outcome(unsafe { call(libc::SYS_openat, arguments) })?;
    let line = read_start(stat, &mut bytes)?;
    // The state follows the name, which may contain anything but ends at the last parenthesis.
    let end = line.iter().rposition(|&byte| byte == b')')?;
    let rest = line.get(end + 2..)?;
    let parent = rest.get(2..)?.split(|&byte| byte == b' ').next()?;
    let runs = !b"ZXT".contains(rest.first()?);
    number(parent).filter(|_| runs)
}

fn set_deadline() {
    extern "C" fn on_alarm(_: c_int) {
        write(STDOUT, &Text::new(b"unhealthy: no verdict within 900ms\n"));
        exit(1)
    }
    /// As the kernel has it; musl's own has room for 128 bytes of signals.
    #[repr(C)]
    struct Action {
        handler: usize,
        flags: usize,
        restorer: usize,
        mask: u64,
    }
    /// The address that a handler returns to: none, because this one never returns.
    const SA_RESTORER: usize = 0x0400_0000;
    let action = Action {
        handler: on_alarm as extern "C" fn(c_int) as usize,
        flags: SA_RESTORER,
        restorer: NONE,
        mask: 0,
    };
    let timer: [usize; 4] = [0, 0, 0, 900_000];
    // SAFETY: the kernel reads one action and one timer.
    unsafe {
        let action = address(&raw const action);
        let signal = SIGALRM.cast_unsigned() as usize;
        call(
            libc::SYS_rt_sigaction,
            [signal, action, NONE, size_of::<u64>()],
        );
        call(libc::SYS_setitimer, [0, address(timer.as_ptr())]);
    }
}
