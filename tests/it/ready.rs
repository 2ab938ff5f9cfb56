//! `--ready-when`: hinit itself probes the server until it is ready once.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::Path;

use nix::libc::{SIGKILL, SIGSTOP, SIGTERM, SIGUSR1};
use nix::sys::socket::{getsockopt, sockopt};

use crate::support::*;

mod child;

/// A server that is ready when these probes are healthy.
fn start(mode: Mode, dir: &TempDir, probes: &str) -> Start {
    let start = Start::new(mode).pid_file(dir.join("pid"));
    start.args(["--ready-when", probes])
}

fn readiness(dir: &TempDir) -> u16 {
    get(&dir.join("pid"), "/readyz").code()
}

#[track_caller]
fn wait_until_ready(dir: &TempDir) {
    eventually("the server is ready", || {
        (readiness(dir) == 200).then_some(())
    });
}

#[track_caller]
fn stop(hinit: Running) -> String {
    let ended = hinit.stop();
    assert_eq!(ended.code, 143, "{}", ended.log);
    ended.log
}

/// Accepts the next connection, and returns it with the PID of its client.
#[track_caller]
fn accept_probe(listener: &UnixListener) -> (UnixStream, i32) {
    listener.set_nonblocking(true).unwrap();
    let stream = eventually("a probe connects", || listener.accept().ok()).0;
    let peer = getsockopt(&stream, sockopt::PeerCredentials).unwrap();
    (stream, peer.pid())
}

in_both_modes!(
    a_server_is_ready_once_its_port_is_open,
    the_log_says_why_it_is_not_ready_and_names_no_orphan,
    all_probes_must_be_healthy,
    a_web_server_is_ready_at_the_expected_answer,
    with_notify_both_must_hold,
    a_manager_gets_ready_without_a_message_of_the_server,
    hinit_does_not_wake_up_after_the_server_is_ready
);

fn a_server_is_ready_once_its_port_is_open(mode: Mode) {
    let (dir, address) = (TempDir::new(), unused_address());
    let hinit = start(mode, &dir, &format!("--tcp {address}"))
        .fixture(["ready"])
        .start()
        .ready();
    let pid_file = dir.join("pid");
    let pid = recorded(&pid_file);
    let (alive, not_yet) = (
        format!("healthy: process {pid} is alive"),
        format!("unhealthy: process {pid} is not ready yet"),
    );
    assert_eq!(hinit.verdict_with(&pid_file, &["--ready"]), not_yet);
    assert_eq!(get(&pid_file, "/status").member("phase"), "\"starting\"");
    assert_eq!(hinit.verdict(&pid_file), alive);
    let listener = TcpListener::bind(address).unwrap();
    wait_until_ready(&dir);
    assert_eq!(hinit.verdict_with(&pid_file, &["--ready"]), alive);
    // Once is enough.
    drop(listener);
    assert_eq!(readiness(&dir), 200);
    let log = stop(hinit);
    assert_eq!(log.lines().count(), 1, "{log}");
}

fn the_log_says_why_it_is_not_ready_and_names_no_orphan(mode: Mode) {
    let (dir, address) = (TempDir::new(), unused_address());
    let hinit = start(mode, &dir, &format!("--tcp {address}"))
        .args(["-v"])
        .fixture(["ready"])
        .start()
        .ready();
    let why = format!(
        "hinit: the server is not ready yet: tcp {address} cannot be reached: Connection refused"
    );
    assert_eq!(hinit.log_line(), why);
    let _listener = TcpListener::bind(address).unwrap();
    // The same reason is not logged twice.
    assert_eq!(
        hinit.log_line(),
        "hinit: the server has answered the probes of --ready-when"
    );
    wait_until_ready(&dir);
    let log = stop(hinit);
    assert_eq!(
        (count(&log, "orphan"), log.lines().count()),
        (0, 2),
        "{log}"
    );
}

fn all_probes_must_be_healthy(mode: Mode) {
    for by_variable in [false, true] {
        let dir = TempDir::new();
        let paths = ["a", "b", "c"].map(|name| dir.join(name));
        let [a, b, c] = paths.each_ref().map(|path| path.display());
        let values = [
            format!("--heartbeat {a} --heartbeat '{b}' --max-age 60m"),
            format!("--unix {c}"),
        ];
        let start = Start::new(mode).pid_file(dir.join("pid"));
        let start = if by_variable {
            start.with(|command| {
                command.env("HINIT_READY_WHEN", values.join("\n"));
            })
        } else {
            start.args(values.iter().flat_map(|value| ["--ready-when", value]))
        };
        let hinit = start.args(["-v"]).fixture(["ready"]).start().ready();
        // The reason names the first probe that fails.
        for path in &paths[..2] {
            assert!(hinit.log_line().contains(path.to_str().unwrap()));
            fs::write(path, "").unwrap();
        }
        let missing = format!(
            "hinit: the server is not ready yet: unix {c} cannot be reached: No such file or \
             directory"
        );
        assert_eq!(hinit.log_line(), missing);
        assert_eq!(readiness(&dir), 503);
        let _listener = UnixListener::bind(&paths[2]).unwrap();
        wait_until_ready(&dir);
        stop(hinit);
    }
}

