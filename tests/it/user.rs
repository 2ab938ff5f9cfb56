//! `--user` and `--workdir`: the server's user and working directory, and that hinit still works.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;

use nix::libc::{SIGHUP, SIGKILL, SIGTERM};

use crate::support::*;

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
fn refused(start: Start, options: &[&str], why: &str) {
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
    an_unknown_user_is_an_error,
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
    let mut command = hinit.beside();
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
        refused(start, &["--user", "4242"], &why);
    }
}

fn an_unknown_user_is_an_error(mode: Mode) {
    for (user, why) in [
        (
            "none",
            "cannot run as `none`: there is no such user in /etc/passwd",
        ),
        (
            "none:0",
            "cannot run as `none`: there is no such user in /etc/passwd",
        ),
        (
            "0:none",
            "cannot run with the group `none`: there is no such group in /etc/group",
        ),
        (
            "4294967295",
            "cannot run as `4294967295`: there is no such user in /etc/passwd",
        ),
        (
            "0:4294967296",
            "cannot run with the group `4294967296`: there is no such group in /etc/group",
        ),
    ] {
        refused(Start::new(mode), &["--user", user], why);
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
        refused(Start::new(mode), &["--workdir", at.to_str().unwrap()], &why);
    }
}

/// Runs a script with these users and groups and no others.
fn in_an_image(passwd: &str, group: &str, script: &str) -> Ended {
    let dir = TempDir::new();
    fs::write(dir.join("passwd"), passwd).unwrap();
    fs::write(dir.join("group"), group).unwrap();
    let script = format!(
        "mount --bind \"$1/passwd\" /etc/passwd; mount --bind \"$1/group\" /etc/group; {script}"
    );
    in_mount_namespace(&script, &[dir.as_ref().as_os_str()])
}

#[test]
fn names_and_supplementary_groups_come_from_the_images_files() {
    if !can_be_root("to become another user") {
        return;
    }
    let passwd = "root:x:0:0:root:/root:/bin/sh\n# junk\n\napp:x:1000:1001::/home/app:/bin/sh\n\
        homeless:x:1002:1002:::\nlast:x:1003:1003::/last:/bin/sh";
    let group = "root:x:0:\nten:x:10:app,other\napp:x:1001:\ntwenty:x:20:other,app\n\
        mine:x:30:homeless\n\
        junk\nlast:x:1003:\n";
    let show = "sh -c 'echo $(id -u) $(id -g) $(id -G) $HOME $(pwd)'";
    for (user, shown) in [
        ("app", "1000 1001 1001 10 20 /home/app /"),
        ("1000", "1000 1001 1001 10 20 /home/app /"),
        ("app:ten", "1000 10 10 /home/app /"),
        ("app:10", "1000 10 10 /home/app /"),
        ("app:app", "1000 1001 1001 /home/app /"),
        ("homeless", "1002 1002 1002 30 / /"),
        ("last", "1003 1003 1003 /last /"),
        ("last:last", "1003 1003 1003 /last /"),
        ("5000", "5000 5000 5000 / /"),
        ("root", "0 0 0 /root /"),
    ] {
        let script =
            format!("cd /; HOME=/nowhere \"$HINIT\" -q --no-pid-file --user {user} {show}");
        let ended = in_an_image(passwd, group, &script);
        assert_eq!(
            (ended.stdout.as_str(), ended.log.as_str()),
            (shown, ""),
            "{user}"
        );
    }
}

#[test]
fn numeric_ids_need_no_account_files() {
    if !can_be_root("to become another user") {
        return;
    }
    let script = "mount -t tmpfs none /etc; cd /; for user in 1000 1000:7 nobody; do \
        \"$HINIT\" -q --no-pid-file --user $user sh -c 'echo $(id -u) $(id -G) $HOME' || echo $?; \
        done";
    let ended = in_mount_namespace(script, &[]);
    assert_eq!(ended.stdout, "1000 1000 /\n1000 7 /\n125");
    let line = "hinit: cannot run as `nobody`: there is no such user in /etc/passwd";
    assert_eq!(ended.log, line);
}

/// Otherwise `--user 1234` would run with the group 1234 and not with that of /etc/passwd.
#[test]
fn an_unreadable_account_file_is_an_error() {
    if !can_be_root("to become another user") {
        return;
    }
    for (make, why) in [
        ("mkdir /etc/$file", "Is a directory"),
        ("ln -s $file /etc/$file", "Symbolic link loop"),
        ("ln -s /dev/null/x /etc/$file", "Not a directory"),
        ("echo >/etc/$file; chmod 0 /etc/$file", "Permission denied"),
    ] {
        for file in ["passwd", "group"] {
            for user in ["1234", "1234:7", "root"] {
                let script = format!(
                    "mount -t tmpfs none /etc; file={file}; {make}; exec setpriv \
                     --bounding-set=-dac_override,-dac_read_search \"$HINIT\" --no-pid-file \
                     --user {user} true"
                );
                let ended = in_mount_namespace(&script, &[]);
                let line = format!("hinit: cannot look up the user in `/etc/{file}`: {why}");
                assert_eq!((ended.code, ended.log), (125, line), "{make} {user}");
            }
        }
    }
}
