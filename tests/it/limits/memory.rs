//! Little memory, and none at all.
//!
//! Overcommit is a setting of the whole machine, and other tests run meanwhile: so a limit of one
//! process (`RLIMIT_DATA`, `RLIMIT_AS`) simulates a machine without overcommit. Either way the kernel
//! refuses the allocation; what hinit needs from the start it refuses at the exec.

use std::process::Command;

use super::*;

mod large;
mod whole_life;

/// The signal by which the kernel ends a program for whose exec it lacks memory.
const REFUSED: i32 = 139;

/// In KiB: a limit that suffices for all, and the step between limits.
const ENOUGH: u32 = 1024;

const STEP: usize = 8;

/// The results with each limit in KiB, from none to enough, without those that the kernel refuses.
fn from_none_to_enough(kind: &str, words: &[&str]) -> Vec<(i32, String)> {
    let path = std::env::var("PATH").unwrap();
    limited(kind, (0..=ENOUGH).step_by(STEP), &path, words)
}

fn limited(
    kind: &str,
    memory: impl Iterator<Item = u32>,
    path: &str,
    words: &[&str],
) -> Vec<(i32, String)> {
    // `prlimit` itself is not searched for in that PATH.
    let prlimit = ["/usr/bin/prlimit", "/bin/prlimit"];
    let prlimit = prlimit.iter().find(|at| Path::new(at).exists()).unwrap();
    let limited = |most: u32| {
        let mut command = Command::new(prlimit);
        command.arg(format!("--{kind}={}", most * 1024));
        let command = command.arg(hinit()).args(words).env_clear();
        let ended = Ended::of(&command.env("PATH", path).output().unwrap());
        (ended.code, ended.log + &ended.stdout)
    };
    let mut said: Vec<_> = memory.map(limited).collect();
    said.retain(|(code, said)| *code != REFUSED || !said.is_empty());
    // Arguments and environment may take a quarter of the stack's limit (execve(2)), which is
    // lifted here.
    said.retain(|(_, said)| !said.contains("Argument list too long"));
    assert!(said.len() > 20, "{kind}: {said:?}");
    said
}

#[test]
fn a_health_check_has_a_verdict_or_is_refused_by_the_kernel() {
    let dir = TempDir::new();
    let path = dir.join("pid");
    let victim = Victim::sleeping();
    let _held = locked_pid_file(&path, victim.pid().to_string());
    let alive = format!("healthy: process {} is alive", victim.pid());
    let tcp = "unhealthy: tcp 127.0.0.1:1 cannot be reached: Connection refused after ";
    let grpc = "unhealthy: grpc 127.0.0.1:1 cannot be reached: Connection refused after ";
    let http = "unhealthy: http://127.0.0.1:1/ cannot be reached: Connection refused after ";
    for kind in ["data", "as"] {
        for (words, code, line) in [
            (
                &["--pid-file", path.to_str().unwrap()][..],
                0,
                alive.as_str(),
            ),
            (&["--no-pid", "--tcp", "127.0.0.1:1"], 1, tcp),
            (&["--no-pid", "--grpc", "127.0.0.1:1"], 1, grpc),
            (
                &[
                    "--no-pid",
                    "--contains",
                    "x",
                    "--http",
                    "http://127.0.0.1:1/",
                ],
                1,
                http,
            ),
        ] {
            let words = [&["healthcheck", "--timeout", "30s"], words].concat();
            for said in from_none_to_enough(kind, &words) {
                assert!(
                    said.0 == code && said.1.starts_with(line),
                    "{kind} {words:?} {said:?}"
                );
            }
        }
    }
}

#[test]
fn a_launch_is_out_of_memory_or_keeps_the_exit_code() {
    let dir = TempDir::new();
    let path = dir.join("pid");
    let server = fixture();
    let words = [
        "--pid-file",
        path.to_str().unwrap(),
        "--",
        server.to_str().unwrap(),
        "exit",
        "7",
    ];
    let none = "hinit: cannot allocate `connections for probes`: Out of memory";
    for kind in ["data", "as"] {
        for options in [&[][..], &["--notify"]] {
            let all = from_none_to_enough(kind, &[options, &words].concat());
            for (code, said) in &all {
                let is_launched = said.contains("hinit: the server ") && said.contains(" after ");
                // If the kernel or its own libc refuses the server as well, its exit code is kept.
                let is_kept = is_launched && [7, 127, 134, REFUSED].contains(code);
                let is_told = !options.is_empty() && (*code, said.as_str()) == (125, none);
                assert!(is_kept || is_told, "{kind} {options:?}: {code} {said}");
            }
            assert_eq!(all.last().unwrap().0, 7, "{kind} {options:?}");
            assert!(!path.exists() && !socket_beside(&path).exists());
        }
    }
}
