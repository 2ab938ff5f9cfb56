//! All of hinit's unsafe code, and nothing else. This file has what concerns the process; signals, children,
//! descriptors, the environment and the allocator have files of their own.
//!
//! Each item is one kernel service that neither std nor nix offers in a safe or a complete form.
//! The rest of the crate denies `unsafe_code`.
#![allow(unsafe_code)]

use std::ffi::{CStr, OsString};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::ptr;

use nix::errno::Errno;
use nix::libc::{self, c_char, c_int};
use nix::unistd::Pid;

mod alarm;
mod bytes;
mod child;
#[cfg(not(any(test, fuzzing)))]
mod clock;
mod descriptors;
mod directory;
mod environment;
mod exit;
#[cfg_attr(
    not(any(target_arch = "x86_64", target_arch = "aarch64")),
    path = "sys/statx.rs"
)]
mod file_status;
mod heap;
mod identity;
mod own_process;
mod process_handle;
#[cfg(feature = "tls")]
mod random;
mod raw;
mod signals;
mod socket;
mod terminal;
#[cfg(panic = "abort")]
mod unwind;
mod wait;
mod wall_clock;

pub(crate) use alarm::{AlarmExit, exit_on_alarm, set_alarm};
pub(crate) use bytes::Bytes;
pub(crate) use child::{Child, ChildPlan, Executable, StartingChild, fork, succeeds_in_child};
#[cfg(not(any(test, fuzzing)))]
pub(crate) use descriptors::occupy_standard_fds;
pub(crate) use descriptors::{KeptDescriptors, STDERR, STDIN, STDOUT};
pub(crate) use directory::{each_name, symlink_target};
pub(crate) use environment::{
    ServerEnvironment, each_variable, environment, set_environment, unset_environment,
};
pub(crate) use exit::LINE_TIMEOUT;
#[cfg(test)]
pub(crate) use file_status::no_file;
pub(crate) use file_status::{FileStat, fstat, stat, stat_at};
pub(crate) use heap::{OnAllocFailure, on_alloc_failure, try_reserve};
pub(crate) use identity::{
    clear_ambient_capabilities, effective_user, groups, has_capability, set_gids, set_groups,
    set_uids,
};
pub(crate) use own_process::pidfd_number;
pub(crate) use process_handle::ProcessHandle;
#[cfg(feature = "tls")]
pub(crate) use random::fill_with_random;
#[cfg(test)]
pub(crate) use signals::no_signal;
pub(crate) use signals::{
    SignalSet, ignore_sigchld, kill, libc_set, queue_signal, set_signal_mask,
};
pub(crate) use socket::{Datagram, accept, receive};
pub(crate) use terminal::{leave_terminal, stop_own_group, take_terminal};
pub(crate) use wait::{ended_child, is_child, is_running_child, reap, reap_ended};
pub(crate) use wall_clock::wall_clock;

use raw::{call, int};

/// Defines C's `main`, which calls `$before(Option<&[u8]>)` with the first argument before anything is allocated, and
/// then `$main(Vec<OsString>, SignalSet) -> u8`.
///
/// Not Rust's `main`, because Rust's runtime runs before that: it makes some 15 system calls, changes SIGPIPE, opens
/// files, and leaves a time in which a signal ends hinit. Here hinit's first instruction blocks all signals. (The
/// price: `std::env::args` is empty on musl.)
macro_rules! c_main {
    ($before:path, $main:path) => {
        #[cfg(not(any(test, fuzzing)))]
        #[allow(unsafe_code)]
        #[unsafe(no_mangle)]
        extern "C" fn main(
            argc: std::ffi::c_int,
            argv: *const *const std::ffi::c_char,
        ) -> std::ffi::c_int {
            let inherited = $crate::sys::set_signal_mask($crate::sys::SignalSet::ALL);
            $crate::sys::occupy_standard_fds();
            // SAFETY: these are the arguments of C's main, unchanged.
            let arguments = unsafe { $crate::sys::arguments(argc, argv, $before) };
            $main(arguments, inherited).into()
        }
    };
}
pub(crate) use c_main;

