//! Little memory, and none at all.
//!
//! Overcommit is a setting of the whole machine, and other tests run meanwhile: so a limit of one
//! process (`RLIMIT_DATA`, `RLIMIT_AS`) simulates a machine without overcommit. Either way the kernel
//! refuses the allocation; what hinit needs from the start it refuses at the exec.

use std::process::Command;

use super::*;

mod kills;
mod large;
mod whole_life;

/// The signal by which the kernel ends a program for whose exec it lacks memory.
const REFUSED: i32 = 139;

/// The step between limits, in KiB.
const STEP: usize = 8;

/// In KiB: a limit that suffices for hinit. The limit of addresses also counts the binary itself.
fn enough() -> u32 {
    let binary = fs::metadata(hinit()).unwrap().len();
    896 + u32::try_from(binary / 1024).unwrap()
}

/// In KiB: a limit that suffices for hinit, and for a server that exits with 7.
fn enough_for(kind: &str, server: &Path) -> u32 {
    let mut limits = (enough()..16 * enough()).step_by(128);
    let suffices = |limit: &u32| limit_of(kind, *limit, server).args(["exit", "7"]).status();
    limits
        .find(|limit| suffices(limit).unwrap().code() == Some(7))
        .unwrap()
}

/// The program with this limit in KiB.
fn limit_of(kind: &str, limit: u32, program: &Path) -> Command {
    // `prlimit` itself is not searched for in the PATH of a test.
    let prlimit = ["/usr/bin/prlimit", "/bin/prlimit"];
    let prlimit = prlimit.iter().find(|at| Path::new(at).exists()).unwrap();
    let mut command = Command::new(prlimit);
    command.arg(format!("--{kind}={}", limit * 1024));
    command.arg(program);
    command
}

/// The results with each limit in KiB, from none to enough, without those that the kernel refuses.
fn from_none_to(enough: u32, kind: &str, arguments: &[&str]) -> Vec<(i32, String)> {
    let path = std::env::var("PATH").unwrap();
    limited(kind, (0..=enough).step_by(STEP), &path, arguments)
}

fn limited(
    kind: &str,
    memory: impl Iterator<Item = u32>,
    path: &str,
    arguments: &[&str],
) -> Vec<(i32, String)> {
    let run = |limit: u32| {
        let mut command = limit_of(kind, limit, &hinit());
        let command = command.args(arguments).env_clear();
        let ended = Ended::of(&command.env("PATH", path).output().unwrap());
        (ended.code, ended.log + &ended.stdout)
    };
    let mut results: Vec<_> = memory.map(run).collect();
    results.retain(|(code, output)| *code != REFUSED || !output.is_empty());
    // Arguments and environment may take a quarter of the stack's limit (execve(2)), which is
    // lifted here.
    results.retain(|(_, output)| !output.contains("Argument list too long"));
    assert!(results.len() > 20, "{kind}: {results:?}");
    results
}

#[test]
fn a_health_check_has_a_verdict_or_is_refused_by_the_kernel() {
    let dir = TempDir::new();
    let path = dir.join("pid");
    let process = TestProcess::sleeping();
    let _held = locked_pid_file(&path, process.pid().to_string());
    let alive = format!("healthy: process {} is alive", process.pid());
    let tcp = "unhealthy: tcp 127.0.0.1:1 cannot be reached: Connection refused after ";
    let grpc = "unhealthy: grpc 127.0.0.1:1 cannot be reached: Connection refused after ";
    let fastcgi = "unhealthy: fastcgi 127.0.0.1:1/p cannot be reached: Connection refused after ";
    let http = "unhealthy: http://127.0.0.1:1/ cannot be reached: Connection refused after ";
    for kind in ["data", "as"] {
        for (arguments, code, line) in [
            (
                &["--pid-file", path.to_str().unwrap()][..],
                0,
                alive.as_str(),
            ),
            (&["--no-pid", "--tcp", "127.0.0.1:1"], 1, tcp),
            (&["--no-pid", "--grpc", "127.0.0.1:1"], 1, grpc),
            (&["--no-pid", "--fastcgi", "127.0.0.1:1/p"], 1, fastcgi),
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
            let arguments = [&["healthcheck", "--timeout", "30s"], arguments].concat();
            for result in from_none_to(enough(), kind, &arguments) {
                assert!(
                    result.0 == code && result.1.starts_with(line),
                    "{kind} {arguments:?} {result:?}"
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
    let arguments = [
        "--pid-file",
        path.to_str().unwrap(),
        "--",
        server.to_str().unwrap(),
        "exit",
        "7",
    ];
    let none = "hinit: cannot allocate `connections for probes`: Out of memory";
    for kind in ["data", "as"] {
        let enough = enough_for(kind, &server);
        for options in [&[][..], &["--notify"]] {
            let all = from_none_to(enough, kind, &[options, &arguments].concat());
            for (code, output) in &all {
                let is_launched =
                    output.contains("hinit: the server ") && output.contains(" after ");
                // If the kernel or its own libc refuses the server as well, its exit code is kept.
                let is_kept = is_launched && [7, 127, 134, REFUSED].contains(code);
                let is_reported = !options.is_empty() && (*code, output.as_str()) == (125, none);
                assert!(
                    is_kept || is_reported,
                    "{kind} {options:?}: {code} {output}"
                );
            }
            assert_eq!(all.last().unwrap().0, 7, "{kind} {options:?}");
            assert!(!path.exists() && !socket_beside(&path).exists());
        }
    }
}
