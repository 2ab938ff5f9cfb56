//! The wall clock, as the kernel uses it for the times of files.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// The time since 1970. None, if the clock cannot be read.
pub(crate) fn wall_clock() -> Option<Duration> {
    // The types of 32 bits end in 2038.
    #[cfg(target_pointer_width = "32")]
    if let Some(now) = wide_wall_clock() {
        return Some(now);
    }
    let now = clock_gettime(ClockId::CLOCK_REALTIME).ok()?;
    Some(now.into())
}

/// By the call with a time of 64 bits (clock_gettime64, since Linux 5.1).
#[cfg(target_pointer_width = "32")]
fn wide_wall_clock() -> Option<Duration> {
    use super::raw::{call, int};
    use nix::libc::{CLOCK_REALTIME, c_long};
    /// One number on all machines that have it.
    const SYS_CLOCK_GETTIME64: c_long = 403;

    // Seconds and nanoseconds.
    let mut time = [0_u64; 2];
    let address = time.as_mut_ptr().expose_provenance();
    // SAFETY: the kernel writes two numbers of 64 bits, and keeps no pointer.
    unsafe { call(SYS_CLOCK_GETTIME64, [int(CLOCK_REALTIME), address]) }.ok()?;
    let [seconds, nanos] = time;
    Some(Duration::new(seconds, u32::try_from(nanos).ok()?))
}
