//! `--user` and `--workdir`: the server's user and working directory, and that hinit still works.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;

use nix::libc::{SIGHUP, SIGKILL, SIGTERM};

use crate::support::*;

mod accounts;
mod own;
mod place;
mod privileges;
mod streams;

/// The fields of /proc/PID/status on users, groups and capabilities.
const FIELDS: [&str; 7] = [
    "Uid",
    "Gid",
    "Groups",
    "CapPrm",
    "CapEff",
    "CapAmb",
    "NoNewPrivs",
];

/// The values of these fields in the status file that was printed.
fn fields(status: &str) -> Vec<String> {
    let field = |name: &str| {
        let field = status
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(":\t"));
        field.unwrap_or_default().trim_end().replace('\t', " ")
    };
    FIELDS.map(field).to_vec()
}

/// The values of a server without capabilities.
fn without_capabilities(uid: &str, gid: &str, groups: &str) -> Vec<String> {
    let four = |id: &str| [id; 4].join(" ");
    let none = || "0".repeat(16);
    vec![
        four(uid),
        four(gid),
        groups.into(),
        none(),
        none(),
        none(),
        "0".into(),
    ]
}

/// Starts hinit, and asserts that it fails with one line and launches no server.
#[track_caller]
fn assert_refused(start: Start, options: &[&str], why: &str) {
    let dir = TempDir::new();
    set_mode(&dir, 0o777);
    let (path, marker) = (dir.join("pid"), dir.join("launched"));
    let start = start.pid_file(&path).args(options);
    let ended = start.args(["--", "touch"]).arg(&marker).run();
    assert_eq!((ended.code, ended.log), (125, format!("hinit: {why}")));
    assert!(!path.exists() && !marker.exists());
}

in_both_modes!(
    ids_groups_and_capabilities_are_the_users,
    hinit_signals_a_server_of_another_user_and_finds_it_healthy,
    leftovers_of_the_user_are_ended,
    without_a_capability_nothing_is_launched,
    workdir_is_the_servers_working_directory
);

fn ids_groups_and_capabilities_are_the_users(mode: Mode) {
    if !can_be_root("to become another user") {
        return;
    }
    for (user, expected) in [
        ("4242", without_capabilities("4242", "4242", "4242")),
        ("4242:7", without_capabilities("4242", "7", "7")),
        ("nobody", without_capabilities("65534", "65534", "65534")),
        ("65534", without_capabilities("65534", "65534", "65534")),
        ("nobody:daemon", without_capabilities("65534", "1", "1")),
        ("daemon:4242", without_capabilities("1", "4242", "4242")),
    ] {
        let by_option = Start::new(mode).args(["--user", user]);
        let by_variable = Start::new(mode).with(|c| {
            c.env("HINIT_USER", user);
        });
        for start in [by_option, by_variable] {
            let ended = start
                .no_pid_file()
                .args(["--", "cat", "/proc/self/status"])
                .run();
            assert_eq!(ended.code, 0, "{}", ended.log);
            assert_eq!(fields(&ended.stdout), expected, "{user}");
        }
    }
    // Nothing else changes: neither signals nor limits nor descriptors.
    for server in [
        &[
            "grep",
            "-E",
            "Sig(Blk|Ign|Cgt)|Umask|Threads",
            "/proc/self/status",
        ][..],
        &["ls", "/proc/self/fd"],
        &["sh", "-c", "pwd; cat /proc/self/limits"],
    ] {
        let run = |options: &[&str]| {
            let start = Start::by(mode, &["env", "--block-signal=USR1", "--ignore-signal=INT"]);
            start
                .no_pid_file()
                .args(options)
                .arg("--")
                .args(server)
                .run()
                .stdout
        };
        assert_eq!(run(&["--user", "4242"]), run(&[]));
    }
}

