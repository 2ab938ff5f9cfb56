//! hinit with what only newer engines have: `BuildKit`, containerd's image store and its own client, Podman without root,
//! and Quadlet's units under systemd; and the image archive of a release.
//!
//! `tests/engines/run` starts the engines and runs these tests. Elsewhere they fail.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod archive;
mod buildkit;
mod containerd;
#[path = "../docker/engine.rs"]
#[expect(dead_code, reason = "some of it is only for the tests with Docker")]
mod engine;
mod platforms;
mod rootless;
#[path = "../docker/sandbox.rs"]
#[expect(dead_code, reason = "some of it is only for the tests with Docker")]
mod sandbox;
mod systemd;
