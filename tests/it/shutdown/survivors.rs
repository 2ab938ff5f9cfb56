//! Processes that SIGKILL does not end, because they belong to another user or are frozen, are
//! named and left.

use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};

use super::*;

in_both_modes!(
    an_unkillable_server_is_named_and_left,
    without_a_grace_time_the_server_is_named_once_and_waited_for
);

fn an_unkillable_server_is_named_and_left(mode: Mode) {
    if !can_be_root("to be another user") {
        return;
    }
    let dir = TempDir::new();
    let program = setuid_root(&dir);
    chown(&dir, Some(65534), None).unwrap();
    let pid_file = dir.join("pid");
    let start = Start::by(mode, &AS_NOBODY)
        .pid_file(&pid_file)
        .args(["--grace", "100ms"])
        .arg("--")
        .arg(program);
    // It does not get hinit's output, which it could keep open longer than hinit lives.
    let mut hinit = start.args(["becomes-root"]).start().ready();
    let (pid, server) = (recorded(&pid_file), hinit.server());
    hinit.signal(SIGTERM);
    let code = hinit.code();
    // As PID 1 hinit ends it as well.
    let _gone = nix_kill(Pid::from_raw(server), Signal::SIGKILL);
    let ended = hinit.end();
    let line = ended.log.lines().last().unwrap();
    let (start, end) = line
        .split_once(&format!(
            "; could not kill the server server (PID {pid}, sleeping, "
        ))
        .unwrap();
    assert!(start.starts_with("hinit: SIGTERM from "), "{line}");
    assert!(
        end.ends_with(
            " ago): Operation not permitted; hinit needs CAP_KILL for a server of another user"
        ),
        "{line}"
    );
    assert_eq!((code, ended.log.lines().count()), (125, 2), "{}", ended.log);
    assert!(!pid_file.exists());
}

fn without_a_grace_time_the_server_is_named_once_and_waited_for(mode: Mode) {
    if !can_be_root("to be another user") {
        return;
    }
    let dir = TempDir::new();
    let program = setuid_root(&dir);
    let hinit = Start::by(mode, &AS_NOBODY)
        .no_pid_file()
        .arg("--")
        .arg(program)
        .args(["becomes-root"])
        .start()
        .ready();
    hinit.signal(SIGTERM);
    let warning = hinit.log_line();
    assert!(warning.contains(" to the server server (PID "), "{warning}");
    assert!(warning.ends_with("): Operation not permitted"), "{warning}");
    // No timer is set.
    wait_for_rest(hinit.pid());
    hinit.signal(SIGHUP);
    hinit.signal(SIGTERM);
    kill(hinit.server(), SIGKILL);
    let ended = hinit.end();
    ended.assert_code_and_lines(137, 1);
}

#[test]
fn leftovers_of_another_user_are_named_and_left() {
    if !can_be_root("to be another user") {
        return;
    }
    let dir = TempDir::new();
    let program = setuid_root(&dir);
    let script = format!(
        "{} becomes-root >&2 & echo $!; until test $(stat -c %u /proc/$!) = 0; do :; done; exit 3",
        program.display()
    );
    let start = Start::by(
        Mode::Subreaper,
        &["setpriv", "--reuid=65534", "--clear-groups"],
    );
    let start = start.no_pid_file().args(["--grace", "100ms"]);
    let mut hinit = start.script(&script).start();
    let pid: i32 = hinit.line().parse().unwrap();
    let code = hinit.code();
    kill(pid, SIGKILL);
    let ended = hinit.end();
    let line = format!("1 leftover: server (PID {pid}, sleeping, ");
    assert!(
        leftovers_in(&ended.log, "could not end")
            .unwrap()
            .starts_with(&line),
        "{}",
        ended.log
    );
    assert_eq!((code, leftovers_in(&ended.log, "killed")), (3, None));
}

/// As PID 1 hinit ends them as well.
#[test]
fn leftovers_of_another_user_that_fork_without_end_are_left() {
    if !can_be_root("to be another user") {
        return;
    }
    let dir = TempDir::new();
    let program = setuid_root(&dir);
    let ended = Start::by(Mode::Pid1, &AS_NOBODY)
        .no_pid_file()
        .args(["--grace", "100ms"])
        .arg("--")
        .arg(program)
        .args(["becomes-root", "leave-forkers", "2"])
        .run();
    assert_eq!(ended.code, 3);
    assert!(leftovers_in(&ended.log, "could not end").is_some());
}

/// A cgroup that can be frozen, of version 1 if there is one.
struct Freezer(PathBuf);

impl Freezer {
    fn new() -> Option<Self> {
        let name = format!("hinit-it-{}-freezer", std::process::id());
        let cgroup = ["freezer", ""].iter().find_map(|tree| {
            let path = Path::new("/sys/fs/cgroup").join(tree).join(&name);
            fs::create_dir(&path).ok().map(|()| Self(path))
        });
        can_run(cgroup.is_some(), "needs root and cgroups").then_some(())?;
        cgroup
    }

    fn is_of_version_1(&self) -> bool {
        self.0.join("freezer.state").exists()
    }

    fn freeze(&self) {
        if self.is_of_version_1() {
            fs::write(self.0.join("freezer.state"), "FROZEN").unwrap();
            eventually("it is frozen", || {
                let state = fs::read_to_string(self.0.join("freezer.state"));
                (state.unwrap() == "FROZEN\n").then_some(())
            });
        } else {
            fs::write(self.0.join("cgroup.freeze"), "1").unwrap();
            eventually("it is frozen", || {
                let events = fs::read_to_string(self.0.join("cgroup.events"));
                events.unwrap().contains("frozen 1\n").then_some(())
            });
        }
    }
}

impl Drop for Freezer {
    fn drop(&mut self) {
        let (file, value) = if self.is_of_version_1() {
            ("freezer.state", "THAWED")
        } else {
            ("cgroup.freeze", "0")
        };
        let _thawed = fs::write(self.0.join(file), value);
        if !std::thread::panicking() {
            eventually("the cgroup is empty", || fs::remove_dir(&self.0).ok());
        }
    }
}

/// Version 1 keeps even SIGKILL from a frozen process, version 2 does not.
#[test]
fn a_frozen_server_is_named_and_left() {
    let Some(freezer) = Freezer::new() else {
        return;
    };
    let dir = TempDir::new();
    let pid_file = dir.join("pid");
    let start = Start::new(Mode::Subreaper).pid_file(&pid_file);
    let start = start.args(["--grace", "100ms"]);
    // Version 2 lets a signal end a frozen process whose default action is to do so. This one has a handler.
    let script = format!(
        "trap 'exit 5' TERM; echo $$ >{}/cgroup.procs; echo ready; while :; do :; done",
        freezer.0.display()
    );
    let mut hinit = start.script(&script).start().ready();
    let pid = recorded(&pid_file);
    freezer.freeze();
    hinit.signal(SIGTERM);
    let code = hinit.code();
    let is_left = freezer.is_of_version_1();
    drop(freezer);
    let ended = hinit.end();
    assert!(!pid_file.exists());
    if is_left {
        let line = format!("; could not kill the server sh (PID {pid}, ");
        assert!(ended.log.contains(&line), "{}", ended.log);
        assert!(
            ended.log.ends_with(" ago): SIGKILL did not end it"),
            "{}",
            ended.log
        );
        assert_eq!(code, 125);
    } else {
        assert_eq!(code, 137);
    }
}
