//! The addresses where hinit answers probes, and its answers in each phase of a server.

use std::fs;

use nix::libc::{SIGCONT, SIGSTOP, SIGTERM, SIGUSR1};

use crate::support::*;

mod addresses;
mod crowds;
mod exhaustion;
mod requests;

/// The status of `/livez`, that of `/readyz`, and the phase.
#[track_caller]
fn statuses(pid_file: &std::path::Path) -> [String; 3] {
    let [live, ready] = ["/livez", "/readyz"].map(|page| {
        let answer = get(pid_file, page);
        // The verdict is the body as well as the reason phrase.
        assert_eq!(answer.body, format!("{}\n", answer.reason()));
        answer
    });
    let status = get(pid_file, "/status");
    assert_eq!(status.status, ready.status);
    assert_eq!(status.member("verdict"), format!("\"{}\"", ready.reason()));
    for (name, answer) in [("live", &live), ("ready", &ready)] {
        assert_eq!(status.member(name), (answer.code() == 200).to_string());
    }
    let phase = status.member("phase").trim_matches('"').to_owned();
    [live.status, ready.status, phase]
}

in_both_modes!(
    without_notify_a_server_is_ready_at_once,
    a_server_that_is_about_to_be_stopped_is_alive_but_not_ready,
    while_hinit_waits_for_leftovers_no_server_is_healthy,
    a_stopped_server_is_unhealthy_until_it_continues,
    the_server_inherits_none_of_the_sockets
);

fn without_notify_a_server_is_ready_at_once(mode: Mode) {
    let dir = TempDir::new();
    let (pid_file, address) = (dir.join("pid"), unused_address());
    let start = Start::new(mode)
        .pid_file(&pid_file)
        .args(["--listen", &address.to_string()]);
    let hinit = start.fixture(["ready"]).start().ready();
    let pid = recorded(&pid_file);
    let healthy = format!("200 healthy: process {pid} is alive");
    assert_eq!(statuses(&pid_file), [&healthy, &healthy, "ready"]);
    assert_eq!(Client::tcp(address).fetch("/readyz").status, healthy);
    assert_eq!(
        hinit.verdict_with(&pid_file, &["--ready"]),
        format!("healthy: process {pid} is alive")
    );
    assert_eq!(hinit.stop().code, 143);
    assert!(std::net::TcpStream::connect(address).is_err());
}

fn a_server_that_is_about_to_be_stopped_is_alive_but_not_ready(mode: Mode) {
    for options in [&[][..], &["--stop-delay", "10m"]] {
        let dir = TempDir::new();
        let pid_file = dir.join("pid");
        let start = Start::with_notify(mode, &pid_file).args(options);
        let script = format!(
            "trap 'echo got TERM' TERM; trap 'exit 3' USR1; {}; echo ready; while :; do sleep 0.01; \
             done",
            notify("READY=1")
        );
        let hinit = start.script(&script).start().ready();
        let pid = recorded(&pid_file);
        let healthy = format!("200 healthy: process {pid} is alive");
        assert_eq!(statuses(&pid_file), [&healthy, &healthy, "ready"]);
        hinit.signal(SIGTERM);
        let about_to = format!("503 unhealthy: process {pid} is about to be stopped");
        eventually("hinit has handled the signal", || {
            get(&pid_file, "/readyz")
                .status
                .starts_with("503")
                .then_some(())
        });
        assert_eq!(statuses(&pid_file), [&healthy, &about_to, "stopping"]);
        if options.is_empty() {
            assert_eq!(hinit.line(), "got TERM");
            assert_eq!(statuses(&pid_file), [&healthy, &about_to, "stopping"]);
        }
        hinit.signal(SIGUSR1);
        let ended = hinit.end();
        assert_eq!((ended.code, ended.stdout.as_str()), (3, ""));
    }
}

fn while_hinit_waits_for_leftovers_no_server_is_healthy(mode: Mode) {
    let dir = TempDir::new();
    let (pid_file, go) = (dir.join("pid"), dir.join("go"));
    let start = Start::new(mode)
        .pid_file(&pid_file)
        .args(["--notify", "--grace", "10m"]);
    let script = format!(
        "trap '' TERM; (echo ready; until test -e {}; do sleep 0.01; done) & {}; exit 3",
        go.display(),
        notify("READY=1")
    );
    let hinit = start.script(&script).start().ready();
    let none = "503 unhealthy: the server has not started yet, or has ended";
    wait_for_answer(&pid_file, "/livez", none);
    assert_eq!(statuses(&pid_file), [none, none, "ended"]);
    assert_eq!(get(&pid_file, "/status").member("pid"), "null");
    fs::write(go, "").unwrap();
    assert_eq!(hinit.end().code, 3);
}

fn a_stopped_server_is_unhealthy_until_it_continues(mode: Mode) {
    let dir = TempDir::new();
    let pid_file = dir.join("pid");
    let hinit = Start::with_notify(mode, &pid_file)
        .notifies(&["READY=1"])
        .start()
        .ready();
    let (server, pid) = (hinit.server(), recorded(&pid_file));
    let (healthy, stopped) = (
        format!("200 healthy: process {pid} is alive"),
        format!("503 unhealthy: process {pid} is suspended"),
    );
    for _ in 0..3 {
        kill(server, SIGSTOP);
        wait_for_answer(&pid_file, "/livez", &stopped);
        assert_eq!(statuses(&pid_file), [&stopped, &stopped, "stopped"]);
        kill(server, SIGCONT);
        wait_for_answer(&pid_file, "/livez", &healthy);
        assert_eq!(statuses(&pid_file), [&healthy, &healthy, "ready"]);
    }
    assert_eq!(hinit.stop().code, 143);
}

fn the_server_inherits_none_of_the_sockets(mode: Mode) {
    let dir = TempDir::new();
    let start = Start::new(mode).pid_file(dir.join("pid")).args([
        "--notify",
        "--listen",
        &unused_address().to_string(),
    ]);
    let start = start.args(["--listen", &format!("unix:{}", dir.join("other").display())]);
    let hinit = start.fixture(["ready"]).start().ready().settled();
    let links = |pid: i32| -> Vec<String> {
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten();
        descriptors
            .map(|fd| fs::read_link(fd.path()).unwrap().display().to_string())
            .collect()
    };
    let own = |link: &&String| link.starts_with("socket:") || link.contains("eventpoll");
    // Three listeners, the notify socket and epoll.
    assert_eq!(links(hinit.pid()).iter().filter(own).count(), 5);
    let servers = links(hinit.server());
    assert!(servers.iter().all(|link| !own(&link)), "{servers:?}");
    hinit.stop();
}
