//! The minimum of a health check by PID file, with which hinit's check is compared: reads the file, checks that the
//! process exists (kill(2)), prints the result. It checks no lock, no owner and no zombie.
//! It has C's `main`, and uses none of Rust's standard streams, for the same reason as `noop`.

#![no_main]
#![allow(unsafe_code)] // `main` must keep its name, and its arguments are C strings

use std::ffi::{CStr, c_char};
use std::os::fd::BorrowedFd;

use nix::fcntl::{OFlag, open};
use nix::sys::signal::kill;
use nix::sys::stat::Mode;
use nix::unistd::{Pid, read, write};

#[unsafe(no_mangle)]
extern "C" fn main(_: i32, argv: *const *const c_char) -> i32 {
    // SAFETY: the array has the name of the program, then an argument or the null pointer at its end.
    let file = unsafe { *argv.add(1) };
    if file.is_null() {
        return 1;
    }
    // SAFETY: an argument is a C string, which lives as long as the process.
    let is_alive = is_alive(unsafe { CStr::from_ptr(file) }) == Some(true);
    let line: &[u8] = if is_alive {
        b"healthy\n"
    } else {
        b"unhealthy\n"
    };
    // SAFETY: this program does not close standard output. If it is closed already, the line is lost.
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
