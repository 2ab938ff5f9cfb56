//! A static program that does nothing, with which a launch and a health check are compared.
//! It has C's `main`, so that Rust's runtime does not run before it.

#![no_main]
#![allow(unsafe_code)] // `main` must keep its name

#[unsafe(no_mangle)]
extern "C" fn main() -> i32 {
    0
}