/// Copies the arguments of C's `main`. First calls `before` with the first of them.
///
/// # Safety
/// `arguments` must point to `count` pointers to NUL-terminated strings.
pub(crate) unsafe fn arguments(
    count: c_int,
    arguments: *const *const c_char,
    before: fn(Option<&[u8]>),
) -> Vec<OsString> {
    // SAFETY: as below.
    let first = (count > 1).then(|| unsafe { CStr::from_ptr(*arguments.add(1)) });
    before(first.map(CStr::to_bytes));
    (0..usize::try_from(count).unwrap_or(0))
        .map(|i| {
            // SAFETY: the caller guarantees `count` pointers, each to a C string.
            let argument = unsafe { CStr::from_ptr(*arguments.add(i)) };
            OsString::from_vec(argument.to_bytes().to_vec())
        })
        .collect()
}

/// What an errno means, in a few words (`strerror(3)`). Not nix's: its table is larger, and is relocated at each
/// start.
pub(crate) fn describe(errno: Errno) -> &'static str {
    // SAFETY: musl has a text for every number, and never changes or frees one.
    let text = unsafe { CStr::from_ptr(libc::strerror(errno as c_int)) };
    text.to_str().unwrap_or_default()
}

/// Whether the kernel's answer means that there is no such file.
pub(crate) fn is_missing(errno: Errno) -> bool {
    matches!(errno, Errno::ENOENT | Errno::ENOTDIR)
}

/// Unmaps hinit's own code, and the stack of the child that became the server. The kernel maps what is still needed
/// again, the code from the page cache. Most of it is needed by the start alone, and no longer counts as hinit's memory.
pub(crate) fn release_code() {
    unsafe extern "C" {
        /// The two ends of the code, as every linker defines them.
        static __executable_start: u8;
        static etext: u8;
    }
    child::give_back_stack();
    // The bits of an address that are its offset in a page.
    let offset_mask = page_size() - 1;
    let start = ((&raw const __executable_start).addr() + offset_mask) & !offset_mask;
    let end = (&raw const etext).addr() & !offset_mask;
    // SAFETY: these pages are private, read-only and of a file: the kernel reads them again when they are needed.
    unsafe {
        libc::madvise(
            ptr::without_provenance_mut(start),
            end - start,
            libc::MADV_DONTNEED,
        )
    };
}

/// Checks that there is a process with this PID: ESRCH if not, or if the PID is that of another process's thread.
pub(crate) fn probe_process(pid: Pid) -> nix::Result<()> {
    let pid = int(pid.as_raw());
    // tgkill(2) and not kill(2), which takes a thread for its process. Signal 0 is none.
    // SAFETY: no address is passed.
    unsafe { call(libc::SYS_tgkill, [pid, pid, 0]) }.map(drop)
}

/// The working directory (getcwd(2)); ENOENT, if it is not below the root. Not by libc's: that links malloc.
pub(crate) fn working_directory() -> nix::Result<PathBuf> {
    let mut path = vec![0; nix::libc::PATH_MAX as usize];
    let arguments = [path.as_mut_ptr().expose_provenance(), path.len()];
    // SAFETY: the kernel writes at most that many bytes, and keeps no pointer.
    let length = unsafe { call(libc::SYS_getcwd, arguments) }?;
    // With the NUL at the end.
    path.truncate(length - 1);
    if path.starts_with(b"/") {
        Ok(OsString::from_vec(path).into())
    } else {
        Err(Errno::ENOENT)
    }
}

/// How many bytes a page has (getauxval(3)).
pub(crate) fn page_size() -> usize {
    // SAFETY: no memory is passed.
    let size = unsafe { libc::getauxval(libc::AT_PAGESZ) };
    usize::try_from(size).unwrap_or_default()
}

/// A soft and a hard limit.
type Limits = (libc::rlim_t, libc::rlim_t);

/// Returns hinit's limits of queued signals (`RLIMIT_SIGPENDING`, prlimit(2)), and then sets new ones, if any are
/// given.
pub(crate) fn signal_queue_limits(limits: Option<Limits>) -> nix::Result<Limits> {
    let new = limits.map(|(rlim_cur, rlim_max)| libc::rlimit { rlim_cur, rlim_max });
    let new = new.as_ref().map_or(ptr::null(), ptr::from_ref);
    let mut old = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the kernel reads one rlimit, if there is a pointer to it, and writes one; it keeps neither pointer.
    Errno::result(unsafe { libc::prlimit(0, libc::RLIMIT_SIGPENDING, new, &raw mut old) })?;
    Ok((old.rlim_cur, old.rlim_max))
}
