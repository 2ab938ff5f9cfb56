//! Processes that /proc does not show: hinit's own children get their signals by their PIDs.

use std::os::unix::fs::chown;

use super::*;

/// hinit as PID 1 and as a user from whom such a /proc hides the `hidden` fixture.
fn where_proc_hides(how: &str) -> Start {
    let script = format!(
        "mount -t proc -o hidepid={how} proc /proc; \
         exec setpriv --reuid=65534 --regid=65534 --clear-groups \"$@\""
    );
    Start::by(Mode::Pid1, &["sh", "-euc", &script, "sh"])
}

const WAYS: [&str; 3] = ["noaccess", "invisible", "ptraceable"];

#[test]
fn hidden_leftovers_get_term_and_are_logged_as_unseen() {
    if !can_be_root("to be another user") {
        return;
    }
    let dir = TempDir::new();
    let program = fixture_for_all(&dir);
    for how in WAYS {
        let start = where_proc_hides(how).no_pid_file();
        let start = start.args(["--grace", "3s"]).arg(&program);
        let ended = start.arg("hidden").run();
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (0, "got TERM"),
            "{how}"
        );
        let line = "hinit: cannot see which processes the server left: /proc hides processes\n";
        assert!(ended.log.starts_with(line), "{}", ended.log);
        assert_eq!(ended.log.lines().count(), 2, "{}", ended.log);
    }
}

#[test]
fn a_hidden_server_and_its_leftovers_are_killed_after_the_grace_time() {
    if !can_be_root("to be another user") {
        return;
    }
    let dir = TempDir::new();
    let program = fixture_for_all(&dir);
    for how in WAYS {
        let start = where_proc_hides(how).no_pid_file();
        let start = start.args(["--grace", "100ms"]).arg(&program);
        let hinit = start.args(["hidden", "stubborn"]).start().ready();
        let ended = hinit.stop();
        let end = ended.log.lines().last().unwrap();
        assert_eq!(ended.code, 137, "{how}: {}", ended.log);
        assert!(end.contains(" when its grace time was over"), "{end}");
        let killed = leftovers_in(&ended.log, "killed").unwrap();
        assert!(killed.starts_with("1 leftover: process (PID "), "{end}");
        assert!(killed.ends_with(", hidden by /proc)"), "{end}");
    }
}

#[test]
fn the_status_does_not_count_hidden_children() {
    if !can_be_root("to be another user") {
        return;
    }
    let dir = TempDir::new();
    let program = fixture_for_all(&dir);
    chown(&dir, Some(65534), None).unwrap();
    let path = dir.join("pid");
    for how in WAYS {
        let start = where_proc_hides(how).pid_file(&path).arg(&program);
        let hinit = start.arg("ready").start().ready();
        recorded(&path);
        let mut status = Command::new("nsenter");
        status.args(["--pid", "--mount", "--target", &hinit.pid().to_string()]);
        status.args(["--setuid=65534", "--setgid=65534"]);
        status.arg(crate::support::hinit());
        status.args(["status", "--pid-file"]).arg(&path);
        let ended = Ended::of(&status.output().unwrap());
        let line = "\nchildren      (/proc hides processes (hidepid))\n";
        assert!(ended.stdout.contains(line), "{how}: {ended:?}");
        assert_eq!(hinit.stop().code, 143);
    }
}

/// A server whose child prints a line at SIGTERM, under hinit as PID 1 of a namespace made with
/// these options.
fn run_with_leftover(more: &[&str], around: &str) -> Ended {
    let dir = TempDir::new();
    let mut command = unshare();
    command.args(["--pid", "--fork", "--kill-child"]).args(more);
    command.args(["sh", "-euc", around, "sh"]).arg(hinit());
    let start = Start::of(Mode::Subreaper, command).no_pid_file();
    let script = format!("{} exit 3", prints_at_term(&dir, "good bye"));
    start.script(&script).run()
}

#[test]
fn without_a_proc_of_this_namespace_the_children_are_ended_by_their_pids() {
    for (more, around) in [
        // hinit sees the /proc of another PID namespace.
        (&[][..], "exec \"$@\""),
        // There is no /proc.
        (&["--mount"], "mount -t tmpfs none /proc; exec \"$@\""),
    ] {
        let ended = run_with_leftover(more, around);
        assert_eq!((ended.code, ended.stdout.as_str()), (3, "good bye"));
        let line = "hinit: cannot see which processes the server left: \
            /proc belongs to another PID namespace\n";
        // Without close_range(2) and /proc a warning about descriptors comes first.
        assert!(ended.log.contains(line), "{}", ended.log);
    }
}
