//! The least that a health check by PID file can do: read the file, ask the kernel for that process, say so. No lock,
//! no owner, no zombie: what hinit's check takes is shown next to this.
//! C's `main`, and none of Rust's standard streams, for the same reason as in `noop`.

#![no_main]
#![allow(unsafe_code)] // `main` must keep its name, and what it is given is C's

use std::ffi::{CStr, c_char};
use std::os::fd::BorrowedFd;

use nix::fcntl::{OFlag, open};
use nix::sys::signal::kill;
use nix::sys::stat::Mode;
use nix::unistd::{Pid, read, write};

#[unsafe(no_mangle)]
extern "C" fn main(_: i32, argv: *const *const c_char) -> i32 {
    // SAFETY: behind the name of the program there is an argument, or the end of them, which is null.
    let file = unsafe { *argv.add(1) };
    if file.is_null() {
        return 1;
    }
    // SAFETY: an argument is a string, and stays.
    let is_alive = is_alive(unsafe { CStr::from_ptr(file) }) == Some(true);
    let line: &[u8] = if is_alive {
        b"healthy\n"
    } else {
        b"unhealthy\n"
    };
    // SAFETY: nobody closes standard output. If nobody opened it, the line is lost.
    let _ = write(unsafe { BorrowedFd::borrow_raw(1) }, line);
    (!is_alive).into()
}

fn is_alive(file: &CStr) -> Option<bool> {
    let file = open(file, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty()).ok()?;
    let mut bytes = [0; 32];
    let length = read(&file, &mut bytes).ok()?;
    let digits = std::str::from_utf8(bytes.get(..length)?).ok()?;
    let pid = digits.trim_ascii().parse().ok()?;
    Some(kill(Pid::from_raw(pid), None).is_ok())
}
