//! All of hinit's unsafe code, and nothing else; the allocator has a file of its own.
//!
//! Each item is one kernel service that neither std nor nix offers in a safe or a complete form.
//! The rest of the crate denies `unsafe_code`.
#![allow(unsafe_code)]

use std::ffi::{CStr, OsString};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, IntoRawFd};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::ptr;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::libc::{self, c_char, c_int, c_long, c_void, signalfd_siginfo};
use nix::sys::signal::{SigHandler, SigSet, Signal};
use nix::sys::stat::Mode;
use nix::unistd::Pid;

mod heap;

/// Defines C's `main`, which hands over to `$main(Vec<OsString>, SignalSet) -> u8`.
///
/// Why not Rust's: its runtime runs first, and by then has made some 15 system calls, changed
/// SIGPIPE, opened files, and left a window in which a signal ends hinit. Here the first
/// instruction of ours blocks all signals. (Its price: `std::env::args` is empty on musl.)
macro_rules! c_main {
    ($main:path) => {
        #[cfg(not(test))]
        #[allow(unsafe_code)]
        #[unsafe(no_mangle)]
        extern "C" fn main(
            argc: std::ffi::c_int,
            argv: *const *const std::ffi::c_char,
        ) -> std::ffi::c_int {
            let inherited = $crate::sys::set_signal_mask($crate::sys::SignalSet::ALL);
            $crate::sys::occupy_standard_fds();
            // SAFETY: these are the arguments of C's main, as they came.
            let arguments = unsafe { $crate::sys::arguments(argc, argv) };
            $main(arguments, inherited).into()
        }
    };
}
pub(crate) use c_main;

/// Copies the arguments of C's `main`.
///
/// # Safety
/// `words` must point to `count` pointers to NUL-terminated strings.
pub(crate) unsafe fn arguments(count: c_int, words: *const *const c_char) -> Vec<OsString> {
    (0..usize::try_from(count).unwrap_or(0))
        .map(|i| {
            // SAFETY: the caller vouches for `count` pointers, each to a C string.
            let word = unsafe { CStr::from_ptr(*words.add(i)) };
            OsString::from_vec(word.to_bytes().to_vec())
        })
        .collect()
}

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

    pub(crate) fn with(self, signal: Signal) -> Self {
        Self(self.0 | Self::bit(signal))
    }

    pub(crate) fn without(self, signal: Signal) -> Self {
        Self(self.0 & !Self::bit(signal))
    }

    fn bit(signal: Signal) -> u64 {
        1 << (signal as c_int - 1)
    }
}

/// Replaces the mask of blocked signals and returns the one before.
pub(crate) fn set_signal_mask(mask: SignalSet) -> SignalSet {
    let mut old: u64 = 0;
    // SAFETY: both pointers are to 8 bytes, the size that the kernel is told; it keeps neither.
    unsafe {
        libc::syscall(
            libc::SYS_rt_sigprocmask,
            libc::SIG_SETMASK,
            &raw const mask.0,
            &raw mut old,
            size_of::<u64>(),
        );
    }
    SignalSet(old)
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
    let handler = if ignore {
        SigHandler::SigIgn
    } else {
        SigHandler::SigDfl
    };
    // SAFETY: neither disposition runs code of ours.
    let old = unsafe { nix::sys::signal::signal(Signal::SIGCHLD, handler) };
    matches!(old, Ok(SigHandler::SigIgn))
}

/// Starts a child that runs `act` on memory it shares with hinit, which waits until the child has
/// executed another program or has ended (`clone(2)` with the flags of `vfork(2)`).
///
/// `fork` would copy the page tables: that takes four times as long.
pub(crate) fn spawn(act: &mut dyn FnMut()) -> nix::Result<Pid> {
    extern "C" fn child(act: *mut c_void) -> c_int {
        // SAFETY: the pointer is to `act` below, alive as long as the parent waits.
        let act = unsafe { &mut *act.cast::<&mut dyn FnMut()>() };
        act();
        0
    }
    /// Far more than the child uses: only the pages that it touches cost anything.
    const STACK: usize = 64 * 1024;
    let mut act = act;
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    // SAFETY: the parent is suspended until the child lets go of its memory, so nothing that they
    // share is used by both at once, and `act` and the stack outlive the child's use of them. The
    // stack's end is that of a page, aligned as the ABIs want.
    unsafe {
        let (protection, kind) = (
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_STACK,
        );
        let stack = libc::mmap(ptr::null_mut(), STACK, protection, kind, -1, 0);
        if stack == libc::MAP_FAILED {
            return Err(Errno::last());
        }
        let pid = libc::clone(child, stack.byte_add(STACK), flags, (&raw mut act).cast());
        let pid = Errno::result(pid).map(Pid::from_raw);
        libc::munmap(stack, STACK);
        pid
    }
}

