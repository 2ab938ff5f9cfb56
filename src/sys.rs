//! All of hinit's unsafe code, and nothing else: here what concerns the process, in files of their
//! own what concerns signals, children and the allocator.
//!
//! Each item is one kernel service that neither std nor nix offers in a safe or a complete form.
//! The rest of the crate denies `unsafe_code`.
#![allow(unsafe_code)]

use std::ffi::{CStr, OsString};
use std::os::fd::{AsRawFd, BorrowedFd, IntoRawFd, RawFd};
use std::os::unix::ffi::OsStringExt;
use std::ptr;

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::libc::{self, c_char, c_int};
use nix::sys::stat::Mode;
use nix::unistd::Pid;

mod child;
mod heap;
mod identity;
mod raw;
mod signals;
mod socket;
#[cfg(all(panic = "abort", not(test)))]
mod unwind;
mod wait;

pub(crate) use child::{
    Executable, NumberVariable, Plan, fork, is_missing, pidfd_number, release_stack, spawn,
};
pub(crate) use heap::{OnAllocFailure, on_alloc_failure, on_alloc_failure_of_command, try_reserve};
pub(crate) use identity::{
    clear_ambient_capabilities, effective_user, groups, has_capability, set_gids, set_groups,
    set_uids,
};
#[cfg(test)]
pub(crate) use signals::no_signal;
pub(crate) use signals::{
    Handle, SignalSet, exit_on_alarm, ignore_sigchld, kill, leave_terminal, libc_set, queue_signal,
    set_alarm, set_signal_mask, stop_own_group, take_terminal,
};
pub(crate) use socket::{Datagram, accept, receive};
pub(crate) use wait::{ended_child, is_child, is_running_child, reap};

/// Defines C's `main`, which hands over to `$main(Vec<OsString>, SignalSet) -> u8`.
///
/// Why not Rust's: its runtime runs first, and by then has made some 15 system calls, changed
/// SIGPIPE, opened files, and left a window in which a signal ends hinit. Here the first
/// instruction of ours blocks all signals. (Its price: `std::env::args` is empty on musl.)
macro_rules! c_main {
    ($main:path) => {
        #[cfg(not(any(test, fuzzing)))]
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
    // SAFETY: the caller vouches for this one as well.
    let command = (count > 1).then(|| unsafe { CStr::from_ptr(*words.add(1)) });
    on_alloc_failure_of_command(command.map(CStr::to_bytes));
    (0..usize::try_from(count).unwrap_or(0))
        .map(|i| {
            // SAFETY: the caller vouches for `count` pointers, each to a C string.
            let word = unsafe { CStr::from_ptr(*words.add(i)) };
            OsString::from_vec(word.to_bytes().to_vec())
        })
        .collect()
}

/// What an errno means, in a few words (`strerror(3)`). Not nix's: its table is larger, and relocated at
/// each start.
pub(crate) fn describe(errno: Errno) -> &'static str {
    // SAFETY: musl has a text for every number, and never changes or frees one.
    let text = unsafe { CStr::from_ptr(libc::strerror(errno as c_int)) };
    text.to_str().unwrap_or_default()
}

/// Whether that succeeds in a child process, on a copy of hinit's memory and descriptors. hinit waits for it.
pub(crate) fn succeeds_in_child(act: &mut dyn FnMut() -> bool) -> nix::Result<bool> {
    reap(fork(act)?).map(|status| status.success())
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

/// Asks whether there is a process of this PID: ESRCH if not, or if it is another process's thread.
pub(crate) fn probe_process(pid: Pid) -> nix::Result<()> {
    // tgkill(2) and not kill: that takes a thread for its process.
    // SAFETY: no memory is passed, and signal 0 is none.
    let result = unsafe { libc::syscall(libc::SYS_tgkill, pid.as_raw(), pid.as_raw(), 0) };
    Errno::result(result).map(drop)
}

/// Standard input. The three are open from [`occupy_standard_fds`] on and never closed.
// SAFETY: see above: 0 is open as long as the program runs.
pub(crate) const STDIN: BorrowedFd<'static> = unsafe { BorrowedFd::borrow_raw(0) };
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
    // Should it fail (no memory), they count as open, as they mostly are.
    // SAFETY: the kernel writes to these three entries, and only during the call.
    unsafe { libc::poll(fds.as_mut_ptr(), 3, 0) };
    for fd in &fds {
        if fd.revents & libc::POLLNVAL != 0
            && let Ok(filler) = open(c"/", OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())
        {
            // The lowest free number is this one, for the lower ones are open by now.
            let _kept_open = filler.into_raw_fd();
        }
    }
}

