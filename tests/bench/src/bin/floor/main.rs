//! The floor: a program that makes the system calls which hinit's promises (the guides) need, in hinit's order, and does
//! nothing else. What hinit takes above it is hinit's own: its code, its memory, the options that it reads. So it has no
//! options, no messages and no second attempts, and refuses all but the usual case.
//!
//!     floor parent COMMAND...        start COMMAND and wait, by a static program without any promise
//!     floor run FILE COMMAND...      `hinit --pid-file FILE -- COMMAND...`
//!     floor listen FILE COMMAND...   the same with `--listen`, as far as health checks ask
//!     floor healthcheck FILE         `hinit healthcheck --pid-file FILE`
//!
//! COMMAND and FILE are absolute paths. It has C's `main`, for the same reason as `noop`.

#![no_main]
#![allow(unsafe_code)] // it is nothing but system calls
#![allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)] // descriptors and PIDs are small

use std::ffi::{CStr, c_char};

mod call;
mod check;
mod launch;
mod socket;

use launch::Command;

#[unsafe(no_mangle)]
extern "C" fn main(_: i32, argv: *const *const c_char, envp: *const *const c_char) -> i32 {
    // SAFETY: an array of C strings, with a null pointer at its end.
    let word = |at: usize| unsafe {
        let word = (0..=at)
            .map(|at| *argv.add(at))
            .take_while(|word| !word.is_null());
        word.last().map(|word| CStr::from_ptr(word))
    };
    let command = |at: usize| Command {
        argv: argv.wrapping_add(at),
        envp,
    };
    match (word(1).map(CStr::to_bytes), word(2)) {
        (Some(b"parent"), Some(_)) => launch::parent(command(2)),
        (Some(b"run"), Some(file)) => launch::run(file, command(3), false),
        (Some(b"listen"), Some(file)) => launch::run(file, command(3), true),
        (Some(b"healthcheck"), Some(file)) => check::check(file),
        _ => 125,
    }
}
