//! hinit and its last version share a PID file, in both directions: neither says of the other's server what is not true.
//! tests/upgrade/run starts these tests.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr
)]
#![allow(
    clippy::wildcard_imports,
    reason = "the tests share one support module"
)]
#![deny(dead_code)]

use std::path::{Path, PathBuf};
use std::process::Command;

use nix::libc::{SIGKILL, SIGSTOP, SIGTERM, SIGUSR1};

#[path = "../it/support/mod.rs"]
#[allow(
    dead_code,
    unused_imports,
    unused_macros,
    reason = "tests/it uses the rest of it"
)]
mod support;

use support::*;

/// Which of the two binaries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    Old,
    New,
}

use Version::{New, Old};

/// Who writes the PID file, and who reads it.
const DIRECTIONS: [(Version, Version); 2] = [(Old, New), (New, Old)];

impl Version {
    fn binary(self) -> PathBuf {
        match self {
            New => hinit(),
            Old => std::env::var_os("OLD_BINARY")
                .expect("type `tests/upgrade/run`")
                .into(),
        }
    }

    /// hinit of this version, with this PID file and without a server yet.
    fn start(self, pid_file: &Path) -> Start {
        let mut command = command_in(Mode::Subreaper, self.binary());
        command.env_remove("HINIT_PID_FILE");
        Start::of(Mode::Subreaper, command).pid_file(pid_file)
    }

    fn verdict(self, pid_file: &Path, more: &[&str]) -> String {
        verdict_by(&mut Command::new(self.binary()), pid_file, more)
    }

    #[track_caller]
    fn finds_healthy(self, pid_file: &Path, server: i32) {
        let healthy = format!("healthy: process {server} ");
        for more in [&[][..], &["--ready"]] {
            eventually("the other hinit's server is healthy", || {
                let verdict = self.verdict(pid_file, more);
                verdict.starts_with(&healthy).then_some(())
            });
        }
    }

    #[track_caller]
    fn finds_unhealthy(self, pid_file: &Path) {
        let verdict = self.verdict(pid_file, &[]);
        assert!(verdict.starts_with("unhealthy: "), "{self:?}: {verdict}");
    }
}

/// With a path for the PID file, in each direction.
fn in_both_directions(test: impl Fn(Version, Version, &Path)) {
    for (writer, reader) in DIRECTIONS {
        eprintln!("{writer:?} writes, {reader:?} reads");
        let dir = TempDir::new();
        test(writer, reader, &dir.join("pid"));
    }
}

#[test]
fn these_are_two_versions() {
    let [old, new] = [Old, New].map(|version| {
        let output = Command::new(version.binary()).arg("--version").output();
        Ended::of(&output.unwrap()).stdout
    });
    assert!(old.starts_with("hinit 0.1.0"), "{old}");
    assert_ne!(old, new);
}

#[test]
fn a_running_server_is_healthy_and_gets_signals() {
    in_both_directions(|writer, reader, pid_file| {
        let address = unused_address().to_string();
        let hinit = writer.start(pid_file).args(["--listen", &address]);
        let hinit = hinit.fixture(["signals"]).start().ready();
        reader.finds_healthy(pid_file, hinit.server());
        let mut signal = Command::new(reader.binary());
        signal.args(["signal", "USR1", "--pid-file"]).arg(pid_file);
        assert!(signal.status().unwrap().success());
        assert_eq!(hinit.line(), format!("signal {SIGUSR1}"));
        // The end of the server is the end of its file.
        hinit.stop();
        reader.finds_unhealthy(pid_file);
        assert!(!pid_file.exists());
    });
}

#[test]
fn a_server_of_a_hinit_without_a_socket_is_healthy() {
    in_both_directions(|writer, reader, pid_file| {
        let hinit = writer.start(pid_file).fixture(["signals"]).start().ready();
        let healthy = format!("healthy: process {} is alive", hinit.server());
        eventually("it is healthy", || {
            (reader.verdict(pid_file, &[]) == healthy).then_some(())
        });
        // It does not know more.
        let ready = reader.verdict(pid_file, &["--ready"]);
        assert!(ready.starts_with("unhealthy: "), "{ready}");
    });
}

#[test]
fn a_server_that_is_about_to_be_stopped_is_unhealthy() {
    in_both_directions(|writer, reader, pid_file| {
        let hinit = writer.start(pid_file).args(["--stop-delay", "10m"]);
        let hinit = hinit.fixture(["signals"]).start().ready();
        hinit.signal(SIGTERM);
        eventually("it is marked", || {
            let verdict = reader.verdict(pid_file, &[]);
            verdict.starts_with("unhealthy: ").then_some(())
        });
        assert_eq!(recorded(pid_file), hinit.server());
    });
}

#[test]
fn a_stopped_and_a_silent_server_are_unhealthy() {
    in_both_directions(|writer, reader, pid_file| {
        let hinit = writer.start(pid_file).args(["--watchdog", "100ms"]);
        let hinit = hinit.notifies(&["READY=1"]).start().ready();
        eventually("it is silent", || {
            let verdict = reader.verdict(pid_file, &[]);
            let silent = "unhealthy: no sign of life for ";
            verdict.starts_with(silent).then_some(())
        });
        drop(hinit);
        let hinit = writer.start(pid_file).fixture(["signals"]).start().ready();
        let server = hinit.server();
        kill(server, SIGSTOP);
        wait_for_state(server, 'T');
        reader.finds_unhealthy(pid_file);
    });
}

#[test]
fn a_second_hinit_of_the_other_version_does_not_take_the_file() {
    in_both_directions(|first, second, pid_file| {
        let hinit = first.start(pid_file).args(["--notify"]);
        let hinit = hinit.notifies(&["READY=1"]).start().ready();
        let refused = second.start(pid_file).fixture(["exit", "3"]).run();
        assert_eq!(refused.code, 125, "{}", refused.log);
        for version in [first, second] {
            version.finds_healthy(pid_file, hinit.server());
        }
    });
}

#[test]
fn what_a_killed_hinit_leaves_is_stale_and_the_other_version_takes_it() {
    in_both_directions(|killed, next, pid_file| {
        for _ in 0..10 {
            let hinit = killed.start(pid_file).args(["--notify"]);
            let hinit = hinit.notifies(&["READY=1"]).start().ready();
            let orphan = hinit.server();
            killed.finds_healthy(pid_file, orphan);
            let pid = hinit.pid();
            kill(pid, SIGKILL);
            eventually("it has released its locks", || {
                status_of(pid, "State")
                    .is_none_or(|state| state.starts_with('Z'))
                    .then_some(())
            });
            // The server lives on, and nothing says any more that it is one.
            assert_eq!(recorded(pid_file), orphan);
            for version in [killed, next] {
                version.finds_unhealthy(pid_file);
            }
            let successor = next.start(pid_file).args(["--notify"]);
            let successor = successor.notifies(&["READY=1"]).start().ready();
            for version in [killed, next] {
                version.finds_healthy(pid_file, successor.server());
            }
            successor.kill_with_server();
            kill(orphan, SIGKILL);
            for version in [killed, next] {
                version.finds_unhealthy(pid_file);
            }
        }
    });
}
