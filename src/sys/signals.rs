//! Signals, where nix knows too few of them or too little.

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering::Relaxed};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::libc::{self, c_int, c_long, signalfd_siginfo};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::unistd::Pid;

use super::child::exit;
use super::raw::call;
use crate::time::{pause, poll_timeout};

/// A set of the kernel's 64 signals: bit N-1 stands for signal N.
///
/// The kernel's own type and not libc's: musl keeps 32 to 34 for itself, leaves them out of
/// `sigfillset`, and hides them in the masks that its `sigprocmask` returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SignalSet(u64);

impl SignalSet {
    pub(crate) const ALL: Self = Self(u64::MAX);
    /// 1 to 31: those of which the kernel keeps only one each.
    pub(crate) const STANDARD: Self = Self(0x7fff_ffff);

    pub(crate) const NONE: Self = Self(0);

    pub(crate) const fn with(self, signal: c_int) -> Self {
        Self(self.0 | Self::bit(signal))
    }

    pub(crate) fn without(self, signal: c_int) -> Self {
        Self(self.0 & !Self::bit(signal))
    }

    /// Those that are in both.
    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(crate) fn contains(self, signal: c_int) -> bool {
        self.0 & Self::bit(signal) != 0
    }

    /// None for what is no signal.
    const fn bit(signal: c_int) -> u64 {
        match signal {
            1..=64 => 1 << (signal - 1),
            _ => 0,
        }
    }
}

/// Replaces the mask of blocked signals and returns the one before. It fails only for a bad pointer or a
/// bad size.
pub(crate) fn set_signal_mask(mask: SignalSet) -> SignalSet {
    let mut old: u64 = 0;
    let (new, previous) = (&raw const mask.0, &raw mut old);
    let (new, previous) = (new.expose_provenance(), previous.expose_provenance());
    let how = usize::try_from(libc::SIG_SETMASK).unwrap_or_default();
    // SAFETY: both addresses are of 8 bytes, the size that the kernel is told; it keeps neither.
    let _never_fails = unsafe {
        call(
            libc::SYS_rt_sigprocmask,
            [how, new, previous, size_of::<u64>()],
        )
    };
    SignalSet(old)
}

/// Which of the blocked signals wait to be delivered (`sigpending(2)`). It fails only as `set_signal_mask`
/// does.
fn pending_signals() -> SignalSet {
    let mut pending: u64 = 0;
    // SAFETY: the pointer is to 8 bytes, the size that the kernel is told; it does not keep it.
    unsafe { libc::syscall(libc::SYS_rt_sigpending, &raw mut pending, size_of::<u64>()) };
    SignalSet(pending)
}

/// Stops all of hinit's process group by `signal`, as a terminal does. Returns, once it was
/// continued, true; and false at once where the kernel did not stop it, since no shell is there that
/// could continue the group (an orphaned process group, `setpgid(2)`).
pub(crate) fn stop_own_group(signal: Signal) -> bool {
    if nix::sys::signal::kill(Pid::from_raw(0), signal).is_err() {
        return false;
    }
    // The kernel stops hinit between these two.
    set_signal_mask(SignalSet::ALL.without(signal as c_int));
    set_signal_mask(SignalSet::ALL);
    // The stop has cleared older ones (signal(7)): if there is one, it ended the stop.
    pending_signals().contains(libc::SIGCONT)
}

/// Gives the controlling terminal of standard input up (`TIOCNOTTY`, ioctl(2)).
pub(crate) fn leave_terminal() {
    let before = pending_signals();
    // SAFETY: no memory is passed.
    if unsafe { libc::ioctl(0, libc::TIOCNOTTY) } != 0 {
        return;
    }
    // The kernel tells a session whose leader does that; it is no news for the server.
    for signal in [libc::SIGHUP, libc::SIGCONT] {
        if !before.contains(signal) {
            discard(signal);
        }
    }
}

/// Makes the terminal of standard input that of the caller's session, if it is free (`TIOCSCTTY`). Where it
/// is not, or there is none, the session has no terminal.
pub(crate) fn take_terminal() {
    // SAFETY: no memory is passed.
    unsafe { libc::ioctl(0, libc::TIOCSCTTY, 0) };
}

