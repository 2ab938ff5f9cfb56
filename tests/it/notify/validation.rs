//! Which senders and which datagrams hinit accepts.

use nix::libc::SIGTERM;

use crate::support::*;

in_both_modes!(
    a_process_that_is_not_below_hinit_is_ignored,
    malformed_messages_do_no_harm,
    what_systemd_accepts_is_accepted,
    a_malformed_line_hides_no_other,
    a_sender_that_exits_after_its_barrier_is_no_warning,
    a_process_of_another_user_is_ignored
);

fn a_process_that_is_not_below_hinit_is_ignored(mode: Mode) {
    let dir = TempDir::new();
    let pid_file = dir.join("pid");
    let script = format!(
        "echo $NOTIFY_SOCKET; exec {} notifies @none READY=1",
        fixture().display()
    );
    let hinit = Start::new(mode)
        .pid_file(&pid_file)
        .args(["--notify", "-v"])
        .script(&script)
        .start();
    let unrelated = Sender::new(hinit.line());
    let hinit = hinit.ready();
    let pid = recorded(&pid_file);
    for message in [
        "READY=1",
        "STATUS=up\nSTOPPING=1",
        &format!("MAINPID={pid}"),
        "junk",
        "",
    ] {
        unrelated.send_and_wait(message.as_bytes());
    }
    assert_eq!(
        hinit.verdict_with(&pid_file, &["--ready"]),
        format!("unhealthy: process {pid} is not ready yet")
    );
    assert_eq!(get(&pid_file, "/status").member("status"), "\"\"");
    hinit.next_message();
    assert_eq!(
        hinit.verdict_with(&pid_file, &["--ready"]),
        format!("healthy: process {pid} is alive")
    );
    let ended = hinit.stop();
    let warning = match mode {
        Mode::Subreaper => format!(
            "hinit: ignored a notify message of process {}: the sender is not a descendant of the \
             server, or has exited; it \
             should wait until its message is read (systemd-notify, or BARRIER=1)",
            std::process::id()
        ),
        Mode::Pid1 => "hinit: ignored a notify message from outside the container".to_owned(),
    };
    assert_eq!(count(&ended.log, &warning), 1, "{}", ended.log);
    // An ignored message does not change the server's state.
    assert_eq!(
        count(&ended.log, "hinit: the server says "),
        2,
        "{}",
        ended.log
    );
    assert!(!ended.log.contains("STATUS=up"), "{}", ended.log);
}

fn malformed_messages_do_no_harm(mode: Mode) {
    let dir = TempDir::new();
    let pid_file = dir.join("pid");
    let junk = [
        "@none",
        "@empty",
        "STATUS=\\xff",
        "STATUS",
        "@long",
        "STATUS=a\\0b",
        "MAINPID=x",
        "\\n",
        "READY=1",
    ];
    let why = |message: &str| match message {
        "@empty" | "@long" => "its size is * bytes",
        "STATUS=a\\0b" => "it is not text",
        _ => "a line is not valid for sd_notify(3)",
    };
    for first in 0..junk.len() - 1 {
        // Each message is the first one once, which is the one that is logged.
        let mut junk = junk;
        junk.swap(1, first.max(1));
        let hinit = Start::with_notify(mode, &pid_file)
            .notifies(&junk)
            .start()
            .ready();
        let pid = recorded(&pid_file);
        for _ in &junk[1..] {
            assert_eq!(
                hinit.verdict_with(&pid_file, &["--ready"]),
                format!("unhealthy: process {pid} is not ready yet")
            );
            hinit.next_message();
        }
        assert_eq!(
            hinit.verdict_with(&pid_file, &["--ready"]),
            format!("healthy: process {pid} is alive")
        );
        assert_eq!(get(&pid_file, "/status").member("status"), "\"\"");
        let ended = hinit.stop();
        ended.assert_logged(&format!(
            "hinit: cannot read a notify message: {}",
            why(junk[1])
        ));
        assert_eq!(ended.log.lines().count(), 2, "{}", ended.log);
    }
}

// systemd also accepts these: a NUL at the end, lines that end with a carriage return, an assignment
// that is not UTF-8.
fn what_systemd_accepts_is_accepted(mode: Mode) {
    for (message, status) in [
        ("READY=1\\0", ""),
        ("READY=1\\r\\nSTATUS=x", "x"),
        ("STATUS=\\xff\\nREADY=1", ""),
        ("STATUS=y\\rREADY=1\\n\\0", "y"),
    ] {
        let dir = TempDir::new();
        let pid_file = dir.join("pid");
        let hinit = Start::with_notify(mode, &pid_file)
            .notifies(&[message])
            .start()
            .ready();
        let pid = recorded(&pid_file);
        assert_eq!(
            hinit.verdict_with(&pid_file, &["--ready"]),
            format!("healthy: process {pid} is alive"),
            "{message}"
        );
        assert_eq!(
            get(&pid_file, "/status").member("status"),
            format!("\"{status}\""),
            "{message}"
        );
        assert_eq!(hinit.stop().code, 143);
    }
}

// The other lines of the same datagram count.
fn a_malformed_line_hides_no_other(mode: Mode) {
    let dir = TempDir::new();
    let pid_file = dir.join("pid");
    let hinit = Start::with_notify(mode, &pid_file)
        .notifies(&["STATUS=a\\njunk\\nREADY=1"])
        .start()
        .ready();
    let pid = recorded(&pid_file);
    assert_eq!(
        hinit.verdict_with(&pid_file, &["--ready"]),
        format!("healthy: process {pid} is alive")
    );
    hinit.signal(SIGTERM);
    assert_eq!(
        count(&hinit.end().log, ": a line is not valid for sd_notify(3)"),
        1
    );
}

// A client that waits for hinit, as systemd-notify does, exits as soon as hinit has received its
// last message.
fn a_sender_that_exits_after_its_barrier_is_no_warning(mode: Mode) {
    let script = format!("for i in $(seq 100); do {}; done", notify("READY=1"));
    let ended = Start::new(mode)
        .no_pid_file()
        .args(["--notify"])
        .script(&script)
        .run();
    ended.assert_code_and_lines(0, 1);
}

// Messages of another user's exited process are ignored, but hinit has received this one before the
// exit.
fn a_process_of_another_user_is_ignored(mode: Mode) {
    if !can_be_root("to be another user") {
        return;
    }
    let dir = TempDir::new();
    let sender = format!(
        "setpriv --reuid=4242 --regid=4242 --clear-groups {} notify READY=1",
        fixture_for_all(&dir).display()
    );
    let script = format!("for i in $(seq 100); do {sender}; done");
    let ended = Start::new(mode)
        .no_pid_file()
        .args(["--notify"])
        .script(&script)
        .run();
    ended.assert_code_and_lines(0, 1);
}
