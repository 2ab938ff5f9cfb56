//! The terminal, and the stop that it sends to a process group.

use nix::libc::{self, c_int};
use nix::sys::signal::Signal;
use nix::unistd::Pid;

use super::raw::call;
use super::signals::{SignalSet, discard, pending_signals, set_signal_mask};

/// The descriptor of standard input.
const STDIN: usize = 0;
const TIOCSCTTY: usize = 0x540e;
const TIOCNOTTY: usize = 0x5422;

/// Stops all of hinit's process group by `signal`, as a terminal does. Returns true once the group was
/// continued; and false at once where the kernel did not stop it, because no shell is there that
/// could continue the group (an orphaned process group, `setpgid(2)`).
pub(crate) fn stop_own_group(signal: Signal) -> bool {
    if nix::sys::signal::kill(Pid::from_raw(0), signal).is_err() {
        return false;
    }
    // The kernel stops hinit between these two.
    set_signal_mask(SignalSet::ALL.without(signal as c_int));
    set_signal_mask(SignalSet::ALL);
    // The stop has cleared older SIGCONTs (signal(7)): one that is pending now ended the stop.
    pending_signals().contains(libc::SIGCONT)
}

/// Gives up the controlling terminal of standard input (`TIOCNOTTY`, ioctl(2)).
pub(crate) fn leave_terminal() {
    let before = pending_signals();
    // SAFETY: no memory is passed.
    if unsafe { call(libc::SYS_ioctl, [STDIN, TIOCNOTTY]) }.is_err() {
        return;
    }
    // The kernel sends these two to a session whose leader does that. They are not for the server.
    for signal in [libc::SIGHUP, libc::SIGCONT] {
        if !before.contains(signal) {
            discard(signal);
        }
    }
}

/// Makes the terminal of standard input that of the caller's session, if it is free (`TIOCSCTTY`). If
/// that fails, the session has no terminal.
pub(crate) fn take_terminal() {
    // It fails if there is no terminal, or if it is another session's: then the server runs without.
    // SAFETY: no memory is passed.
    let _ignored = unsafe { call(libc::SYS_ioctl, [STDIN, TIOCSCTTY, 0]) };
}