/// Takes a blocked signal away, if it waits to be delivered. (If not, the call says EAGAIN.)
fn discard(signal: c_int) {
    let set = SignalSet::NONE.with(signal);
    let at_once = [0_i64; 2];
    let no_info = ptr::null_mut::<libc::siginfo_t>();
    // SAFETY: the kernel reads the set's 8 bytes and a timespec of 16, and keeps no pointer.
    unsafe {
        libc::syscall(
            libc::SYS_rt_sigtimedwait,
            &raw const set.0,
            no_info,
            at_once.as_ptr(),
            size_of::<u64>(),
        );
    }
}

/// libc's form of a set. Bit by bit, for its functions leave out 32 to 34.
pub(crate) fn libc_set(set: SignalSet) -> SigSet {
    let mut libc_set = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: a sigset_t is an array of integers, for which any bytes are a value; it begins with
    // the kernel's 64 bits, and is aligned for them.
    unsafe {
        libc_set.as_mut_ptr().cast::<u64>().write(set.0);
        SigSet::from_sigset_t_unchecked(libc_set.assume_init())
    }
}

/// Sets what SIGCHLD does to its default or to "ignored", and tells whether it was ignored.
pub(crate) fn ignore_sigchld(ignore: bool) -> bool {
    let ignored = libc::SIG_IGN;
    let handler = if ignore { ignored } else { libc::SIG_DFL };
    // SAFETY: neither disposition runs code of ours.
    unsafe { set_handler(libc::SIGCHLD, handler) == ignored }
}

/// Sets what a signal does, and returns what it did.
///
/// # Safety
/// A handler must do only what is async-signal-safe (signal-safety(7)), and must not return: nothing is set up for
/// that.
unsafe fn set_handler(signal: c_int, handler: usize) -> usize {
    /// `x86_64` runs no handler without code to return by.
    const SA_RESTORER: usize = 0x0400_0000;
    /// The kernel's own form of a sigaction (`rt_sigaction(2)`).
    #[derive(Default)]
    #[repr(C)]
    struct Action {
        handler: usize,
        flags: usize,
        restorer: usize,
        mask: u64,
    }
    let action = Action {
        handler,
        flags: SA_RESTORER,
        ..Action::default()
    };
    let mut old = Action::default();
    let signal = usize::try_from(signal).unwrap_or_default();
    let (new, previous) = (&raw const action, &raw mut old);
    let (new, previous) = (new.expose_provenance(), previous.expose_provenance());
    // SAFETY: both are actions, of a set of 8 bytes; the caller answers for the handler.
    let _never_fails = unsafe {
        call(
            libc::SYS_rt_sigaction,
            [signal, new, previous, size_of::<u64>()],
        )
    };
    old.handler
}

/// `kill(2)` for any signal number. Not nix's: its signals end at 31.
pub(crate) fn kill(pid: Pid, signal: c_int) -> nix::Result<()> {
    // SAFETY: no memory is passed.
    Errno::result(unsafe { libc::kill(pid.as_raw(), signal) }).map(drop)
}

/// `rt_sigqueueinfo(2)`: a signal with a value, in the name of its sender. The kernel allows that for
/// codes below zero, as of sigqueue(3), but for that of tgkill.
pub(crate) fn queue_signal(pid: Pid, number: c_int, info: &signalfd_siginfo) -> nix::Result<()> {
    /// The head of a `siginfo_t` that was sent by a process; 128 bytes in all.
    #[repr(C)]
    struct Info {
        number: c_int,
        errno: c_int,
        code: c_int,
        padding: c_int,
        pid: u32,
        uid: u32,
        value: u64,
        rest: [u64; 12],
    }
    let info = Info {
        number,
        errno: info.ssi_errno,
        code: info.ssi_code,
        padding: 0,
        pid: info.ssi_pid,
        uid: info.ssi_uid,
        value: info.ssi_ptr,
        rest: [0; 12],
    };
    // SAFETY: the kernel reads 128 bytes, which is what an `Info` has, and keeps no pointer.
    let result = unsafe {
        libc::syscall(
            libc::SYS_rt_sigqueueinfo,
            pid.as_raw(),
            number,
            &raw const info,
        )
    };
    Errno::result(result).map(drop)
}

/// The information of no signal, for tests to fill in.
#[cfg(test)]
pub(crate) fn no_signal() -> signalfd_siginfo {
    // SAFETY: it consists of numbers, and each may be 0.
    unsafe { std::mem::zeroed() }
}

