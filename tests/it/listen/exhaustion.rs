//! A hinit that has no descriptor left for another connection.

use std::fs;
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

in_both_modes! {
    fn it_goes_on_and_answers_again_once_there_is_one(mode: Mode) {
        let dir = TempDir::new();
        let pid_file = dir.join("pid");
        let hinit = Start::new(mode).pid_file(&pid_file).args(["--notify"]).fixture(["signals"]).start().ready().settled();
        recorded(&pid_file);
        let (pid, socket) = (hinit.pid(), socket_beside(&pid_file));
        // Two more than it has now.
        let fds = || fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten();
        let highest: i32 = fds().map(|fd| fd.file_name().to_str().unwrap().parse().unwrap()).max().unwrap();
        let free = usize::try_from(highest + 1).unwrap() - fds().count();
        let limit = format!("--nofile={}", highest + 3);
        assert!(Command::new("prlimit").args(["--pid", &pid.to_string(), &limit]).status().unwrap().success());
        let mut clients: Vec<Client> = (0..2 + free).map(|_| Client::new(&socket)).collect();
        for client in &mut clients {
            assert!(client.ask("/livez").status.starts_with("200 "));
        }
        // The kernel takes it in, and hinit cannot.
        let mut waits = Client::new(&socket);
        waits.send(request("/livez"));
        hinit.signal(SIGUSR1);
        assert_eq!(hinit.line(), "signal 10");
        // Meanwhile it does not spin.
        let (start, before) = (Instant::now(), ticks(pid));
        eventually("a second has passed", || {
            hinit.signal(SIGUSR1);
            assert_eq!(hinit.line(), "signal 10");
            assert!(clients[0].ask("/livez").status.starts_with("200 "));
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
}
