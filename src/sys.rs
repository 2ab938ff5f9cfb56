//! All of hinit's unsafe code, and nothing else.
//!
//! Each item is one kernel service that neither std nor nix offers in a safe or a complete form.
//! The rest of the crate denies `unsafe_code`.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::ffi::{CStr, OsStr, OsString};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, IntoRawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::libc::{self, c_char, c_int};
use nix::sys::signal::{SigHandler, SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::stat::Mode;
use nix::unistd::{ForkResult, Pid};

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
            OsStr::from_bytes(word.to_bytes()).to_owned()
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

/// A descriptor from which every signal that is blocked and pending can be read.
pub(crate) fn signal_queue() -> nix::Result<SignalFd> {
    let mut all = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: a sigset_t is an array of integers, for which any bytes are a value. All ones is
    // what sigfillset should have written, with 32 to 34 in it.
    let all = unsafe {
        all.as_mut_ptr().write_bytes(0xff, 1);
        SigSet::from_sigset_t_unchecked(all.assume_init())
    };
    SignalFd::with_flags(&all, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)
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

/// `fork(2)`.
pub(crate) fn fork() -> nix::Result<ForkResult> {
    // SAFETY: hinit never starts a thread, so the child has all of the program's state intact.
    unsafe { nix::unistd::fork() }
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

/// From now on SIGALRM writes `line` to standard output and ends the process with `code`.
pub(crate) fn exit_on_alarm(line: Vec<u8>, code: u8) -> Result<(), std::io::Error> {
    let last_words = move || {
        let _nobody_left_to_tell = nix::unistd::write(STDOUT, &line);
        signal_hook::low_level::exit(code.into());
    };
    // SAFETY: write and _exit are async-signal-safe, and nothing else happens in the handler.
    unsafe { signal_hook::low_level::register(libc::SIGALRM, last_words) }.map(drop)
}

/// The heap: a small arena first, libc's malloc when that is full.
///
/// hinit needs little memory, and gives nearly all of it back in the reverse order. malloc sets
/// up its heap with half a dozen system calls and several pages; an arena in .bss costs the one
/// page that is touched.
struct Heap {
    arena: UnsafeCell<[u8; Self::SIZE]>,
    /// Where the free part of the arena begins. Atomic only because a static must be Sync.
    free: AtomicUsize,
}

#[cfg_attr(not(test), global_allocator)]
static HEAP: Heap = Heap {
    arena: UnsafeCell::new([0; Heap::SIZE]),
    free: AtomicUsize::new(0),
};

impl Heap {
    const SIZE: usize = 16 * 1024;

    /// Where in the arena an allocation begins; None if it is malloc's.
    fn offset(&self, allocation: *mut u8) -> Option<usize> {
        let offset = allocation.addr().wrapping_sub(self.arena.get().addr());
        (offset < Self::SIZE).then_some(offset)
    }
}

// SAFETY: hinit has one thread, and its signal handler allocates nothing: no two calls overlap.
unsafe impl Sync for Heap {}

// SAFETY: each part of the arena is handed out once, until it is given back: `free` only moves up
// past what is handed out, and down over what was handed out last.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let base = self.arena.get().cast::<u8>();
        let free = self.free.load(Relaxed);
        let padding = base.wrapping_add(free).align_offset(layout.align());
        let start = free.saturating_add(padding);
        let end = start.saturating_add(layout.size());
        if end > Self::SIZE {
            // SAFETY: the layout is the caller's.
            return unsafe { System.alloc(layout) };
        }
        self.free.store(end, Relaxed);
        base.wrapping_add(start)
    }

    unsafe fn dealloc(&self, allocation: *mut u8, layout: Layout) {
        match self.offset(allocation) {
            Some(start) if start + layout.size() == self.free.load(Relaxed) => {
                self.free.store(start, Relaxed);
            }
            // Not the last one: its place stays unused.
            Some(_) => {}
            // SAFETY: what is not in the arena came from `System`, with this layout.
            None => unsafe { System.dealloc(allocation, layout) },
        }
    }
}
