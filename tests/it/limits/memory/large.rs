//! Long command lines and paths, and a long answer.

use std::io::{Read, Write};
use std::net::TcpListener;

use super::*;

/// The line of hinit where there is no memory for its arguments.
const NO_MEMORY: &str = "hinit: out of memory";

/// Limits in KiB, in steps: too little at first. The last is enough for a debug build as well.
fn steps(step: usize) -> impl Iterator<Item = u32> {
    (0..=4096).step_by(step).chain([65_536])
}

/// Whether the result is one of two: that with enough memory, or one line and this exit code.
#[track_caller]
fn assert_enough_or_reported(all: &[(i32, String)], what: &str, error_code: i32, lines: &[&str]) {
    let enough = all.last().unwrap();
    assert!(!lines.contains(&enough.1.as_str()), "{what}: {enough:?}");
    let untimed = |output: &str| output.split(" after ").next().unwrap().to_owned();
    let mut is_reported = false;
    for (code, output) in all {
        let is_short = *code == error_code && lines.contains(&output.as_str());
        let is_done = *code == enough.0 && untimed(output) == untimed(&enough.1);
        // The kernel or its own libc refuses the server; hinit keeps the exit code.
        let is_servers =
            output.contains("hinit: the server ") && [127, 134, REFUSED].contains(code);
        // A debug build, as that of the negative controls, needs more stack at the end than for the launch.
        let is_stack =
            *code == REFUSED && hinit().components().any(|part| part.as_os_str() == "debug");
        assert!(
            is_short || is_done || is_servers || is_stack,
            "{what}: {code} {output:.200}"
        );
        is_reported |= is_short;
    }
    assert!(is_reported, "{what}: there was always enough");
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
    for (what, path_variable, arguments) in [
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
        let all = limited("as", steps(32), path_variable, &arguments);
        let (server, none) = (start(server), start("none"));
        assert_enough_or_reported(&all, what, 125, &[NO_MEMORY, &server, &none]);
        assert!(!path.exists(), "{what}");
    }
    for (command, code) in [("signal", 1), ("status", 1), ("install", 125)] {
        let arguments = [command, &long, &long, &long];
        assert_enough_or_reported(
            &limited("as", steps(64), own, &arguments),
            command,
            code,
            &[NO_MEMORY],
        );
    }
    let arguments = [
        "healthcheck",
        "--no-pid",
        "--contains",
        &long,
        "--unix",
        "/nowhere",
    ];
    let verdict = "unhealthy: out of memory";
    assert_enough_or_reported(
        &limited("as", steps(32), own, &arguments),
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
        let arguments = [
            "healthcheck",
            "--no-pid",
            "--timeout",
            "30s",
            "--contains",
            "needle",
            "--http",
            &url,
        ];
        let arguments = [&arguments[..], more].concat();
        let all = limited("as", (0..=enough()).step_by(4), "/bin", &arguments);
        let enough = all.last().unwrap();
        assert_eq!(enough.0, 0, "{more:?} {enough:?}");
        for (code, output) in &all {
            let is_short = *code == 1 && output == line;
            assert!(*code == 0 || is_short, "{more:?}: {code} {output}");
        }
    }
}
