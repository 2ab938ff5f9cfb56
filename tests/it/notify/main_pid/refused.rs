//! A MAINPID that does not change the server.

use super::server;
use crate::support::*;

in_both_modes!(
    a_child_that_ends_before_the_server_does_not_become_the_server,
    the_last_main_pid_counts,
    one_that_counts_later_does_not_hide_a_refused_one,
    a_process_that_is_not_below_hinit_cannot_become_the_server,
    main_pid_of_the_server_itself_changes_nothing
);

fn a_child_that_ends_before_the_server_does_not_become_the_server(mode: Mode) {
    let dir = TempDir::new();
    let pid_file = dir.join("pid");
    let script = format!(
        "sleep 1000 & {}; kill -KILL $!; wait $!; exit 5",
        notify("MAINPID=$!")
    );
    let ended = Start::with_notify(mode, &pid_file).script(&script).run();
    assert_eq!(ended.code, 5, "{}", ended.log);
}

// A PID that a later MAINPID replaces does not count either.
fn the_last_main_pid_counts(mode: Mode) {
    let dir = TempDir::new();
    let pid_file = dir.join("pid");
    let script = format!("sleep 1000 & {}; exit 5", notify("MAINPID=$! MAINPID=$$"));
    let ended = Start::new(mode)
        .pid_file(&pid_file)
        .args(["--notify", "--grace", "10m"])
        .script(&script)
        .run();
    assert_eq!(ended.code, 5, "{}", ended.log);
}

fn one_that_counts_later_does_not_hide_a_refused_one(mode: Mode) {
    let dir = TempDir::new();
    let messages = notify("MAINPID=$! MAINPID=4194303 MAINPID=$! MAINPID=1");
    let ended = Start::with_notify(mode, dir.join("pid"))
        .script(&format!("sleep 1000 & {messages}; exit 5"))
        .run();
    let lines: Vec<_> = ended.log.lines().collect();
    assert!(lines[0].ends_with("it becomes the server when its parent has exited"));
    assert_eq!(
        lines[1],
        "hinit: ignored MAINPID=4194303: it is not a running descendant of hinit"
    );
    // Once each, and how the server ended.
    assert_eq!((ended.code, lines.len()), (5, 3), "{}", ended.log);
}

fn a_process_that_is_not_below_hinit_cannot_become_the_server(mode: Mode) {
    let dir = TempDir::new();
    let pid_file = dir.join("pid");
    let messages = [
        "MAINPID=$SELF",
        "MAINPID=1",
        "MAINPID=4194303",
        "MAINPID=2147483647",
        "MAINPID=$SELF",
    ];
    let hinit = Start::with_notify(mode, &pid_file)
        .notifies(&messages)
        .start()
        .ready();
    let pid = recorded(&pid_file).to_string();
    for _ in &messages[1..] {
        hinit.next_message();
        assert_eq!(server(&pid_file), pid);
    }
    let ended = hinit.stop();
    assert_eq!(ended.code, 143);
    assert_eq!(
        ended.log.lines().next(),
        Some("hinit: ignored MAINPID=1: it is not a running descendant of hinit")
    );
    assert_eq!(ended.log.lines().count(), 2, "{}", ended.log);
}

fn main_pid_of_the_server_itself_changes_nothing(mode: Mode) {
    let dir = TempDir::new();
    let pid_file = dir.join("pid");
    let hinit = Start::with_notify(mode, &pid_file)
        .notifies(&["READY=1\\nMAINPID=$SELF"])
        .start()
        .ready();
    let ended = hinit.stop();
    ended.assert_code_and_lines(143, 1);
}
