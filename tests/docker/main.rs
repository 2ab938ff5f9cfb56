//! hinit in real containers, driven by the `docker` command as a person would.
//!
//! `tests/docker/run` sets everything up. Without an engine each test says that it was skipped, and in
//! CI it fails.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

/// Leaves the test where no engine answers; in CI that is a failure.
macro_rules! needs_engine {
    () => {
        if !$crate::engine::is_there() {
            return;
        }
    };
}

mod compose;
mod demo;
mod engine;
mod environments;
mod example;
mod init;
mod kubernetes;
mod notify;
mod podman;
#[path = "../it/support/pty.rs"]
mod pty;
mod sandbox;
mod scratch;
mod stop;
mod swarm;
mod terminal;
