//! Signals, as far as nix does not support them: its signals end at 31, and it has no `rt_sigqueueinfo(2)`.

use std::mem::{MaybeUninit, offset_of};

use nix::errno::Errno;
use nix::libc::{self, c_int, signalfd_siginfo};
use nix::sys::signal::SigSet;
use nix::unistd::Pid;

use super::raw::{call, int};

/// A set of the kernel's 64 signals: bit N-1 stands for signal N.
///
/// The kernel's own type and not libc's: musl keeps 32 to 34 for itself, leaves them out of
/// `sigfillset`, and hides them in the masks that its `sigprocmask` returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SignalSet(u64);

impl SignalSet {
    pub(crate) const ALL: Self = Self(u64::MAX);
    /// 1 to 31: the kernel keeps only one pending signal of each.
    pub(crate) const STANDARD: Self = Self(0x7fff_ffff);

    pub(crate) const NONE: Self = Self(0);

    pub(crate) const fn with(self, signal: c_int) -> Self {
        Self(self.0 | Self::bit(signal))
    }

    pub(crate) fn without(self, signal: c_int) -> Self {
        Self(self.0 & !Self::bit(signal))
    }

    /// The signals that are in both sets.
    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(crate) fn contains(self, signal: c_int) -> bool {
        self.0 & Self::bit(signal) != 0
    }

    /// The bit of a signal; 0 for a number that no signal has.
    const fn bit(signal: c_int) -> u64 {
        match signal {
            1..=64 => 1 << (signal - 1),
            _ => 0,
        }
    }
}

/// Replaces the mask of blocked signals and returns the previous one. It fails only for a bad pointer or a bad size.
pub(crate) fn set_signal_mask(mask: SignalSet) -> SignalSet {
    let mut old: u64 = 0;
    let (new, previous) = (&raw const mask.0, &raw mut old);
    let (new, previous) = (new.expose_provenance(), previous.expose_provenance());
    // SAFETY: both addresses are of 8 bytes, the size that the kernel is told; it keeps neither.
    let _never_fails = unsafe {
        call(
            libc::SYS_rt_sigprocmask,
            [int(libc::SIG_SETMASK), new, previous, size_of::<u64>()],
        )
    };
    SignalSet(old)
}

/// Which of the blocked signals are pending (`sigpending(2)`). It fails only as `set_signal_mask` does.
pub(super) fn pending_signals() -> SignalSet {
    let mut pending: u64 = 0;
    let address = (&raw mut pending).expose_provenance();
    // SAFETY: the address is of 8 bytes, the size that the kernel is told; it does not keep it.
    let _never_fails = unsafe { call(libc::SYS_rt_sigpending, [address, size_of::<u64>()]) };
    SignalSet(pending)
}

/// Takes a blocked signal away, if it is pending. (If not, the call returns EAGAIN.)
pub(super) fn discard(signal: c_int) {
    let set = SignalSet::NONE.with(signal);
    let (set, no_info) = ((&raw const set.0).expose_provenance(), 0);
    let no_time = [0_i64; 2];
    let time = no_time.as_ptr().expose_provenance();
    // SAFETY: the kernel reads the set's 8 bytes and a timespec of 16, and keeps no pointer.
    let _was_pending = unsafe {
        call(
            libc::SYS_rt_sigtimedwait,
            [set, no_info, time, size_of::<u64>()],
        )
    };
}

/// libc's form of a set. Not by libc's functions, because they leave out 32 to 34.
pub(crate) fn libc_set(set: SignalSet) -> SigSet {
    let mut libc_set = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: a sigset_t is an array of integers, for which any bytes are a value; it begins with
    // the kernel's 64 bits.
    unsafe {
        libc_set.as_mut_ptr().cast::<u64>().write_unaligned(set.0);
        SigSet::from_sigset_t_unchecked(libc_set.assume_init())
    }
}

