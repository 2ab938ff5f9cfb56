//! Messages that hinit reads after their sender has exited, because hinit is stopped meanwhile.

use std::fs;
use std::path::Path;

use nix::libc::{SIGCONT, SIGSTOP};

use crate::support::*;

/// A user that is neither root nor the server's.
const OTHER: &str = "setpriv --reuid=4242 --regid=4242 --clear-groups";

/// A server that waits for the file, runs this script, prints `sent` and continues.
fn sends_while_hinit_is_stopped(
    mode: Mode,
    dir: &TempDir,
    options: &[&str],
    script: &str,
) -> Running {
    let go = dir.join("go");
    let script = format!(
        "echo ready; until test -e {}; do :; done; {script}; echo sent; exec sleep 1000",
        go.display()
    );
    let start = Start::with_notify(mode, dir.join("pid"));
    let hinit = start.args(options).script(&script).start().ready();
    recorded(&dir.join("pid"));
    hinit.signal(SIGSTOP);
    wait_for_state(hinit.pid(), 'T');
    fs::write(&go, "").unwrap();
    assert_eq!(hinit.line(), "sent");
    hinit.signal(SIGCONT);
    hinit
}

fn send_and_exit(program: &Path, messages: &str) -> String {
    format!("{} send-and-exit {messages}", program.display())
}

in_both_modes!(
    an_exited_sender_of_the_servers_user_counts,
    an_exited_sender_of_another_user_is_ignored_with_a_remedy,
    an_exited_sender_cannot_set_main_pid,
    all_messages_are_read_before_the_servers_end_counts,
    a_zombie_cannot_become_the_server
);

// As socat or a client in C, which does not wait until hinit has read its message.
fn an_exited_sender_of_the_servers_user_counts(mode: Mode) {
    let dir = TempDir::new();
    let hinit =
        sends_while_hinit_is_stopped(mode, &dir, &[], &send_and_exit(&fixture(), "READY=1"));
    eventually("the server is ready", || {
        hinit
            .verdict_with(&dir.join("pid"), &["--ready"])
            .starts_with("healthy: ")
            .then_some(())
    });
    let ended = hinit.stop();
    ended.assert_code_and_lines(143, 1);
}

fn an_exited_sender_of_another_user_is_ignored_with_a_remedy(mode: Mode) {
    if !can_be_root("to be another user") {
        return;
    }
    let dir = TempDir::new();
    let program = fixture_for_all(&dir);
    let script = format!(
        "{OTHER} {}; {}",
        send_and_exit(&program, "READY=1"),
        send_and_exit(&program, "STATUS=read")
    );
    let hinit = sends_while_hinit_is_stopped(mode, &dir, &[], &script);
    eventually("hinit has read both", || {
        (get(&dir.join("pid"), "/status").member("status") == "\"read\"").then_some(())
    });
    assert_eq!(
        get(&dir.join("pid"), "/status").member("phase"),
        "\"starting\""
    );
    let ended = hinit.stop();
    assert_eq!(ended.code, 143);
    ended.assert_logged(
        "hinit: ignored a notify message of process *: the sender is not a descendant of \
                the server, or has \
        exited; it should wait until its message is read (systemd-notify, or BARRIER=1)",
    );
}

// The sender's identity is not known: it may have been any process of this user.
fn an_exited_sender_cannot_set_main_pid(mode: Mode) {
    let dir = TempDir::new();
    let script = format!(
        "sleep 1000 & {}; {}",
        send_and_exit(&fixture(), "MAINPID=$! STATUS=read"),
        "echo $!"
    );
    let go = dir.join("pid");
    let script = format!("{script} >{}.child", go.display());
    let hinit = sends_while_hinit_is_stopped(mode, &dir, &[], &script);
    let pid = recorded(&dir.join("pid"));
    eventually("hinit has read both", || {
        (get(&dir.join("pid"), "/status").member("status") == "\"read\"").then_some(())
    });
    assert_eq!(recorded(&dir.join("pid")), pid);
    let ended = hinit.stop();
    ended.assert_logged(
        "hinit: ignored MAINPID=*: its sender has exited; it should wait until its message is read \
        (systemd-notify, or BARRIER=1)",
    );
}

