//! Little memory, and none at all.
//!
//! Overcommit is a setting of the whole machine, and other tests run meanwhile: so a limit of one
//! process (`RLIMIT_DATA`, `RLIMIT_AS`) simulates a machine without overcommit. Either way the kernel
//! refuses the allocation; what hinit needs from the start it refuses at the exec.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;

use nix::libc::SIGKILL;

use super::*;

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

/// The line of hinit where there is no memory for its arguments.
const NO_MEMORY: &str = "hinit: out of memory";

/// Limits in KiB, in steps: too little at first. The last is enough for a debug build as well.
fn steps(step: usize) -> impl Iterator<Item = u32> {
    (0..=4096).step_by(step).chain([65_536])
}

/// Whether the result is one of two: that with enough memory, or one line and this exit code.
#[track_caller]
fn assert_told(all: &[(i32, String)], what: &str, code: i32, lines: &[&str]) {
    let enough = all.last().unwrap();
    assert!(!lines.contains(&enough.1.as_str()), "{what}: {enough:?}");
    let untimed = |said: &str| said.split(" after ").next().unwrap().to_owned();
    let mut is_told = false;
    for said in all {
        let is_short = said.0 == code && lines.contains(&said.1.as_str());
        let is_done = said.0 == enough.0 && untimed(&said.1) == untimed(&enough.1);
        // The kernel or its own libc refuses the server; hinit keeps the exit code.
        let is_servers =
            said.1.contains("hinit: the server ") && [127, 134, REFUSED].contains(&said.0);
        assert!(
            is_short || is_done || is_servers,
            "{what}: {} {:.200}",
            said.0,
            said.1
        );
        is_told |= is_short;
    }
    assert!(is_told, "{what}: there was always enough");
}

#[test]
fn long_command_lines_and_paths_are_refused_in_one_line() {
    let dir = TempDir::new();
    let (path, server) = (dir.join("pid"), fixture());
    let (pid_file, server) = (path.to_str().unwrap(), server.to_str().unwrap());
    let long = "x".repeat(120_000);
    let many = vec!["x"; 20_000];
    let own = std::env::var("PATH").unwrap();
    let entries = ":/such-as-there-is-none".repeat(5000);
    let paths = [own.clone(), own + &entries];
    let [own, long_path] = paths.each_ref().map(String::as_str);
    let run = ["--pid-file", pid_file, "--", server, "arguments"];
    let start = |server| format!("hinit: cannot start `{server}`: Out of memory");
    for (what, path_variable, words) in [
        (
            "long arguments",
            own,
            [&run[..], &[long.as_str(); 6]].concat(),
        ),
        ("many arguments", own, [&run[..], &many].concat()),
        (
            "a long PATH",
            long_path,
            ["--pid-file", pid_file, "--", "none"].to_vec(),
        ),
    ] {
        let all = limited("as", steps(64), path_variable, &words);
        let (server, none) = (start(server), start("none"));
        assert_told(&all, what, 125, &[NO_MEMORY, &server, &none]);
        assert!(!path.exists(), "{what}");
    }
    for (command, code) in [("signal", 1), ("status", 1), ("install", 125)] {
        let words = [command, &long, &long, &long];
        assert_told(
            &limited("as", steps(64), own, &words),
            command,
            code,
            &[NO_MEMORY],
        );
    }
    let words = [
        "healthcheck",
        "--no-pid",
        "--contains",
        &long,
        "--unix",
        "/nowhere",
    ];
    let verdict = "unhealthy: out of memory";
    assert_told(
        &limited("as", steps(32), own, &words),
        "healthcheck",
        1,
        &[verdict],
    );
}

#[test]
fn a_long_answer_is_a_verdict_or_out_of_memory() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let body = "y".repeat(65_000) + "needle";
        let head = format!("HTTP/1.1 200 OK\r\nX: {}\r\n", "z".repeat(15_000));
        let answer = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            // A leftover without memory for the work exits.
            let _read = connection.read(&mut [0; 4096]);
            let _gone = connection.write_all(answer.as_bytes());
        }
    });
    let url = format!("http://{address}/");
    for (more, line) in [
        (&[][..], "unhealthy: out of memory"),
        (
            &["--json"],
            r#"{"verdict":"unhealthy","reason":"out of memory","pid":null,"probes":[]}"#,
        ),
        (&["--quiet"], ""),
    ] {
        let words = [
            "healthcheck",
            "--no-pid",
            "--timeout",
            "30s",
            "--contains",
            "needle",
            "--http",
            &url,
        ];
        let words = [&words[..], more].concat();
        let all = limited("as", (0..=ENOUGH).step_by(4), "/bin", &words);
        let enough = all.last().unwrap();
        assert_eq!(enough.0, 0, "{more:?} {enough:?}");
        for (code, said) in &all {
            let is_short = *code == 1 && said == line;
            assert!(*code == 0 || is_short, "{more:?}: {code} {said}");
        }
    }
}

