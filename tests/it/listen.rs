//! The addresses where hinit answers probes, and its answers in each phase of a server.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicU8, Ordering};

use nix::libc::{SIGCONT, SIGKILL, SIGSTOP, SIGTERM, SIGUSR1};

use crate::support::*;

mod crowds;
mod exhaustion;
mod requests;

/// An address that no other test uses, and usually no other program, of the loopback network.
fn address() -> SocketAddr {
    static COUNT: AtomicU8 = AtomicU8::new(1);
    let [.., high, low] = std::process::id().to_be_bytes();
    let host = Ipv4Addr::new(127, high, low, COUNT.fetch_add(1, Ordering::Relaxed));
    TcpListener::bind((host, 0)).unwrap().local_addr().unwrap()
}

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
    hinit_answers_at_several_addresses,
    the_server_inherits_none_of_the_sockets
);

fn without_notify_a_server_is_ready_at_once(mode: Mode) {
    let dir = TempDir::new();
    let (pid_file, address) = (dir.join("pid"), address());
    let start = Start::new(mode)
        .pid_file(&pid_file)
        .args(["--listen", &address.to_string()]);
    let hinit = start.fixture(["ready"]).start().ready();
    let pid = recorded(&pid_file);
    let well = format!("200 healthy: process {pid} is alive");
    assert_eq!(statuses(&pid_file), [&well, &well, "ready"]);
    assert_eq!(Client::tcp(address).fetch("/readyz").status, well);
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
            "trap 'echo told' TERM; trap 'exit 3' USR1; {}; echo ready; while :; do sleep 0.01; \
             done",
            notify("READY=1")
        );
        let hinit = start.script(&script).start().ready();
        let pid = recorded(&pid_file);
        let well = format!("200 healthy: process {pid} is alive");
        assert_eq!(statuses(&pid_file), [&well, &well, "ready"]);
        hinit.signal(SIGTERM);
        let about_to = format!("503 unhealthy: process {pid} is about to be stopped");
        eventually("hinit has handled the signal", || {
            get(&pid_file, "/readyz")
                .status
                .starts_with("503")
                .then_some(())
        });
        assert_eq!(statuses(&pid_file), [&well, &about_to, "stopping"]);
        if options.is_empty() {
            assert_eq!(hinit.line(), "told");
            assert_eq!(statuses(&pid_file), [&well, &about_to, "stopping"]);
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
    eventually("the server has ended", || {
        (get(&pid_file, "/livez").status == none).then_some(())
    });
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
    let (well, stopped) = (
        format!("200 healthy: process {pid} is alive"),
        format!("503 unhealthy: process {pid} is stopped"),
    );
    for _ in 0..3 {
        kill(server, SIGSTOP);
        eventually("health checks see the state", || {
            (get(&pid_file, "/livez").status == stopped).then_some(())
        });
        assert_eq!(statuses(&pid_file), [&stopped, &stopped, "stopped"]);
        kill(server, SIGCONT);
        eventually("health checks see the state", || {
            (get(&pid_file, "/livez").status == well).then_some(())
        });
        assert_eq!(statuses(&pid_file), [&well, &well, "ready"]);
    }
    assert_eq!(hinit.stop().code, 143);
}

