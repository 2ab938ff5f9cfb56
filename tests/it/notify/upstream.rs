//! hinit under a service manager that gives it a notify socket and a watchdog.

use std::ffi::OsString;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use crate::support::*;

/// A service manager's socket, at a path and at an abstract name.
fn managers(dir: &TempDir, name: &str) -> [(OsString, UnixDatagram); 2] {
    let path = dir.join("manager");
    let at_path = UnixDatagram::bind(&path).unwrap();
    let name = format!("hinit-it-{}-{name}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let abstract_one = UnixDatagram::bind_addr(&address).unwrap();
    [
        (path.into(), at_path),
        (format!("@{name}").into(), abstract_one),
    ]
}

in_both_modes!(
    messages_are_passed_on,
    a_missing_manager_is_one_warning,
    a_hanging_manager_is_one_warning,
    without_the_option_the_socket_is_the_servers,
    the_watchdog_of_hinits_manager_is_passed_to_the_server
);

fn messages_are_passed_on(mode: Mode) {
    let dir = TempDir::new();
    for (name, manager) in managers(&dir, &format!("{mode:?}")) {
        manager.set_read_timeout(Some(bound())).unwrap();
        // Neither a PID nor an unknown assignment is passed on, whatever the manager takes for the
        // end of a line.
        let messages = [
            "READY=1\\nMAINPID=$SELF\\nSTATUS=up",
            "@fds",
            "MAINPID=$SELF",
            "@empty",
            "\\xff",
            "STATUS=a\\rMAINPID=1",
            "MAINPID=1\\rX_OWN=MAINPID=1\\0",
            "WATCHDOG=1\\nBARRIER=1\\n",
            "RELOADING=1\\r\\nMONOTONIC_USEC=042",
        ];
        let start = Start::new(mode)
            .no_pid_file()
            .args(["--notify"])
            .with(|command| {
                command.env("NOTIFY_SOCKET", name);
            });
        let hinit = start.notifies(&messages).start().ready();
        for _ in &messages[1..] {
            hinit.next_message();
        }
        for expected in [
            "READY=1\nSTATUS=up",
            "STATUS=a",
            "WATCHDOG=1",
            "RELOADING=1\nMONOTONIC_USEC=42",
        ] {
            let mut bytes = [0; 100];
            let length = manager.recv(&mut bytes).unwrap();
            assert_eq!(std::str::from_utf8(&bytes[..length]).unwrap(), expected);
        }
        assert_eq!(hinit.stop().code, 143);
        manager.set_nonblocking(true).unwrap();
        assert!(manager.recv(&mut [0]).is_err());
    }
}

fn a_missing_manager_is_one_warning(mode: Mode) {
    let dir = TempDir::new();
    let start = Start::new(mode).no_pid_file().args(["--notify"]);
    let start = start.with(|command| {
        command.env("NOTIFY_SOCKET", dir.join("missing"));
    });
    let hinit = start
        .notifies(&["READY=1", "STATUS=up", "WATCHDOG=1"])
        .start()
        .ready();
    hinit.next_message();
    hinit.next_message();
    let ended = hinit.stop();
    let warning = "hinit: cannot pass on a notify message: No such file or directory";
    assert_eq!(
        (ended.log.lines().next(), ended.log.lines().count()),
        (Some(warning), 2),
        "{}",
        ended.log
    );
}

// A manager that does not read blocks nothing.
fn a_hanging_manager_is_one_warning(mode: Mode) {
    let dir = TempDir::new();
    let path = dir.join("manager");
    let _manager = UnixDatagram::bind(&path).unwrap();
    let queue_length: usize = std::fs::read_to_string("/proc/sys/net/unix/max_dgram_qlen")
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    let messages = vec!["WATCHDOG=1"; queue_length + 10];
    let start = Start::new(mode)
        .no_pid_file()
        .args(["--notify"])
        .with(|command| {
            command.env("NOTIFY_SOCKET", &path);
        });
    let ended = start.fixture([&["notify"], &messages[..]].concat()).run();
    ended.assert_code_and_lines(0, 2);
    assert!(
        ended
            .log
            .starts_with("hinit: cannot pass on a notify message: "),
        "{}",
        ended.log
    );
}

fn without_the_option_the_socket_is_the_servers(mode: Mode) {
    let start = Start::new(mode).no_pid_file().with(|command| {
        command.env("NOTIFY_SOCKET", "/manager");
    });
    assert_eq!(start.script("echo $NOTIFY_SOCKET").run().stdout, "/manager");
}

fn the_watchdog_of_hinits_manager_is_passed_to_the_server(mode: Mode) {
    let script = "echo ${WATCHDOG_PID-none} $WATCHDOG_USEC";
    for (pid, expected) in [("$$", "none 7"), ("999999", "999999 7")] {
        let set = format!("export WATCHDOG_PID={pid} WATCHDOG_USEC=7; exec \"$@\"");
        for options in [&[][..], &["--notify"]] {
            let start = Start::by(mode, &["sh", "-c", &set, "sh"])
                .no_pid_file()
                .args(options);
            assert_eq!(start.script(script).run().stdout, expected);
        }
    }
}
