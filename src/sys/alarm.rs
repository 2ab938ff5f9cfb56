//! The deadline of a health check: SIGALRM, which interrupts whatever a signal can.

use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering::Relaxed};
use std::time::Duration;

use nix::libc::{self, c_int};

use super::STDOUT;
use super::exit::exit_with_line;
use super::raw::{call, int};
use super::signals::set_handler;

/// How SIGALRM ends the process: by a line on standard output, and an exit code. Both are prepared in advance,
/// because the handler may interrupt an allocation, and so must not allocate itself.
pub(crate) struct AlarmExit {
    pub(crate) line: Vec<u8>,
    pub(crate) code: u8,
}

/// In .data, whose page every process writes at its start. In .bss it would take a page of its own.
#[unsafe(link_section = ".data")]
static EXIT: AtomicPtr<AlarmExit> = AtomicPtr::new(ptr::null_mut());

/// Sets how SIGALRM ends the process from now on. (Not by signal-hook: its registry of actions, which can be added and
/// removed at any time, takes 4 KiB for this one that never returns.)
pub(crate) fn exit_on_alarm(exit: AlarmExit) {
    // The previous one is not freed, because the handler may be reading it.
    EXIT.store(Box::into_raw(Box::new(exit)), Relaxed);
}

/// Makes SIGALRM come once, after this time; never, if that is zero. [`exit_on_alarm`] comes first.
pub(crate) fn set_alarm(after: Duration) {
    extern "C" fn on_alarm(_signal: c_int) {
        // SAFETY: what the pointer leads to stays, and does not change.
        if let Some(exit) = unsafe { EXIT.load(Relaxed).as_ref() } {
            exit_with_line(STDOUT, &exit.line, exit.code);
        }
        super::exit::exit(1)
    }
    let handler = on_alarm as extern "C" fn(c_int);
    // SAFETY: the handler only polls, writes and ends the process.
    unsafe { set_handler(libc::SIGALRM, handler as usize) };
    let seconds = usize::try_from(after.as_secs()).unwrap_or(usize::MAX);
    // A struct itimerval: the interval, then the time, each as seconds and microseconds.
    let timer = [
        0,
        0,
        seconds.min(isize::MAX.cast_unsigned()),
        after.subsec_micros() as usize,
    ];
    let address = timer.as_ptr().expose_provenance();
    // By the raw call, because the libc crate has no setitimer on musl. It fails only for bad values.
    // SAFETY: the kernel reads these four numbers, and keeps no pointer.
    let _never_fails = unsafe { call(libc::SYS_setitimer, [int(libc::ITIMER_REAL), address]) };
}
