//! hinit in real containers, used by the `docker` command as a user does it.
//!
//! `tests/docker/run` builds and installs what they need. Without an engine each test prints that it is skipped, and
//! fails in CI.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

/// Returns from the test if no engine answers; fails in CI.
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
mod guides;
mod init;
mod kubernetes;
#[path = "../../src/checks/markdown.rs"]
#[allow(dead_code, reason = "src/checks uses the rest of it")]
mod markdown;
mod notify;
mod podman;
#[path = "../it/support/pty.rs"]
mod pty;
mod sandbox;
mod scratch;
#[path = "../../src/checks/shown.rs"]
#[allow(dead_code, reason = "src/checks uses the rest of it")]
mod shown;
mod stop;
mod swarm;
mod terminal;