// The server hands over after more messages than hinit reads at once, and exits.
fn all_messages_are_read_before_the_servers_end_counts(mode: Mode) {
    let dir = TempDir::new();
    let (pid_file, go) = (dir.join("pid"), dir.join("go"));
    let room = "echo 100 >/proc/sys/net/unix/max_dgram_qlen; exec \"$@\"";
    let prefix: &[&str] = if is_root() {
        &["unshare", "--net"]
    } else {
        &["unshare", "--user", "--map-root-user", "--net"]
    };
    let start = Start::by(mode, &[prefix, &["sh", "-euc", room, "sh"]].concat());
    let messages = "STATUS=migrating ".repeat(60);
    let script = format!(
        "sleep 1000 & echo $!; until test -e {}; do :; done; exec {}",
        go.display(),
        send_and_exit(&fixture(), &format!("{messages} MAINPID=$!"))
    );
    let hinit = start
        .pid_file(&pid_file)
        .args(["--notify"])
        .script(&script)
        .start();
    let successor = hinit.line();
    let first = recorded(&pid_file);
    hinit.signal(SIGSTOP);
    let server = hinit.server();
    fs::write(&go, "").unwrap();
    wait_for_state(server, 'Z');
    hinit.signal(SIGCONT);
    eventually("the other process is the server", || {
        let now = fs::read_to_string(&pid_file).unwrap();
        (now.trim() == successor && now.trim() != first.to_string()).then_some(())
    });
    let ended = hinit.stop();
    ended.assert_code_and_lines(143, 1);
}

fn a_zombie_cannot_become_the_server(mode: Mode) {
    let dir = TempDir::new();
    let start = Start::with_notify(mode, dir.join("pid"));
    let ended = start.fixture(["hand-over-to-a-zombie"]).run();
    assert_eq!(ended.code, 5, "{}", ended.log);
    ended.assert_logged("hinit: ignored MAINPID=*: it is not a running descendant of hinit");
}

/// In a PID namespace of its own: a process of another user sends while hinit is stopped, and
/// exits; then a child of the server gets its PID.
const REUSED: &str = r#"
cd "$1"
"$HINIT" --pid-file pid --notify sh -c 'echo $NOTIFY_SOCKET >socket; until test -e go; do :; done
    sleep 1000 & echo $! >child; exec sleep 1000' 2>log & hinit=$!
until test -s socket && test -s pid; do :; done
kill -STOP $hinit
until grep -q 'State:.T' /proc/$hinit/status; do :; done
NOTIFY_SOCKET=$(cat socket) $2 "$3" send-and-exit READY=1 & sender=$!
wait $sender
echo $((sender - 1)) >/proc/sys/kernel/ns_last_pid
: >go
until test -s child; do :; done
test "$(cat child)" = $sender
kill -CONT $hinit
until grep -q 'ignored a notify message' log || "$HINIT" healthcheck --pid-file pid --ready -q; do :; done
"$HINIT" healthcheck --pid-file pid --ready || :
"#;

#[test]
fn a_reused_pid_does_not_identify_the_sender() {
    if !can_be_root("to be another user") {
        return;
    }
    let dir = TempDir::new();
    let mut command = command_in(Mode::Pid1, "sh");
    command.args(["-euc", REUSED, "sh"]).arg(dir.as_ref());
    command.arg(OTHER).arg(fixture_for_all(&dir));
    let ended = Ended::of(&command.env("HINIT", hinit()).output().unwrap());
    assert!(ended.stdout.ends_with(" is not ready yet"), "{ended:?}");
}
