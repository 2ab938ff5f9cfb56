//! Tests of the binary, as a subreaper and as PID 1 of a PID namespace; see tests/README.md.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr
)]
// A function that `in_both_modes!` does not list is dead code: as a test it would never run.
#![deny(dead_code)]

// A dynamically linked hinit cannot run in the empty images and file systems of these tests.
#[cfg(not(any(target_env = "musl", clippy)))]
compile_error!(
    "type `tests/run`: these tests need the static hinit (`cargo test --bins` runs the unit tests)"
);

mod support;

mod attacks;
mod bad_input;
mod beside;
mod cli;
mod compat;
mod completions;
mod crash;
mod exec_errors;
mod expansion;
mod file_sizes;
mod follow;
mod groups;
mod hostile;
mod install;
mod lifecycle;
mod limits;
mod listen;
mod log;
mod messages;
mod notify;
mod odd_answers;
mod odd_places;
mod odd_servers;
mod other_user;
mod pause;
mod pid_file;
mod probes;
mod races;
mod readers;
mod ready;
mod shutdown;
mod signal;
mod signals;
mod soak;
mod stale;
mod start;
mod status;
mod stop_signals;
mod terminal;
#[cfg(feature = "tls")]
mod tls;
mod user;
mod variables;
mod verdicts;
mod window;
