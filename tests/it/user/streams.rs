//! The server's user can open the standard streams by name, and becomes the owner of nothing else.

use std::os::unix::fs::{MetadataExt, chown};
use std::process::Command;

use super::*;

/// A server that logs to /dev/stdout and /dev/stderr.
const OPENS: &str = "echo out >/dev/stdout; echo err >/dev/stderr";

in_both_modes!(
    a_server_opens_its_pipes_by_name,
    the_terminal_is_the_users_until_the_end
);

fn a_server_opens_its_pipes_by_name(mode: Mode) {
    if !can_be_root("to become another user") {
        return;
    }
    let start = Start::new(mode)
        .no_pid_file()
        .args(["-q", "--user", "4242"]);
    let ended = start.script(OPENS).run();
    let (code, out, err) = (ended.code, ended.stdout.as_str(), ended.log.as_str());
    assert_eq!((code, out, err), (0, "out", "err"));
}

fn the_terminal_is_the_users_until_the_end(mode: Mode) {
    if !can_be_root("to become another user") {
        return;
    }
    let owner = |pty: &Pty| pty.line.metadata().unwrap().uid();
    for (server, expected, code) in [
        ("read line </dev/stdin; exit 3", 4242, 3),
        // hinit reads nothing from its standard input; the other command is never executed.
        ("", 7, 127),
    ] {
        let mut pty = Pty::new();
        nix::unistd::fchown(&pty.line, Some(7.into()), None).unwrap();
        let group = pty.line.metadata().unwrap().gid();
        let mut command = command_in(mode, "setsid");
        command
            .arg("--ctty")
            .arg(hinit())
            .args(["--no-pid-file", "--user", "4242"]);
        let mut hinit = if server.is_empty() {
            pty.start(command.arg("/no/such/file"))
        } else {
            let hinit = pty.start(command.args(["sh", "-c", &format!("echo u''p; {server}")]));
            pty.expect("up");
            assert_eq!(owner(&pty), expected);
            pty.press("\n");
            hinit
        };
        let status = eventually("the process exits", || hinit.try_wait().unwrap());
        assert_eq!(Ended::code_of(status), code);
        let line = pty.line.metadata().unwrap();
        assert_eq!((line.uid(), line.gid()), (7, group));
    }
}

/// The shell that starts hinit uses the same terminal afterwards.
#[test]
fn the_terminal_of_another_session_keeps_its_owner() {
    if !can_be_root("to become another user") {
        return;
    }
    let mut pty = Pty::new();
    let mut shell = Command::new("setsid");
    shell.args(["--ctty", "sh", "-c"]).arg(format!(
        "{} -q --no-pid-file --user 4242 sh -c 'echo u\"\"p; read line'; exit 3",
        hinit().display()
    ));
    let mut shell = pty.start(&mut shell);
    pty.expect("up");
    assert_eq!(pty.line.metadata().unwrap().uid(), 0);
    pty.press("\n");
    let status = eventually("the process exits", || shell.try_wait().unwrap());
    assert_eq!(Ended::code_of(status), 3);
}

/// Opened as /dev/tty, the session's terminal is a file that all sessions share.
#[test]
fn dev_tty_stays_roots() {
    if !can_be_root("to become another user") {
        return;
    }
    let mut pty = Pty::new();
    let mut leader = Command::new("setsid");
    // In a private directory, so that a failure changes no device of the machine.
    leader
        .args(["--ctty", "unshare", "--mount", "sh", "-c"])
        .arg(format!(
            "mount -t tmpfs none /mnt && mknod /mnt/tty c 5 0 && \
         exec {} -q --no-pid-file --user 4242 stat --format owner:%u - </mnt/tty",
            hinit().display()
        ));
    let mut leader = pty.start(&mut leader);
    pty.expect("owner:0");
    let status = eventually("the process exits", || leader.try_wait().unwrap());
    assert_eq!(Ended::code_of(status), 0);
}

#[test]
fn only_output_files_become_the_servers() {
    if !can_be_root("to become another user") {
        return;
    }
    for (redirections, file_is_the_users) in [
        ("1>>file", true),
        ("2>file", true),
        ("1<>file", true),
        ("0<file", false),
        // A file of mode 0600 that hinit has open for reading: as its owner the user could write
        // it.
        ("0<>file", false),
        ("1<file", false),
        ("2<file", false),
        ("0<file 1>other", false),
    ] {
        let dir = TempDir::new();
        fs::write(dir.join("file"), "").unwrap();
        set_mode(dir.join("file"), 0o600);
        chown(dir.join("file"), Some(0), Some(8)).unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", &format!("exec \"$@\" {redirections}"), "sh"]);
        command.arg(hinit()).current_dir(&dir);
        let start = Start::of(Mode::Subreaper, command).no_pid_file();
        let ended = start.args(["-q", "--user", "4242", "true"]).run();
        assert_eq!(ended.code, 0, "{redirections}: {}", ended.log);
        let file = fs::metadata(dir.join("file")).unwrap();
        let expected = if file_is_the_users { 4242 } else { 0 };
        assert_eq!((file.uid(), file.gid()), (expected, 8), "{redirections}");
    }
}

/// Another device than the machine's own, which a failure would take from all users.
#[test]
fn dev_null_and_closed_streams_stay_as_they_are() {
    if !can_be_root("to become another user") {
        return;
    }
    let script = "mount -t tmpfs none /mnt; cd /mnt; mknod null c 1 3; \
        \"$HINIT\" --no-pid-file --user 4242 true <null >null 2>null; \
        \"$HINIT\" -q --no-pid-file --user 4242 true <&- >&- 2>&-; stat --format %u null / .";
    let ended = in_mount_namespace(script, &[]);
    assert_eq!((ended.stdout.as_str(), ended.log.as_str()), ("0\n0\n0", ""));
}

#[test]
fn a_stream_that_cannot_change_its_owner_is_no_failure() {
    if !can_be_root("to become another user") {
        return;
    }
    let start = Start::by(Mode::Subreaper, &["setpriv", "--bounding-set=-chown"]);
    let start = start.no_pid_file().args(["-v", "--user", "4242"]);
    let ended = start.script("echo on").run();
    assert_eq!((ended.code, ended.stdout.as_str()), (0, "on"));
    let line =
        "hinit: cannot change the owner of standard output to UID 4242: Operation not permitted";
    ended.assert_logged(line);
}
