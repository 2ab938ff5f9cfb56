//! The clock, by the system call alone.
//!
//! libc reads it without a call, from pages that the kernel maps into each process (vdso(7)): quicker by 50 ns, but the
//! first time costs a launch 4 us, for two page faults and a search of the vdso's symbols. hinit reads the clock a few
//! times in its life, at events. So this takes the place of libc's function, also for std.

#[cfg(target_pointer_width = "32")]
use std::sync::atomic::AtomicI32 as AtomicLong;
#[cfg(target_pointer_width = "64")]
use std::sync::atomic::AtomicI64 as AtomicLong;
use std::sync::atomic::Ordering::Relaxed;

use nix::libc::{self, c_int, clockid_t, timespec};

use super::raw::{call, int};

/// The last time of the monotonic clock: seconds and nanoseconds.
///
/// std ends a process that cannot read the clock. The kernel always lets it (`clock_gettime(2)`), but a seccomp filter may
/// not; and a PID 1 whose clock stands still is better than none.
static LAST: [AtomicLong; 2] = [const { AtomicLong::new(0) }; 2];

/// `clock_gettime(2)`, without errno: no caller in hinit reads it.
#[unsafe(no_mangle)]
extern "C" fn clock_gettime(clock: clockid_t, time: *mut timespec) -> c_int {
    // SAFETY: the caller gives an address for the time, as for libc's function.
    let (result, time) = unsafe {
        let arguments = [int(clock), time.expose_provenance()];
        (call(libc::SYS_clock_gettime, arguments), &mut *time)
    };
    let [seconds, nanos] = &LAST;
    match (result, clock) {
        (Ok(_), libc::CLOCK_MONOTONIC) => {
            seconds.store(time.tv_sec, Relaxed);
            nanos.store(time.tv_nsec, Relaxed);
            0
        }
        (Err(_), libc::CLOCK_MONOTONIC) => {
            time.tv_sec = seconds.load(Relaxed);
            time.tv_nsec = nanos.load(Relaxed);
            0
        }
        (Ok(_), _) => 0,
        (Err(_), _) => -1,
    }
}
