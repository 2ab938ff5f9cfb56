//! The end of the process, at once: no destructor runs, and nothing is allocated. So a signal handler may call these
//! functions too.

use std::os::fd::BorrowedFd;

use nix::libc;
use nix::poll::{PollFd, PollFlags, poll};

use super::raw::call;

/// How long a line waits for a full pipe or a stopped terminal, in milliseconds, before it is dropped: long enough for a
/// slow reader, and short enough not to delay PID 1.
pub(crate) const LINE_TIMEOUT: u8 = 100;

/// Ends the process.
pub(super) fn exit(code: u8) -> ! {
    loop {
        // SAFETY: no address is passed.
        let _never_returns = unsafe { call(libc::SYS_exit_group, [code.into()]) };
    }
}

/// Ends the process with a last line, if there is room for it.
pub(super) fn exit_with_line(to: BorrowedFd, line: &[u8], code: u8) -> ! {
    let mut ready = [PollFd::new(to, PollFlags::POLLOUT)];
    if poll(&mut ready, LINE_TIMEOUT) == Ok(1) {
        // A reader that misses the line has the exit code.
        let _lost = nix::unistd::write(to, line);
    }
    exit(code)
}
