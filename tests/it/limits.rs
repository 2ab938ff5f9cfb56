//! What hinit does where there is too little of something: it says in one line why it does not launch the
//! server, or goes on with a warning. (Limits that others test: `bad_input.rs` has file systems that are
//! full or read-only before the start, `pid_file.rs` what others do to the PID file, `exec_errors.rs` the
//! limit of a user's processes, `listen/exhaustion.rs` connections without descriptors, and all probes run
//! in 1 MB of memory, `support/probing.rs`.)

use crate::support::*;

mod clock;
mod descriptors;
mod disk;
mod memory;
mod mishaps;
mod processes;