/// From now on SIGALRM ends the process with `code`, after `last_words` had its say.
///
/// That runs in a signal handler, amid whatever was interrupted: it may format on the stack and
/// write, but not allocate. Not by signal-hook: its registry of actions, which can be added and removed at any time,
/// takes 4 KiB for this one that never returns.
pub(crate) fn exit_on_alarm<F: Fn() -> u8 + Sync + 'static>(last_words: F) {
    static LAST_WORDS: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());
    extern "C" fn on_alarm<F: Fn() -> u8>(_signal: c_int) {
        let last_words: *mut F = LAST_WORDS.load(Relaxed).cast();
        // SAFETY: before this became the handler, the pointer was stored to what lives for ever.
        exit(unsafe { (*last_words)() })
    }
    LAST_WORDS.store(Box::into_raw(Box::new(last_words)).cast(), Relaxed);
    let handler = on_alarm::<F> as extern "C" fn(c_int);
    // SAFETY: what `last_words` may do, write and exit_group are async-signal-safe.
    unsafe { set_handler(libc::SIGALRM, handler as usize) };
}

/// Makes SIGALRM come once, after this time; never, if that is zero.
pub(crate) fn set_alarm(after: Duration) {
    let microseconds = c_long::from(after.subsec_micros().cast_signed());
    // The interval, then the time: each as seconds and microseconds.
    let timer = [
        0,
        0,
        c_long::try_from(after.as_secs()).unwrap_or(c_long::MAX),
        microseconds,
    ];
    // By the raw call, for libc's crate has no setitimer on musl. It fails only for bad values.
    // SAFETY: the kernel reads the four numbers of a struct itimerval, and keeps no pointer.
    unsafe { libc::syscall(libc::SYS_setitimer, libc::ITIMER_REAL, timer.as_ptr(), 0) };
}

/// How often to look for the end of a process where the kernel tells nobody.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// A hold on a process: whoever had the PID when it was opened, and never one that gets it later.
/// Where the kernel has no such thing (before Linux 5.3, or under an old seccomp profile), the PID.
pub(crate) struct Handle {
    pid: Pid,
    pidfd: Option<OwnedFd>,
}

impl Handle {
    pub(crate) fn open(pid: Pid) -> nix::Result<Self> {
        // SAFETY: no memory is passed.
        let result = unsafe { libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0) };
        let pidfd = match Errno::result(result).map(RawFd::try_from) {
            // SAFETY: the kernel has just made this descriptor for us, with close-on-exec.
            Ok(Ok(fd)) => Some(unsafe { OwnedFd::from_raw_fd(fd) }),
            Err(Errno::ENOSYS | Errno::EPERM) | Ok(Err(_)) => None,
            Err(errno) => return Err(errno),
        };
        Ok(Self { pid, pidfd })
    }

    /// Waits for the end of the process, for so long; true, if it has ended. Without a hold on it,
    /// `look` must tell.
    pub(crate) fn wait_for_end(&self, time: Duration, look: &dyn Fn() -> bool) -> bool {
        let deadline = Instant::now() + time;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let has_ended = match &self.pidfd {
                Some(pidfd) => ends_within(pidfd, poll_timeout(left)),
                None => look(),
            };
            if has_ended || left.is_zero() {
                return has_ended;
            }
            if self.pidfd.is_none() {
                pause(left.min(LOOK_AGAIN));
            }
        }
    }

    pub(crate) fn signal(&self, number: c_int) -> nix::Result<()> {
        let Some(pidfd) = &self.pidfd else {
            return kill(self.pid, number);
        };
        let no_info = ptr::null::<libc::siginfo_t>();
        // SAFETY: without a siginfo the kernel makes that of kill(2).
        let result = unsafe {
            libc::syscall(
                libc::SYS_pidfd_send_signal,
                pidfd.as_raw_fd(),
                number,
                no_info,
                0,
            )
        };
        match Errno::result(result) {
            // A seccomp profile again. As long as it has not ended, its PID is no other's.
            Err(Errno::ENOSYS | Errno::EPERM) if !ends_within(pidfd, PollTimeout::ZERO) => {
                kill(self.pid, number)
            }
            result => result.map(drop),
        }
    }
}

fn ends_within(pidfd: &OwnedFd, timeout: PollTimeout) -> bool {
    let mut ended = [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)];
    matches!(poll(&mut ended, timeout), Ok(1..))
}
