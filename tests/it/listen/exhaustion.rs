//! A hinit that has no descriptor left for another connection.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use nix::libc::{SIGTERM, SIGUSR1};

use crate::support::*;

/// How much time of a processor it has taken, in ticks of 10 ms.
fn ticks(pid: i32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

/// A hinit with room for so many connections more, and its socket.
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

in_both_modes! {
    fn it_goes_on_and_answers_again_once_there_is_one(mode: Mode) {
        let dir = TempDir::new();
        let pid_file = dir.join("pid");
        let (hinit, socket) = limited(mode, &pid_file, 2);
        let pid = hinit.pid();
        let mut clients = [Client::new(&socket), Client::new(&socket)];
        for client in &mut clients {
            // Busy from here on.
            assert!(client.ask("/livez").status.starts_with("200 "));
            client.send("GET /livez");
        }
        // The kernel takes it in, and hinit cannot.
        let mut waits = Client::new(&socket);
        waits.send(request("/livez"));
        // Meanwhile it does not spin.
        let (start, before) = (Instant::now(), ticks(pid));
        eventually("a second has passed", || {
            hinit.signal(SIGUSR1);
            assert_eq!(hinit.line(), "signal 10");
            (start.elapsed() > Duration::from_secs(1)).then_some(())
        });
        assert!(ticks(pid) - before < 40, "{} of 100 ticks", ticks(pid) - before);
        drop(clients);
        assert!(waits.answer().status.starts_with("200 "));
        assert!(hinit.verdict(&pid_file).starts_with("healthy: "));
        hinit.signal(SIGTERM);
        let ended = hinit.end();
        assert_eq!((ended.code, ended.log.lines().count()), (0, 1), "{}", ended.log);
        assert!(!socket.exists());
    }

    fn those_who_ask_nothing_keep_nobody_waiting(mode: Mode) {
        let dir = TempDir::new();
        let pid_file = dir.join("pid");
        let (_hinit, socket) = limited(mode, &pid_file, 2);
        let mut clients = [Client::new(&socket), Client::new(&socket)];
        for client in &mut clients {
            assert!(client.ask("/livez").status.starts_with("200 "));
        }
        assert!(Client::new(&socket).ask("/livez").status.starts_with("200 "));
    }
}