/// Ignores SIGCHLD, or gives it its default action. Returns whether it was ignored before.
pub(crate) fn ignore_sigchld(ignore: bool) -> bool {
    let ignored = libc::SIG_IGN;
    let handler = if ignore { ignored } else { libc::SIG_DFL };
    // SAFETY: neither disposition runs code of ours.
    unsafe { set_handler(libc::SIGCHLD, handler) == ignored }
}

/// Sets a signal's disposition, and returns the previous one.
///
/// # Safety
/// A handler must do only what is async-signal-safe (signal-safety(7)), and must not return, because there is no code
/// to return by.
pub(super) unsafe fn set_handler(signal: c_int, handler: usize) -> usize {
    /// `x86_64` runs no handler without code to return by.
    const SA_RESTORER: usize = 0x0400_0000;
    /// The kernel's own form of a sigaction (`rt_sigaction(2)`). riscv64 has no restorer.
    #[derive(Default)]
    #[repr(C)]
    struct Action {
        handler: usize,
        flags: usize,
        #[cfg(not(target_arch = "riscv64"))]
        restorer: usize,
        // Not a u64, which arm aligns to 8 bytes.
        mask: [usize; size_of::<u64>() / size_of::<usize>()],
    }
    // Nothing lies between them.
    const BEFORE: usize = if cfg!(target_arch = "riscv64") { 2 } else { 3 };
    const { assert!(offset_of!(Action, mask) == BEFORE * size_of::<usize>()) };
    let action = Action {
        handler,
        flags: SA_RESTORER,
        ..Action::default()
    };
    let mut old = Action::default();
    let (new, previous) = (&raw const action, &raw mut old);
    let (new, previous) = (new.expose_provenance(), previous.expose_provenance());
    // SAFETY: both are actions, of a set of 8 bytes; the caller guarantees what the handler does.
    let _never_fails = unsafe {
        call(
            libc::SYS_rt_sigaction,
            [int(signal), new, previous, size_of::<u64>()],
        )
    };
    old.handler
}

/// `kill(2)` for any signal number. Not nix's: its signals end at 31.
pub(crate) fn kill(pid: Pid, signal: c_int) -> nix::Result<()> {
    // SAFETY: no memory is passed.
    Errno::result(unsafe { libc::kill(pid.as_raw(), signal) }).map(drop)
}

/// Sends a signal with its value, and with its first sender as the sender (`rt_sigqueueinfo(2)`). The kernel allows
/// that for codes below zero, as sigqueue(3) sets them, but not for the code of tgkill(2).
pub(crate) fn queue_signal(pid: Pid, number: c_int, info: &signalfd_siginfo) -> nix::Result<()> {
    /// How many more `int`s a pointer has than one.
    const MORE: usize = size_of::<usize>() / size_of::<c_int>() - 1;
    /// How many `int`s follow the value.
    const REST: usize = 26 - 2 * MORE;
    /// A `siginfo_t` that a process has sent: 128 bytes. What follows the code is aligned to a pointer.
    #[repr(C)]
    struct Info {
        number: c_int,
        errno: c_int,
        code: c_int,
        padding: [c_int; MORE],
        pid: u32,
        uid: u32,
        value: usize,
        rest: [c_int; REST],
    }
    const { assert!(size_of::<Info>() == 128) };
    #[allow(
        clippy::cast_possible_truncation,
        reason = "the kernel extends a value of 32 bits to 64"
    )]
    let info = Info {
        number,
        errno: info.ssi_errno,
        code: info.ssi_code,
        padding: [0; MORE],
        pid: info.ssi_pid,
        uid: info.ssi_uid,
        value: info.ssi_ptr as usize,
        rest: [0; REST],
    };
    let address = (&raw const info).expose_provenance();
    let arguments = [int(pid.as_raw()), int(number), address];
    // SAFETY: the kernel reads 128 bytes, which is what an `Info` has, and keeps no pointer.
    unsafe { call(libc::SYS_rt_sigqueueinfo, arguments) }.map(drop)
}

/// The information of no signal, for tests to fill in.
#[cfg(test)]
pub(crate) fn no_signal() -> signalfd_siginfo {
    // SAFETY: it consists of numbers, and each may be 0.
    unsafe { std::mem::zeroed() }
}
