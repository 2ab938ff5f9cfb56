//! Paths that lead elsewhere: that of the PID file and that of its directory.

use std::os::unix::fs::{MetadataExt, symlink};

use super::*;

/// The metadata and contents of a victim's file, which must not change.
pub fn facts(path: &Path) -> (u64, u32, u32, u64, i64, Vec<u8>) {
    let file = path.symlink_metadata().unwrap();
    let contents = fs::read(path).unwrap();
    (
        file.ino(),
        file.mode(),
        file.uid(),
        file.nlink(),
        file.ctime_nsec(),
        contents,
    )
}

/// A file of root that looks like a PID file.
fn victims_file(dir: &TempDir, name: &str, pid: i32) -> PathBuf {
    let path = dir.join(name);
    fs::write(&path, format!("{pid}\n")).unwrap();
    path
}

/// Asserts that hinit does not start with this PID file, for this reason.
#[track_caller]
fn assert_refused(path: &Path, reason: &str) {
    let ended = Start::new(Mode::Subreaper)
        .pid_file(path)
        .fixture(["ready"])
        .run();
    let start = format!(
        "hinit: cannot claim the PID file `{}`: {reason}; ",
        path.display()
    );
    assert!(ended.log.starts_with(&start), "{}", ended.log);
    assert_eq!((ended.code, ended.stdout.as_str()), (125, ""));
}

in_both_modes!(
    a_file_that_replaces_the_pid_file_is_left_alone,
    a_directory_that_replaces_the_pid_file_is_left_alone
);

// A file with the PID of a victim, of hinit itself and of PID 1: none is trusted.
fn a_file_that_replaces_the_pid_file_is_left_alone(mode: Mode) {
    if !can_attack() {
        return;
    }
    let dir = TempDir::new();
    let own = attackers_directory(&dir, "own");
    let path = own.join("pid");
    let hinit = start_fixture(mode, &path, "ready");
    let pid = recorded(&path);
    for victim in [pid, 1, hinit.pid()] {
        let script = format!("cd {}; echo {victim} >new; mv new pid", own.display());
        assert!(
            by_attacker("sh")
                .args(["-euc", &script])
                .status()
                .unwrap()
                .success()
        );
        let why = format!(
            "PID file {} belongs to UID {ATTACKER}, which is not trusted",
            path.display()
        );
        assert_eq!(hinit.verdict(&path), format!("unhealthy: {why}"));
        let mut command = hinit.hinit_in_namespaces();
        let command = command.args(["signal", "KILL", "--pid-file"]).arg(&path);
        let ended = Ended::of(&command.output().unwrap());
        assert_eq!(
            (ended.code, ended.log),
            (1, format!("hinit: cannot send SIGKILL: {why}"))
        );
    }
    let before = facts(&path);
    let ended = hinit.stop();
    assert_eq!(ended.code, 143);
    assert!(
        ended.log.ends_with("it was removed or replaced meanwhile"),
        "{}",
        ended.log
    );
    assert_eq!(facts(&path), before);
}

