//! The static program that does nothing: what a launch and a health check are measured against.
//! C's `main`, so that not even Rust's runtime runs before it.

#![no_main]
#![allow(unsafe_code)] // `main` must keep its name

#[unsafe(no_mangle)]
extern "C" fn main() -> i32 {
    0
}
