//! Health checks, `signal` and `status` with too few descriptors.

use std::net::TcpListener;
use std::os::unix::net::UnixListener;

use nix::libc::SIGKILL;

use super::*;

/// The verdicts on a live server, and on one that is dead but not reaped.
#[test]
fn no_health_check_says_that_a_dead_server_is_healthy() {
    let dir = TempDir::new();
    let path = dir.join("pid");
    let process = TestProcess::sleeping();
    let pid = process.pid();
    let _held = locked_pid_file(&path, format!("{pid}\n"));
    let arguments = ["--pid-file", path.to_str().unwrap()];
    let unreadable = format!("PID file {} cannot be read: {NONE_LEFT}", path.display());
    let unseen = format!("cannot look up process {pid}: {NONE_LEFT}");
    let check = |limit| {
        let ended = limited(limit, &[&["healthcheck"], &arguments[..]].concat());
        assert_eq!(ended.log, "");
        (ended.code, ended.stdout)
    };
    let unhealthy = |why: &str| (1, format!("unhealthy: {why}"));
    let alive = (0, format!("healthy: process {pid} is alive"));
    let expected = [unhealthy(&unreadable), unhealthy(&unseen), alive];
    assert_eq!(from_none_to_enough(check), expected);

    let signal = |limit| {
        let ended = limited(limit, &[&["signal", "CONT"], &arguments[..]].concat());
        (ended.code, ended.log + &ended.stdout)
    };
    let refused = |why: &str| (1, format!("hinit: cannot send SIGCONT: {why}"));
    let sent = format!("sent SIGCONT to process {pid}");
    let expected = [
        refused(&unreadable),
        refused(&unseen),
        (0, sent.clone()),
        (0, format!("{sent} (sleep)")),
    ];
    assert_eq!(from_none_to_enough(signal), expected);

    // What could not be counted is not shown as 0.
    let status = |limit| {
        let ended = limited(limit, &[&["status"], &arguments[..]].concat());
        let line = ended
            .stdout
            .lines()
            .find(|line| line.starts_with("children"));
        (ended.code, line.unwrap_or_default().to_owned())
    };
    let children = from_none_to_enough(status);
    let none = (0, "children      0".to_owned());
    let unknown = (1, format!("children      ({NONE_LEFT})"));
    assert!(
        children.contains(&unknown) && children.last() == Some(&none),
        "{children:?}"
    );
    assert!(
        children
            .iter()
            .all(|found| *found == none || found.0 == 1 || found.1.contains('('))
    );

    kill(pid, SIGKILL);
    process.wait_for_state('Z');
    let zombie = unhealthy(&format!("process {pid} is a zombie"));
    let expected = [unhealthy(&unreadable), unhealthy(&unseen), zombie];
    assert_eq!(from_none_to_enough(check), expected);
}

#[test]
fn a_probe_without_a_descriptor_is_unhealthy() {
    let dir = TempDir::new();
    let socket = dir.join("socket");
    let _unix = UnixListener::bind(&socket).unwrap();
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = tcp.local_addr().unwrap().to_string();
    let answer = |mut stream: std::net::TcpStream| {
        std::io::Write::write_all(&mut stream, b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
    };
    let (port, server) = serve(answer);
    let url = format!("http://127.0.0.1:{port}/");
    for (option, value, name, finding) in [
        (
            "--tcp",
            address.as_str(),
            format!("tcp {address}"),
            "accepts connections",
        ),
        (
            "--unix",
            socket.to_str().unwrap(),
            format!("unix {}", socket.display()),
            "accepts connections",
        ),
        ("--http", &url, url.clone(), "answered 204 No Content"),
    ] {
        let mut is_healthy = false;
        let results = from_none_to_enough(|limit| {
            if !is_healthy {
                let arguments = ["healthcheck", "--no-pid", "--timeout", "30s", option, value];
                let ended = limited(limit, &arguments);
                is_healthy = ended.code == 0;
                return (ended.code, verdict_of(&ended));
            }
            // hinit has room for one connection.
            (0, format!("healthy: {name} {finding}"))
        });
        let unreachable = format!("unhealthy: {name} cannot be reached: {NONE_LEFT}");
        let expected = [(1, unreachable), (0, format!("healthy: {name} {finding}"))];
        assert_eq!(results, expected);
    }
    server.join().unwrap();
    // A heartbeat needs no descriptor.
    let beat = dir.join("beat");
    std::fs::write(&beat, "").unwrap();
    let path = beat.to_str().unwrap();
    let arguments = [
        "healthcheck",
        "--no-pid",
        "--max-age",
        "60m",
        "--heartbeat",
        path,
    ];
    let results = from_none_to_enough(|limit| (limited(limit, &arguments).code, String::new()));
    assert_eq!(results, [(0, String::new())]);
}