// hinit keeps the directory open and does not use its path: it touches nothing in a new directory
// of the same name.
fn a_directory_that_replaces_the_pid_file_is_left_alone(mode: Mode) {
    if !can_attack() {
        return;
    }
    let dir = TempDir::new();
    let parent = attackers_directory(&dir, "parent");
    let own = parent.join("own");
    assert!(by_attacker("mkdir").arg(&own).status().unwrap().success());
    let path = own.join("pid");
    fs::create_dir(dir.join("victim")).unwrap();
    let victim = victims_file(&dir, "victim/pid", 1);
    let before = facts(&victim);
    let hinit = Start::with_notify(mode, &path)
        .fixture(["ready"])
        .start()
        .ready();
    recorded(&path);
    let socket = socket_beside(&victim);
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    let script = format!(
        "cd {}; mv own away; ln -s {} own",
        parent.display(),
        dir.join("victim").display()
    );
    assert!(
        by_attacker("sh")
            .args(["-euc", &script])
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(
        hinit.verdict(&path),
        format!(
            "unhealthy: PID file {} cannot be read: Permission denied",
            path.display()
        )
    );
    assert_eq!(hinit.stop().code, 143);
    assert_eq!(facts(&victim), before);
    assert!(socket.exists());
    // hinit leaves nothing in the directory that it has open.
    assert_eq!(fs::read_dir(parent.join("away")).unwrap().count(), 0);
}

#[test]
fn a_link_to_a_victims_file_is_not_followed() {
    if !can_attack() {
        return;
    }
    let dir = TempDir::new();
    let own = attackers_directory(&dir, "own");
    let victim = victims_file(&dir, "victim", 1);
    let path = own.join("pid");
    for (is_hard, reason) in [
        (false, "it is a symlink"),
        (true, "it has 2 hard links, not one"),
    ] {
        if is_hard {
            fs::hard_link(&victim, &path).unwrap();
        } else {
            symlink(&victim, &path).unwrap();
        }
        let before = facts(&victim);
        assert_refused(&path, reason);
        let start = Start::new(Mode::Subreaper)
            .no_pid_file()
            .arg("--remove-stale")
            .arg(&path);
        assert_eq!(start.fixture(["exit", "0"]).run().code, 0);
        assert_eq!(facts(&victim), before, "{reason}");
        assert!(verdict(&path).starts_with("unhealthy: "), "{reason}");
        fs::remove_file(&path).unwrap();
    }
}

/// In a directory that all users may write, a file that existed before.
#[test]
fn a_squatted_path_is_left_alone() {
    if !can_attack() {
        return;
    }
    let dir = TempDir::new();
    attackers_directory(&dir, "own");
    let shared = dir.join("shared");
    fs::create_dir(&shared).unwrap();
    set_mode(&shared, 0o1777);
    let path = shared.join("hinit-0.pid");
    let made = by_attacker("sh")
        .args(["-c", "echo 1 >\"$0\""])
        .arg(&path)
        .status();
    assert!(made.unwrap().success());
    let before = facts(&path);
    assert_refused(&path, &format!("it belongs to UID {ATTACKER}"));
    let expected = format!(
        "unhealthy: PID file {} belongs to UID {ATTACKER}, which is not trusted",
        path.display()
    );
    assert_eq!(verdict(&path), expected);
    assert_eq!(facts(&path), before);
}

/// A symlink to a victim's directory; one of root would be followed.
#[test]
fn a_directory_behind_another_users_symlink_is_not_entered() {
    if !can_attack() {
        return;
    }
    let dir = TempDir::new();
    let own = attackers_directory(&dir, "own");
    let other = dir.join("other");
    fs::create_dir(&other).unwrap();
    // PID files: of another running server, and one that is not in use.
    let pid_file = other.join("pid");
    let running = start_fixture(Mode::Subreaper, &pid_file, "ready");
    let pid = recorded(&pid_file);
    let unused = victims_file(&dir, "other/unused", 4_194_303);
    let before = [&pid_file, &unused].map(|path| facts(path));
    let made = by_attacker("ln")
        .args(["-s", "../other", "own/link"])
        .current_dir(&dir)
        .status();
    assert!(made.unwrap().success());
    let within = own.join("link");
    for path in ["unused", "new", "new/new"] {
        let reason = format!(
            "`{}` is a symlink that belongs to UID {ATTACKER}; hinit follows only those of root \
             and of its own user",
            within.display()
        );
        assert_refused(&within.join(path), &reason);
    }
    let removing = Start::new(Mode::Subreaper)
        .no_pid_file()
        .arg("--remove-stale");
    let ended = removing
        .arg(within.join("unused"))
        .fixture(["exit", "0"])
        .run();
    let line = format!(
        "hinit: did not remove the PID file `{}`: Permission denied",
        within.join("unused").display()
    );
    assert_eq!(ended.log.lines().next(), Some(line.as_str()));
    let listening = Start::new(Mode::Subreaper).no_pid_file().arg("--listen");
    let ended = listening
        .arg(format!("unix:{}", within.join("socket").display()))
        .fixture(["exit", "0"])
        .run();
    assert_eq!(ended.code, 125, "{}", ended.log);
    let path = within.join("pid");
    let why = format!(
        "PID file {} cannot be read: Permission denied",
        path.display()
    );
    assert_eq!(verdict(&path), format!("unhealthy: {why}"));
    let ended = run_hinit(["signal", "KILL", "--pid-file", path.to_str().unwrap()]);
    assert_eq!(
        (ended.code, ended.log),
        (1, format!("hinit: cannot send SIGKILL: {why}"))
    );
    assert_eq!([&pid_file, &unused].map(|path| facts(path)), before);
    assert_eq!(fs::read_dir(&other).unwrap().count(), 2);
    // A symlink of root is followed.
    symlink("other", dir.join("roots")).unwrap();
    assert_eq!(
        verdict(&dir.join("roots/pid")),
        format!("healthy: process {pid} is alive")
    );
    assert_eq!(running.stop().code, 143);
    assert_refused(&dir.join("roots"), "it is a symlink");
    let ended = Start::new(Mode::Subreaper)
        .pid_file(dir.join("roots/unused"))
        .fixture(["exit", "7"])
        .run();
    assert_eq!(ended.code, 7, "{}", ended.log);
}
