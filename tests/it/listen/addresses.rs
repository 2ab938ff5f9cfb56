//! The addresses where hinit listens.

use std::fs;
use std::net::TcpListener;

use crate::support::*;

in_both_modes!(hinit_answers_at_several_addresses);

fn hinit_answers_at_several_addresses(mode: Mode) {
    let dir = TempDir::new();
    let socket = dir.join("other");
    let addresses = [unused_address(), unused_address()];
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
        assert_eq!(mode_of(&socket), 0o600);
        assert_eq!(hinit.stop().code, 143);
        assert!(!socket.exists());
    }
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
        .env("HINIT", crate::support::hinit());
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
    let address = unused_address();
    for _ in 0..3 {
        let start = Start::new(Mode::Subreaper)
            .no_pid_file()
            .args(["--listen", &address.to_string()]);
        let hinit = start.fixture(["ready"]).start().ready();
        let mut client = Client::tcp(address);
        client.fetch("/livez");
        hinit.kill_with_server();
        assert_eq!(client.rest(), "");
    }
}