fn hinit_answers_at_several_addresses(mode: Mode) {
    let dir = TempDir::new();
    let socket = dir.join("other");
    let addresses = [address(), address()];
    let unix = format!("unix:{}", socket.display());
    // The variable takes several addresses as well.
    let variable = format!("{} {} {unix}", addresses[0], addresses[1]);
    for by_variable in [false, true] {
        let start = Start::new(mode)
            .no_pid_file()
            .args(["--pid-file-mode", "0600"]);
        let start = if by_variable {
            start.with(|command| {
                command.env("HINIT_LISTEN", &variable);
            })
        } else {
            start.args(
                variable
                    .split(' ')
                    .flat_map(|address| ["--listen", address]),
            )
        };
        let hinit = start.fixture(["ready"]).start().ready();
        for address in addresses {
            Client::tcp(address).assert_alive();
        }
        Client::new(&socket).assert_alive();
        assert_eq!(
            socket.metadata().unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(hinit.stop().code, 143);
        assert!(!socket.exists());
    }
}

fn the_server_inherits_none_of_the_sockets(mode: Mode) {
    let dir = TempDir::new();
    let start = Start::new(mode).pid_file(dir.join("pid")).args([
        "--notify",
        "--listen",
        &address().to_string(),
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

/// With and without IPv6.
#[test]
fn localhost_and_all_addresses() {
    let ipv6 = TcpListener::bind("[::1]:0").is_ok();
    for (name, hosts) in [
        ("localhost", &["127.0.0.1", "[::1]"][..]),
        ("[::]", &["127.0.0.1", "[::1]"]),
        ("0.0.0.0", &["127.0.0.1"]),
    ] {
        if !ipv6 && name == "[::]" {
            eprintln!("skipped: {name}: this machine has no IPv6");
            continue;
        }
        // Another program may take the free port before hinit does.
        let (hinit, port) = eventually("hinit gets a port", || {
            let port = TcpListener::bind("127.0.0.1:0")
                .unwrap()
                .local_addr()
                .unwrap()
                .port();
            let start = Start::new(Mode::Subreaper)
                .no_pid_file()
                .args(["--listen", &format!("{name}:{port}")]);
            let hinit = start.script("echo ready; exec sleep 1000").start();
            hinit.try_line().map(|_| (hinit, port))
        });
        for host in hosts.iter().filter(|host| ipv6 || !host.starts_with('[')) {
            let address = format!("{host}:{port}").parse().unwrap();
            assert!(
                Client::tcp(address)
                    .fetch("/livez")
                    .status
                    .starts_with("200 "),
                "{name} {host}"
            );
        }
        assert_eq!(hinit.stop().code, 143);
    }
}

/// As in many containers.
#[test]
fn without_ipv6_localhost_is_one_address() {
    if !can_be_root("to have a network of its own") {
        return;
    }
    let script = "echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6
        exec \"$HINIT\" --no-pid-file --listen localhost:9101 -- cat /proc/net/tcp /proc/net/tcp6";
    let mut command = std::process::Command::new("unshare");
    command
        .args(["--net", "sh", "-euc", script])
        .env("HINIT", super::support::hinit());
    let ended = Ended::of(&command.output().unwrap());
    ended.assert_code_and_lines(0, 1);
    // In the kernel's notation.
    assert_eq!(
        count(&ended.stdout, "0100007F:238D 00000000:0000 0A"),
        1,
        "{}",
        ended.stdout
    );
    assert_eq!(count(&ended.stdout, ":238D "), 1, "{}", ended.stdout);
}

#[test]
fn an_address_that_is_taken_or_not_this_machines_is_an_error() {
    let dir = TempDir::new();
    let taken = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let _held = TcpListener::bind(taken).unwrap();
    let file = dir.join("file");
    fs::write(&file, "another's").unwrap();
    for (address, name, reason) in [
        (taken.to_string(), taken.to_string(), "Address in use"),
        (
            "192.0.2.1:9101".into(),
            "192.0.2.1:9101".into(),
            "Address not available",
        ),
        (
            format!("unix:{}", file.display()),
            file.display().to_string(),
            "it is a regular file",
        ),
        (
            "unix:/missing/socket".into(),
            "/missing/socket".into(),
            "No such file or directory",
        ),
    ] {
        let pid_file = dir.join("pid");
        let ended = Start::new(Mode::Subreaper)
            .pid_file(&pid_file)
            .args(["--listen", &address, "true"])
            .run();
        assert_eq!(
            (ended.code, ended.log),
            (125, format!("hinit: cannot listen at `{name}`: {reason}"))
        );
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 1);
    }
    assert_eq!(fs::read(file).unwrap(), b"another's");
}

/// A port whose server has just exited, with connections in TIME-WAIT.
#[test]
fn a_restart_gets_the_same_address_again() {
    let address = address();
    for _ in 0..3 {
        let start = Start::new(Mode::Subreaper)
            .no_pid_file()
            .args(["--listen", &address.to_string()]);
        let hinit = start.fixture(["ready"]).start().ready();
        let mut client = Client::tcp(address);
        client.fetch("/livez");
        let server = hinit.server();
        hinit.signal(SIGKILL);
        kill(server, SIGKILL);
        hinit.end();
        assert_eq!(client.rest(), "");
    }
}