/// `getenv(3)`. Not std's: its lock costs a page.
pub(crate) fn environment(name: &CStr) -> Option<OsString> {
    // SAFETY: nothing changes the environment between the two calls: hinit has one thread.
    let value = unsafe {
        let value = libc::getenv(name.as_ptr());
        (!value.is_null()).then(|| CStr::from_ptr(value))
    };
    value.map(|value| OsString::from_vec(value.to_bytes().to_vec()))
}

unsafe extern "C" {
    /// `environ(7)`.
    static environ: *const *const c_char;
}

/// The same, or ENOMEM where there is no room for a copy.
pub(crate) fn try_environment(name: &CStr) -> nix::Result<Option<OsString>> {
    // SAFETY: nothing changes the environment as long as the value is looked at: hinit has one thread.
    let value = unsafe {
        let value = libc::getenv(name.as_ptr());
        (!value.is_null()).then(|| CStr::from_ptr(value))
    };
    let Some(value) = value.map(CStr::to_bytes) else {
        return Ok(None);
    };
    let mut copy = Vec::new();
    try_reserve(&mut copy, value.len())?;
    copy.extend_from_slice(value);
    Ok(Some(OsString::from_vec(copy)))
}

/// Whether one of the environment variables that begin so (`NAME=value`) is looked for; stops at the first.
pub(crate) fn any_variable(prefix: &[u8], is_looked_for: &mut dyn FnMut(&[u8]) -> bool) -> bool {
    // SAFETY: it points to pointers to C strings, up to a null pointer; nothing changes it meanwhile.
    unsafe {
        let mut variable = environ;
        while !variable.is_null() && !(*variable).is_null() {
            let text = CStr::from_ptr(*variable).to_bytes();
            if text.starts_with(prefix) && is_looked_for(text) {
                return true;
            }
            variable = variable.add(1);
        }
    }
    false
}

/// How many bytes a page has (getauxval(3)).
pub(crate) fn page_size() -> u64 {
    // SAFETY: no memory is passed.
    unsafe { libc::getauxval(libc::AT_PAGESZ) }
}

/// `setenv(3)`, for the server. It takes memory, and so can fail.
pub(crate) fn set_environment(name: &CStr, value: &CStr) -> nix::Result<()> {
    // SAFETY: libc copies both. Nothing holds on to what `environment` returned: it copies as well.
    Errno::result(unsafe { libc::setenv(name.as_ptr(), value.as_ptr(), 1) }).map(drop)
}

/// A soft and a hard limit.
type Limits = (libc::rlim_t, libc::rlim_t);

/// The caller's limits of queued signals (`RLIMIT_SIGPENDING`, prlimit(2)), as they were; sets others, if
/// there are any.
pub(crate) fn signal_queue_limits(limits: Option<Limits>) -> nix::Result<Limits> {
    let new = limits.map(|(rlim_cur, rlim_max)| libc::rlimit { rlim_cur, rlim_max });
    let new = new.as_ref().map_or(ptr::null(), ptr::from_ref);
    let mut old = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the kernel reads one rlimit, if there is a pointer to it, and writes one; it keeps neither.
    Errno::result(unsafe { libc::prlimit(0, libc::RLIMIT_SIGPENDING, new, &raw mut old) })?;
    Ok((old.rlim_cur, old.rlim_max))
}

/// `unsetenv(3)`, before the server is spawned. It fails only for what is no name.
pub(crate) fn unset_environment(name: &CStr) {
    // SAFETY: hinit has one thread, and `environment` returns copies.
    unsafe { libc::unsetenv(name.as_ptr()) };
}

/// Closes every descriptor from 3 on but these (`close_range(2)`, since Linux 5.9). An error, if some may
/// still be open.
///
/// Whoever calls this must name all that hinit has; the others it was given, for the server.
pub(crate) fn close_all_but(mut kept: Vec<RawFd>) -> nix::Result<()> {
    kept.sort_unstable();
    let mut first = 3;
    for fd in kept.iter().copied().chain([RawFd::MAX]) {
        if first < fd {
            // SAFETY: by the contract above, nothing that Rust owns is in between.
            let closed = unsafe { libc::syscall(libc::SYS_close_range, first, fd - 1, 0) };
            // An older kernel has no such call, and a seccomp profile may refuse it.
            if closed != 0 {
                return close_one_by_one(&kept);
            }
        }
        first = fd.saturating_add(1);
    }
    Ok(())
}

fn close_one_by_one(kept: &[RawFd]) -> nix::Result<()> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let mut open = Dir::open("/proc/self/fd", flags, Mode::empty())?;
    let own = open.as_raw_fd();
    for entry in open.iter() {
        let entry = entry?;
        let fd = entry
            .file_name()
            .to_str()
            .ok()
            .and_then(|fd| fd.parse().ok());
        if let Some(fd @ 3..) = fd
            && fd != own
            && !kept.contains(&fd)
        {
            // SAFETY: as above. (It is closed, whatever this says: close(2).)
            unsafe { libc::close(fd) };
        }
    }
    Ok(())
}
