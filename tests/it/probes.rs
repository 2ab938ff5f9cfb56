//! The probes of a health check.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::process::Command;

use crate::support::*;

mod exchange;
mod fastcgi;
mod grpc;
mod heartbeat;
mod http;
mod unix;

#[test]
fn each_unreachable_server() {
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    for (option, name) in [
        ("--http", format!("http://{free}/x")),
        ("--tcp", free.to_string()),
        ("--grpc", free.to_string()),
        ("--fastcgi", format!("{free}/ping")),
        ("--tcp", format!("localhost:{}", free.port())),
    ] {
        let kind = option.replace("--http", "").replace("--", "");
        let expected = format!("unhealthy: {kind} {name} cannot be reached: Connection refused")
            .replace("  ", " ");
        assert_eq!(verdict_of(&check(&[option, &name])), expected);
    }
    let dir = TempDir::new();
    let path = dir.join("socket");
    let path = path.to_str().unwrap();
    let missing = format!("unhealthy: unix {path} cannot be reached: No such file or directory");
    assert_eq!(verdict_of(&check(&["--unix", path])), missing);
    let url = format!("http+unix://{path}:/health");
    let missing = format!("unhealthy: {url} cannot be reached: No such file or directory");
    assert_eq!(verdict_of(&check(&["--http", &url])), missing);
    // The listener is closed.
    drop(UnixListener::bind(path).unwrap());
    let refused = format!("unhealthy: unix {path} cannot be reached: Connection refused");
    assert_eq!(verdict_of(&check(&["--unix", path])), refused);
}

#[test]
fn localhost_is_both_addresses() {
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let Ok(listener) = TcpListener::bind(address) else {
            eprintln!("skipped: {address}: this machine has no such address");
            continue;
        };
        let port = listener.local_addr().unwrap().port();
        let name = format!("localhost:{port}");
        let ended = check(&["--tcp", &name]);
        assert_eq!(
            verdict_of(&ended),
            format!("healthy: tcp {name} accepts connections"),
            "{address}"
        );
        let name = address.replace(":0", &format!(":{port}"));
        assert_eq!(
            verdict_of(&check(&["--tcp", &name])),
            format!("healthy: tcp {name} accepts connections")
        );
    }
}

/// All probes run in one process; the first that fails is the verdict.
#[test]
fn all_probes_must_be_healthy() {
    let dir = TempDir::new();
    let (pid_file, socket, beat) = (dir.join("pid"), dir.join("socket"), dir.join("beat"));
    let listener = UnixListener::bind(&socket).unwrap();
    fs::write(&beat, "").unwrap();
    let [socket, beat] = [&socket, &beat].map(|path| path.to_str().unwrap());
    let (port, server) = serve(|mut stream| stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap());
    let url = format!("http://127.0.0.1:{port}/");
    let hinit = start_fixture(Mode::Subreaper, &pid_file, "ready");
    let pid = recorded(&pid_file);
    let probes = [
        "--http",
        &url,
        "--unix",
        socket,
        "--heartbeat",
        beat,
        "--max-age",
        "60m",
    ];
    let verdict = |probes: &[&str]| {
        verdict_by(
            &mut Command::new(super::support::hinit()),
            &pid_file,
            probes,
        )
    };
    let all_healthy = verdict(&probes);
    let parts: Vec<&str> = all_healthy.split("; ").collect();
    let [process, heartbeat, unix, http] = parts[..] else {
        panic!("{all_healthy}")
    };
    assert_eq!(process, format!("healthy: process {pid} is alive"));
    assert!(
        heartbeat.starts_with(&format!("heartbeat {beat} was touched ")),
        "{all_healthy}"
    );
    assert!(
        unix.starts_with(&format!("unix {socket} accepts connections after ")),
        "{all_healthy}"
    );
    assert!(
        http.starts_with(&format!("{url} answered 200 OK after ")),
        "{all_healthy}"
    );
    server.join().unwrap();
    // After the first failure no probe runs.
    drop(listener);
    let start = format!("unhealthy: unix {socket} cannot be reached: Connection refused after ");
    // A child that another test has just forked may have the listener open until its exec.
    eventually("the port is closed", || {
        verdict(&probes).starts_with(&start).then_some(())
    });
    // The process is checked before the probes.
    hinit.stop();
    let missing = format!("unhealthy: PID file {} does not exist", pid_file.display());
    assert_eq!(verdict(&probes), missing);
}

#[test]
fn each_probe_as_json() {
    let (port, server) =
        serve(|mut stream| stream.write_all(b"HTTP/1.1 503 a\"b\r\n\r\n").unwrap());
    let url = format!("http://127.0.0.1:{port}/");
    let ended = check(&["--json", "--http", &url]);
    server.join().unwrap();
    let start =
        format!("{{\"verdict\":\"unhealthy\",\"reason\":\"{url} answered 503 a\\\"b after ");
    assert!(ended.stdout.starts_with(&start), "{}", ended.stdout);
    let result = format!(
        "\"pid\":null,\"probes\":[{{\"name\":\"{url}\",\"result\":\"answered 503 \
         a\\\"b\",\"healthy\":false,\"milliseconds\":"
    );
    assert!(ended.stdout.contains(&result), "{}", ended.stdout);
    assert!(
        ended.stdout.ends_with("}]}") && ended.code == 1,
        "{}",
        ended.stdout
    );
}

#[test]
fn probes_by_the_environment_alone() {
    let serve_once = || serve(|mut stream| stream.write_all(b"HTTP/1.1 404 x\r\n\r\n").unwrap());
    for variable in ["HINIT_HTTP", "HINIT_HEALTH"] {
        let (port, server) = serve_once();
        let url = format!("http://127.0.0.1:{port}/");
        let (value, expect) = match variable {
            "HINIT_HTTP" => (url.clone(), "404"),
            _ => (format!("--http '{url}' --expect 404 --timeout 2s"), ""),
        };
        let ended = check_with(&[], &[(variable, &value), ("HINIT_EXPECT", expect)]);
        server.join().unwrap();
        assert_eq!(verdict_of(&ended), format!("healthy: {url} answered 404 x"));
    }
    let ended = check_with(
        &["--tcp", "127.0.0.1:1"],
        &[("HINIT_HEALTH", "--timout 2s")],
    );
    let line = "unhealthy: usage: in HINIT_HEALTH: unknown option `--timout` (did you mean \
                `--timeout`?); try `hinit healthcheck --help`";
    assert_eq!((ended.code, ended.stdout.as_str()), (1, line));
}
