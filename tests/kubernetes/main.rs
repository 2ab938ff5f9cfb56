//! hinit in pods of a real kubelet: docker/kubernetes.yaml and docker/kubernetes-inject.yaml as they are, and pods for
//! what the examples do not show.
//!
//! `tests/kubernetes/run` builds Kubernetes and runs these tests on a node of their own. Without a node they fail.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod cluster;
mod cost;
#[path = "../docker/engine.rs"]
#[expect(dead_code, reason = "some of it is only for the tests with Docker")]
mod engine;
mod liveness;
mod pods;
mod rollout;
mod stop;
mod traffic;