/// Unmaps hinit's own code. What is still needed comes back by itself, from the page cache; what
/// only the start has needed, and that is most of it, no longer counts as hinit's memory.
pub(crate) fn release_code() {
    unsafe extern "C" {
        /// The two ends of the code, as every linker defines them.
        static __executable_start: u8;
        static etext: u8;
    }
    const PAGE: usize = 4096;
    let start = (&raw const __executable_start)
        .addr()
        .next_multiple_of(PAGE);
    let end = (&raw const etext).addr() & !(PAGE - 1);
    // SAFETY: these pages are private, read-only and of a file: dropped, they are read anew. (Were
    // the numbers wrong, as by pages of another size, the kernel would refuse.)
    unsafe {
        libc::madvise(
            ptr::without_provenance_mut(start),
            end - start,
            libc::MADV_DONTNEED,
        )
    };
}

/// The PID of a child that has ended, if there is one. It stays a zombie, its PID unused, until
/// [`reap`].
///
/// Not nix's: that turns a death by a real-time signal into an error.
pub(crate) fn ended_child() -> nix::Result<Option<Pid>> {
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    let options = libc::WEXITED | libc::WNOWAIT | libc::WNOHANG;
    // SAFETY: the kernel writes at most one siginfo_t, and all zeros is one that names nobody.
    let pid = unsafe {
        Errno::result(libc::waitid(libc::P_ALL, 0, info.as_mut_ptr(), options))?;
        info.assume_init().si_pid()
    };
    Ok((pid != 0).then(|| Pid::from_raw(pid)))
}

/// Reaps a child, waiting for its end if need be. Not nix's, for the reason above.
pub(crate) fn reap(pid: Pid) -> nix::Result<ExitStatus> {
    let mut status = 0;
    // SAFETY: the kernel writes one int.
    Errno::result(unsafe { libc::waitpid(pid.as_raw(), &raw mut status, 0) })?;
    Ok(ExitStatus::from_raw(status))
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

/// Asks whether there is a process of this PID: ESRCH if not, or if it is another process's thread.
pub(crate) fn probe_process(pid: Pid) -> nix::Result<()> {
    // tgkill(2) and not kill: that takes a thread for its process.
    // SAFETY: no memory is passed, and signal 0 is none.
    let result = unsafe { libc::syscall(libc::SYS_tgkill, pid.as_raw(), pid.as_raw(), 0) };
    Errno::result(result).map(drop)
}

/// Standard output. The two are open from [`occupy_standard_fds`] on and never closed.
// SAFETY: see above: 1 is open as long as the program runs.
pub(crate) const STDOUT: BorrowedFd<'static> = unsafe { BorrowedFd::borrow_raw(1) };
// SAFETY: see above: 2 is open as long as the program runs.
pub(crate) const STDERR: BorrowedFd<'static> = unsafe { BorrowedFd::borrow_raw(2) };

/// Makes sure that no file which hinit opens becomes 0, 1 or 2: a log line would land in it.
///
/// A closed one is filled with a descriptor that can neither be read nor written, and that is
/// closed again for the server, which so finds what hinit found.
pub(crate) fn occupy_standard_fds() {
    let mut fds = [0, 1, 2].map(|fd| libc::pollfd {
        fd,
        events: 0,
        revents: 0,
    });
    // SAFETY: the kernel writes to these three entries, and only during the call.
    unsafe { libc::poll(fds.as_mut_ptr(), 3, 0) };
    for fd in &fds {
        if fd.revents & libc::POLLNVAL != 0
            && let Ok(filler) = open("/", OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())
        {
            // The lowest free number is this one, for the lower ones are open by now.
            let _kept_open = filler.into_raw_fd();
        }
    }
}

/// From now on SIGALRM ends the process with `code`, after `last_words` had its say.
///
/// That runs in a signal handler, amid whatever was interrupted: it may format on the stack and
/// write, but not allocate.
pub(crate) fn exit_on_alarm(last_words: impl Fn() + Send + Sync + 'static, code: u8) {
    let action = move || {
        last_words();
        signal_hook::low_level::exit(code.into());
    };
    // SAFETY: what `last_words` may do, write and _exit are async-signal-safe.
    let registered = unsafe { signal_hook::low_level::register(libc::SIGALRM, action) };
    // Should the kernel refuse, SIGALRM still ends the process, if without a word.
    drop(registered);
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

/// `getenv(3)`. Not std's: its lock costs a page.
pub(crate) fn environment(name: &CStr) -> Option<OsString> {
    // SAFETY: hinit never changes its environment, so what getenv returns stays as it is.
    let value = unsafe {
        let value = libc::getenv(name.as_ptr());
        (!value.is_null()).then(|| CStr::from_ptr(value))
    };
    value.map(|value| OsString::from_vec(value.to_bytes().to_vec()))
}