fn hinit_signals_a_server_of_another_user_and_finds_it_healthy(mode: Mode) {
    if !can_be_root("to become another user") {
        return;
    }
    let dir = TempDir::new();
    let (program, path) = (fixture_for_all(&dir), dir.join("pid"));
    let start = Start::new(mode).pid_file(&path).args(["--user", "4242"]);
    let hinit = start.arg(&program).arg("signals").start().ready();
    let pid = recorded(&path);
    hinit.signal(SIGHUP);
    assert_eq!(hinit.line(), "signal 1");
    let healthy = format!("healthy: process {pid} is alive");
    assert_eq!(hinit.verdict(&path), healthy);
    if mode == Mode::Subreaper {
        // For the server's own user, and any other.
        for uid in [4242, 65534] {
            let mut command = hinit_with([""; 0]);
            assert_eq!(verdict_by(command.uid(uid), &path, &[]), healthy);
        }
    }
    let mut command = hinit.hinit_in_namespaces();
    let sent = command
        .args(["signal", "USR1", "--pid-file"])
        .arg(&path)
        .output();
    assert_eq!(Ended::of(&sent.unwrap()).code, 0);
    assert_eq!(hinit.line(), "signal 10");
    hinit.signal(SIGTERM);
    assert_eq!(hinit.line(), "signal 15");
    assert_eq!(hinit.end().code, 0);
    assert!(!path.exists());
}

fn leftovers_of_the_user_are_ended(mode: Mode) {
    if !can_be_root("to become another user") {
        return;
    }
    // The server waits until its leftover ignores SIGTERM.
    let script = "x=$( (trap '' TERM; exec sleep 1000 >&-) & ); exit 3";
    let start = Start::new(mode)
        .no_pid_file()
        .args(["--user", "4242", "--grace", "1ms"]);
    let ended = start.script(script).run();
    assert_eq!(ended.code, 3);
    assert!(
        ended.log.contains("; killed 1 leftover: s"),
        "{}",
        ended.log
    );
}

fn without_a_capability_nothing_is_launched(mode: Mode) {
    if !can_be_root("to have capabilities") {
        return;
    }
    for name in ["kill", "setuid", "setgid"] {
        let start = Start::by(mode, &["setpriv", &format!("--bounding-set=-{name}")]);
        let name = format!("CAP_{}", name.to_uppercase());
        let why = format!(
            "cannot run as `4242`: hinit lacks {name}; \
            add it (--cap-add {name}), or start hinit as that user"
        );
        assert_refused(start, &["--user", "4242"], &why);
    }
}

fn workdir_is_the_servers_working_directory(mode: Mode) {
    let dir = TempDir::new();
    fs::create_dir(dir.join("work")).unwrap();
    symlink("/bin/pwd", dir.join("work/server")).unwrap();
    for (workdir, command) in [("work", "./server"), ("./work/../work/", "./server")] {
        let start = Start::new(mode).with(|c| {
            c.current_dir(&dir);
        });
        let ended = start
            .no_pid_file()
            .args(["--workdir", workdir, command])
            .run();
        let expected = dir.join("work").display().to_string();
        assert_eq!((ended.code, ended.stdout), (0, expected), "{}", ended.log);
    }
    // The PID file is relative to hinit's directory, and is removed at the end.
    let start = Start::new(mode).with(|c| {
        c.current_dir(&dir).env("HINIT_WORKDIR", "work");
    });
    let hinit = start.pid_file("pid").fixture(["ready"]).start().ready();
    let pid = recorded(&dir.join("pid"));
    assert_eq!(
        hinit.verdict(&dir.join("pid")),
        format!("healthy: process {pid} is alive")
    );
    let link = fs::read_link(format!("/proc/{}/cwd", hinit.server())).unwrap();
    assert_eq!(link, dir.join("work"));
    assert_eq!(hinit.stop().code, 143);
    assert!(!dir.join("pid").exists());
    fs::write(dir.join("file"), "").unwrap();
    for (name, why) in [
        ("none", "No such file or directory"),
        ("file", "Not a directory"),
    ] {
        let at = dir.join(name);
        let why = format!("cannot enter the directory `{}`: {why}", at.display());
        assert_refused(Start::new(mode), &["--workdir", at.to_str().unwrap()], &why);
    }
}
