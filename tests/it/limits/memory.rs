//! Little memory, and none.
//!
//! Overcommit is all of a machine's or none's, and other tests run meanwhile: so a limit of one process's
//! memory stands for a machine that promises nobody more than it has. Either way the kernel refuses, and
//! so much as hinit has to have it refuses at the exec already.

use std::process::Command;

use nix::libc::SIGTERM;

use super::*;

/// How the kernel ends a program that it has no memory to execute with.
const REFUSED: i32 = 139;
/// In KiB: what suffices for all, and how much more to give each time.
const ENOUGH: u32 = 1024;
const STEP: usize = 8;

/// What comes of so much memory, in KiB, from none to enough; without what the kernel refuses.
fn from_none_to_enough(kind: &str, words: &[&str]) -> Vec<(i32, String)> {
    let limited = |most: u32| {
        let mut command = Command::new("prlimit");
        command.arg(format!("--{kind}={}", most * 1024));
        let command = command.arg(hinit()).args(words).env_clear();
        let ended = Ended::of(
            &command
                .env("PATH", std::env::var("PATH").unwrap())
                .output()
                .unwrap(),
        );
        (ended.code, ended.log + &ended.stdout)
    };
    let mut said: Vec<_> = (0..=ENOUGH).step_by(STEP).map(limited).collect();
    said.retain(|(code, said)| *code != REFUSED || !said.is_empty());
    assert!(said.len() > 20, "{kind}: {said:?}");
    said
}

#[test]
fn a_health_check_has_a_verdict_or_is_refused_by_the_kernel() {
    let dir = TempDir::new();
    let path = dir.join("pid");
    let victim = Victim::sleeping();
    let _held = held(&path, victim.pid().to_string());
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
fn a_launch_says_that_there_is_none_or_keeps_the_exit_code() {
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
    let none = "hinit: cannot open `places for probes`: Out of memory";
    for kind in ["data", "as"] {
        for options in [&[][..], &["--notify"]] {
            let all = from_none_to_enough(kind, &[options, &words].concat());
            for (code, said) in &all {
                let is_launched = said.contains("hinit: the server ") && said.contains(" after ");
                // A server that is refused as well, by the kernel or by its own libc, has its code kept.
                let is_kept = is_launched && [7, 127, 134, REFUSED].contains(code);
                let is_told = !options.is_empty() && (*code, said.as_str()) == (125, none);
                assert!(is_kept || is_told, "{kind} {options:?}: {code} {said}");
            }
            assert_eq!(all.last().unwrap().0, 7, "{kind} {options:?}");
            assert!(!path.exists() && !socket_beside(&path).exists());
        }
    }
}

in_both_modes! {
    fn a_mebibyte_is_enough_for_a_whole_life(mode: Mode) {
        let Some(cgroup) = Cgroup::new("memory", &["memory.limit_in_bytes", "memory.max"]) else { return };
        cgroup.limit("1048576");
        let dir = TempDir::new();
        let path = dir.join("pid");
        let around = cgroup.around();
        let around = around.each_ref().map(String::as_str);
        let hinit = Start::by(mode, &around).pid_file(&path).args(["--notify"]);
        let hinit = hinit.fixture(["signals"]).start().ready();
        let pid = recorded(&path);
        // The health check is in there as well, beside the two.
        for more in [&[][..], &["--json"]] {
            let mut check = Command::new(around[0]);
            check.args(&around[1..]).arg(self::hinit()).args(["healthcheck", "--no-pid", "--timeout", "30s"]);
            check.args(["--http", &format!("http+unix://{}:/livez", socket_beside(&path).display())]);
            let ended = Ended::of(&check.args(more).output().unwrap());
            assert_eq!((ended.code, ended.log.as_str()), (0, ""), "{}", ended.stdout);
        }
        assert_eq!(hinit.verdict(&path), format!("healthy: process {pid} is alive"));
        hinit.signal(SIGTERM);
        let ended = hinit.end();
        assert_eq!((ended.code, ended.log.lines().count()), (0, 1), "{}", ended.log);
        assert!(!path.exists());
    }
}