fn a_web_server_is_ready_at_the_expected_answer(mode: Mode) {
    let dir = TempDir::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let probes = format!("--http http://{address}/health --expect 204 --timeout 1m");
    let hinit = start(mode, &dir, &probes)
        .args(["-v"])
        .fixture(["ready"])
        .start()
        .ready();
    let answer = |status: &str| {
        let (mut stream, _) = listener.accept().unwrap();
        let length = stream.read(&mut [0; 1000]).unwrap();
        assert_ne!(length, 0);
        write!(stream, "HTTP/1.1 {status}\r\n\r\n").unwrap();
    };
    answer("200 OK");
    assert!(hinit.log_line().ends_with("/health answered 200 OK"));
    answer("503 No");
    assert!(hinit.log_line().ends_with("/health answered 503 No"));
    assert_eq!(readiness(&dir), 503);
    answer("204 Yes");
    wait_until_ready(&dir);
    stop(hinit);
}

fn with_notify_both_must_hold(mode: Mode) {
    for probe_first in [true, false] {
        let dir = TempDir::new();
        let (beat, manager) = (dir.join("beat"), dir.join("manager"));
        let manager_socket = UnixDatagram::bind(&manager).unwrap();
        manager_socket.set_nonblocking(true).unwrap();
        let receive = || {
            let mut bytes = [0; 100];
            let length = manager_socket.recv(&mut bytes).ok()?;
            Some(String::from_utf8(bytes[..length].to_vec()).unwrap())
        };
        let start = start(
            mode,
            &dir,
            &format!("--heartbeat {} --max-age 60m", beat.display()),
        );
        let start = start.args(["--notify", "-v"]).with(|command| {
            command.env("NOTIFY_SOCKET", &manager);
        });
        let messages = if probe_first {
            &["STATUS=up", "READY=1", "RELOADING=1", "READY=1"][..]
        } else {
            &["READY=1\\nSTATUS=up", "RELOADING=1", "READY=1"]
        };
        let hinit = start.notifies(messages).start().ready();
        // READY=1 of the server is not passed on before the probes are healthy.
        assert_eq!(
            eventually("the manager gets a message", receive),
            "STATUS=up"
        );
        assert_eq!(readiness(&dir), 503);
        fs::write(&beat, "").unwrap();
        if probe_first {
            eventually("it has answered", || {
                hinit.log_line().contains("has answered").then_some(())
            });
            assert_eq!((readiness(&dir), receive()), (503, None));
            hinit.next_message();
        }
        wait_until_ready(&dir);
        assert_eq!(eventually("the manager gets a message", receive), "READY=1");
        // The probes must be healthy once; the server's messages count as always.
        fs::remove_file(&beat).unwrap();
        for expected in ["RELOADING=1", "READY=1"] {
            hinit.next_message();
            assert_eq!(eventually("the manager gets a message", receive), expected);
            assert_eq!(readiness(&dir), 200);
        }
        stop(hinit);
        assert_eq!(receive(), None);
    }
}

fn a_manager_gets_ready_without_a_message_of_the_server(mode: Mode) {
    let dir = TempDir::new();
    let (beat, path) = (dir.join("beat"), dir.join("manager"));
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_nonblocking(true).unwrap();
    let probes = format!("--heartbeat {} --max-age 60m", beat.display());
    let start = Start::new(mode)
        .no_pid_file()
        .args(["--ready-when", &probes, "-v"]);
    let hinit = start
        .with(|command| {
            command.env("NOTIFY_SOCKET", &path);
        })
        .fixture(["ready"])
        .start()
        .ready();
    assert!(hinit.log_line().contains("is not ready yet"));
    let mut bytes = [0; 100];
    assert!(manager.recv(&mut bytes).is_err());
    fs::write(&beat, "").unwrap();
    let length = eventually("the manager gets a message", || {
        manager.recv(&mut bytes).ok()
    });
    assert_eq!(&bytes[..length], b"READY=1");
    stop(hinit);
    assert!(manager.recv(&mut bytes).is_err());
}

// The poll's timeout shows it: it is infinite.
fn hinit_does_not_wake_up_after_the_server_is_ready(mode: Mode) {
    let dir = TempDir::new();
    let beat = dir.join("beat");
    let hinit = start(
        mode,
        &dir,
        &format!("--heartbeat {} --max-age 60m", beat.display()),
    )
    .fixture(["ready"])
    .start()
    .ready();
    let pid = hinit.pid();
    // poll(2)'s timeout, or the address of ppoll(2)'s.
    let waits_for_ever = || {
        let call = fs::read_to_string(format!("/proc/{pid}/syscall")).unwrap();
        let fields: Vec<&str> = call.split(' ').collect();
        match fields[..] {
            [call, _, _, timeout, ..] if POLL.contains(&call) => {
                Some(timeout.ends_with("ffffffff"))
            }
            [call, _, _, timeout, ..] if PPOLL.contains(&call) => Some(timeout == "0x0"),
            _ => None,
        }
    };
    recorded(&dir.join("pid"));
    eventually("hinit waits", || {
        (waits_for_ever() == Some(false)).then_some(())
    });
    fs::write(&beat, "").unwrap();
    wait_until_ready(&dir);
    eventually("hinit waits for ever", || {
        (waits_for_ever() == Some(true)).then_some(())
    });
    assert_eq!(children_of(pid).len(), 1);
    stop(hinit);
}
