//! hinit without a descriptor for another connection.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::libc::SIGUSR1;

use crate::support::*;

/// Waits until hinit sleeps: it has then handled all that was sent, because input wakes it at once.
fn wait_until_asleep(hinit: &Running) {
    let pid = hinit.pid();
    wait_for_state(pid, 'S');
}

/// hinit with descriptors for this number of connections, and its socket.
fn limited(mode: Mode, pid_file: &Path, room: i32) -> (Running, PathBuf) {
    let hinit = Start::new(mode).pid_file(pid_file).args(["--notify"]);
    let hinit = hinit.fixture(["signals"]).start().ready().settled();
    recorded(pid_file);
    let pid = hinit.pid();
    let fds = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten();
    let fds: Vec<i32> = fds
        .map(|fd| fd.file_name().to_str().unwrap().parse().unwrap())
        .collect();
    let highest = *fds.iter().max().unwrap();
    let gaps = highest + 1 - i32::try_from(fds.len()).unwrap();
    let limit = format!("--nofile={}", highest + 1 + room - gaps);
    let mut command = Command::new("prlimit");
    command.args(["--pid", &pid.to_string(), &limit]);
    assert!(command.status().unwrap().success());
    (hinit, socket_beside(pid_file))
}

in_both_modes!(
    without_descriptors_hinit_continues_and_answers_later,
    idle_connections_delay_no_request
);

fn without_descriptors_hinit_continues_and_answers_later(mode: Mode) {
    let dir = TempDir::new();
    let pid_file = dir.join("pid");
    let (hinit, socket) = limited(mode, &pid_file, 2);
    let mut clients = [Client::new(&socket), Client::new(&socket)];
    for client in &mut clients {
        // The connection is busy from here on.
        client.assert_alive();
        client.send("GET /livez");
        // When hinit sleeps again it has read this.
        wait_until_asleep(&hinit);
    }
    // The kernel queues the connection, and hinit cannot accept it.
    let mut waiting = Client::new(&socket);
    waiting.send(request("/livez"));
    hinit.signal(SIGUSR1);
    assert_eq!(hinit.line(), "signal 10");
    // hinit does not spin until it drops the slow connections: they still exist when it sleeps.
    wait_until_asleep(&hinit);
    for client in &mut clients {
        client.send(" HTTP/1.1\r\nHost: x\r\n\r\n");
        assert!(client.answer().status.starts_with("200 "));
    }
    drop(clients);
    assert!(waiting.answer().status.starts_with("200 "));
    assert!(hinit.verdict(&pid_file).starts_with("healthy: "));
    let ended = hinit.stop();
    ended.assert_code_and_lines(0, 1);
    assert!(!socket.exists());
}

fn idle_connections_delay_no_request(mode: Mode) {
    let dir = TempDir::new();
    let pid_file = dir.join("pid");
    let (_hinit, socket) = limited(mode, &pid_file, 2);
    let mut clients = [Client::new(&socket), Client::new(&socket)];
    for client in &mut clients {
        client.assert_alive();
    }
    Client::new(&socket).assert_alive();
}
