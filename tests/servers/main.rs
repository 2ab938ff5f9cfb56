//! hinit with real servers, as packages install them: nginx, Caddy, Node, uWSGI, HAProxy, PHP-FPM, PostgreSQL, Redis, memcached,
//! beanstalkd, ZooKeeper, OpenSSH, Postfix and Java from Debian; gunicorn, granian, gRPC and sdnotify from PyPI.
//!
//! `tests/servers/run` installs what they need. If a server is missing its tests print that they are skipped, and fail in
//! CI.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr
)]
// A function that `in_both_modes!` does not list is dead code: as a test it would never run.
#![deny(dead_code)]
#![allow(clippy::doc_markdown)] // PostgreSQL and PyPI are names

#[path = "../it/support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "tests/it uses the rest of it")]
mod support;

mod balancers;
mod gunicorn;
mod health;
mod home;
mod nginx;
mod notify;
mod postgresql;