in_both_modes!(
    out_of_memory_leftovers_are_ended_and_the_exit_code_kept,
    a_mebibyte_is_enough_for_a_whole_life
);

fn out_of_memory_leftovers_are_ended_and_the_exit_code_kept(mode: Mode) {
    // So many that their list does not fit into the memory that hinit has from the start.
    const LEFT: usize = 450;
    let mut was_short = false;
    for extra in [0, 16, 64, 256] {
        let dir = TempDir::new();
        let path = dir.join("pid");
        fs::write(dir.join("marker"), "").unwrap();
        let marker = dir.join("marker").display().to_string();
        let script = format!(
            "i=0; while [ $i -lt {LEFT} ]; do tail -f {marker} >/dev/null 2>&1 & i=$((i+1)); \
             done; echo ready; wait"
        );
        let hinit = Start::new(mode)
            .pid_file(&path)
            .script(&script)
            .start()
            .ready();
        recorded(&path);
        let (pid, server) = (hinit.pid(), hinit.server());
        let kib: u64 = status_of(pid, "VmSize")
            .unwrap()
            .split_whitespace()
            .next()
            .unwrap()
            .parse()
            .unwrap();
        let limit = format!("--as={}", (kib + extra) * 1024);
        let limited = Command::new("prlimit")
            .args(["--pid", &pid.to_string(), &limit])
            .status();
        assert!(limited.unwrap().success());
        kill(server, SIGKILL);
        let ended = hinit.end();
        assert_eq!(ended.code, 137, "{extra}: {}", ended.log);
        let (last, warnings) = ended
            .log
            .rsplit_once('\n')
            .map_or((ended.log.as_str(), ""), |(a, b)| (b, a));
        assert!(
            last.starts_with("hinit: the server was killed by SIGKILL after "),
            "{}",
            ended.log
        );
        let short = "hinit: cannot list the server's processes: Out of memory";
        assert!(["", short].contains(&warnings), "{}", ended.log);
        was_short |= warnings == short;
        eventually("no process is left", || {
            let mut left = fs::read_dir("/proc").unwrap().flatten().filter(|process| {
                fs::read(process.path().join("cmdline")).is_ok_and(|words| {
                    String::from_utf8_lossy(&words).contains(&format!("tail\0-f\0{marker}"))
                })
            });
            left.next().is_none().then_some(())
        });
        assert!(!path.exists());
    }
    assert!(was_short, "there was always enough");
}

fn a_mebibyte_is_enough_for_a_whole_life(mode: Mode) {
    let Some(cgroup) = Cgroup::new("memory", &["memory.limit_in_bytes", "memory.max"]) else {
        return;
    };
    cgroup.limit("1048576");
    let dir = TempDir::new();
    let path = dir.join("pid");
    let around = cgroup.wrapper();
    let around = around.each_ref().map(String::as_str);
    let hinit = Start::by(mode, &around).pid_file(&path).args(["--notify"]);
    let hinit = hinit.fixture(["signals"]).start().ready();
    let pid = recorded(&path);
    // The health check is in the cgroup as well, beside hinit and the server.
    for more in [&[][..], &["--json"]] {
        let mut check = Command::new(around[0]);
        check.args(&around[1..]).arg(self::hinit()).args([
            "healthcheck",
            "--no-pid",
            "--timeout",
            "30s",
        ]);
        check.args([
            "--http",
            &format!("http+unix://{}:/livez", socket_beside(&path).display()),
        ]);
        let ended = Ended::of(&check.args(more).output().unwrap());
        assert_eq!(
            (ended.code, ended.log.as_str()),
            (0, ""),
            "{}",
            ended.stdout
        );
    }
    assert_eq!(
        hinit.verdict(&path),
        format!("healthy: process {pid} is alive")
    );
    let ended = hinit.stop();
    ended.assert_code_and_lines(0, 1);
    assert!(!path.exists());
}
