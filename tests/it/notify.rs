//! The messages of a server at the notify socket, and what health checks then find.

use std::fs;

use crate::support::*;

mod departed;
mod main_pid;
mod place;
mod upstream;
mod validation;
mod watchdog;

/// The number of hinit's descriptors.
fn descriptors(hinit: &Running) -> usize {
    fs::read_dir(format!("/proc/{}/fd", hinit.pid()))
        .unwrap()
        .count()
}

in_both_modes!(
    the_environment_names_the_socket_and_the_watchdog,
    a_server_is_ready_after_its_message,
    each_assignment_shows_in_the_status,
    received_descriptors_are_closed,
    messages_of_a_worker_count,
    a_server_can_extend_its_grace_time
);

fn the_environment_names_the_socket_and_the_watchdog(mode: Mode) {
    let script =
        "echo ${NOTIFY_SOCKET-none}; echo ${WATCHDOG_USEC-none}; echo ${WATCHDOG_PID-none}";
    for (options, socket, time) in [
        (&["--notify"][..], "", "none"),
        (&["--watchdog", "1.5s"], "", "1500000"),
        // Without --notify the server gets no socket.
        (&[], "none", "none"),
    ] {
        let start = Start::new(mode)
            .no_pid_file()
            .args(options)
            .with(|command| {
                command
                    .env("WATCHDOG_PID", "none")
                    .env("WATCHDOG_USEC", "none")
                    .env_remove("NOTIFY_SOCKET");
            });
        let ended = start.script(script).run();
        let lines: Vec<&str> = ended.stdout.lines().collect();
        let [named, usec, pid] = lines[..] else {
            panic!("{ended:?}")
        };
        assert!(
            if socket == "none" {
                named == "none"
            } else {
                named.starts_with('/')
            },
            "{named}"
        );
        assert_eq!((usec, pid), (time, "none"));
    }
}

fn a_server_is_ready_after_its_message(mode: Mode) {
    let dir = TempDir::new();
    let pid_file = dir.join("pid");
    let start = Start::with_notify(mode, &pid_file);
    let hinit = start
        .notifies(&["@none", "STATUS=warming up", "READY=1"])
        .start()
        .ready();
    let pid = recorded(&pid_file);
    let (alive, not_yet) = (
        format!("healthy: process {pid} is alive"),
        format!("unhealthy: process {pid} is not ready yet"),
    );
    for _ in 0..2 {
        assert_eq!(hinit.verdict(&pid_file), alive);
        assert_eq!(hinit.verdict_with(&pid_file, &["--ready"]), not_yet);
        assert_eq!(get(&pid_file, "/livez").status, format!("200 {alive}"));
        assert_eq!(get(&pid_file, "/readyz").status, format!("503 {not_yet}"));
        assert_eq!(get(&pid_file, "/status").member("phase"), "\"starting\"");
        hinit.next_message();
    }
    assert_eq!(hinit.verdict_with(&pid_file, &["--ready"]), alive);
    assert_eq!(get(&pid_file, "/readyz").status, format!("200 {alive}"));
    let status = get(&pid_file, "/status");
    assert_eq!(
        (status.member("phase"), status.member("status")),
        ("\"ready\"", "\"warming up\"")
    );
    let ended = hinit.stop();
    ended.assert_code_and_lines(143, 1);
}

fn each_assignment_shows_in_the_status(mode: Mode) {
    let dir = TempDir::new();
    let pid_file = dir.join("pid");
    let long = format!("STATUS={}", "ü".repeat(1000));
    let odd = format!("STATUS={}", "\u{1}".repeat(1000));
    let messages = [
        "RELOADING=1",
        "READY=1\\nSTATUS=3 \"workers\"\\n",
        "RELOADING=1\\nX_OWN=thing",
        "READY=1",
        &long,
        &odd,
        "STATUS=",
        "STOPPING=1\\nERRNO=2\\nREADY=1",
    ];
    let hinit = Start::with_notify(mode, &pid_file)
        .notifies(&messages)
        .start()
        .ready();
    let pid = recorded(&pid_file);
    // RELOADING=1 before READY=1 is ignored.
    let status = get(&pid_file, "/status");
    assert_eq!(
        (status.member("phase"), status.member("status")),
        ("\"starting\"", "\"\"")
    );
    hinit.next_message();
    let status = get(&pid_file, "/status");
    let rest = format!(
        ",\"verdict\":\"healthy: process {pid} is \
         alive\",\"live\":true,\"ready\":true,\"pid\":{pid},\"seconds\":{},\
         \"status\":\"3 \\\"workers\\\"\",\"watchdog_milliseconds\":null,\
         \"silent_milliseconds\":{},\"errno\":null}}\n",
        status.member("seconds"),
        status.member("silent_milliseconds"),
    );
    assert_eq!(status.body, format!("{{\"phase\":\"ready\"{rest}"));
    hinit.next_message();
    let status = get(&pid_file, "/status");
    assert_eq!(status.member("phase"), "\"reloading\"");
    assert!(status.status.starts_with("200 healthy: "), "{status:?}");
    hinit.next_message();
    assert_eq!(get(&pid_file, "/status").member("phase"), "\"ready\"");
    hinit.next_message();
    assert_eq!(
        get(&pid_file, "/status").member("status"),
        format!("\"{}\"", "ü".repeat(128))
    );
    hinit.next_message();
    // In JSON each of these characters takes six bytes.
    assert_eq!(
        get(&pid_file, "/status").member("status"),
        format!("\"{}\"", "\\u0001".repeat(42))
    );
    hinit.next_message();
    assert_eq!(get(&pid_file, "/status").member("status"), "\"\"");
    hinit.next_message();
    let status = get(&pid_file, "/status");
    assert_eq!(
        (status.member("phase"), status.member("errno")),
        ("\"stopping\"", "2")
    );
    assert_eq!(
        status.status,
        format!("503 unhealthy: process {pid} is about to be stopped")
    );
    assert!(get(&pid_file, "/livez").status.starts_with("200 "));
    hinit.stop();
}

// When `notify` has returned, hinit has read the message and closed the descriptors that came with
// it.
fn received_descriptors_are_closed(mode: Mode) {
    let dir = TempDir::new();
    let pid_file = dir.join("pid");
    let start = Start::with_notify(mode, &pid_file);
    let hinit = start
        .notifies(&["READY=1", "@fds", "@fds", "@fds"])
        .start()
        .ready()
        .settled();
    recorded(&pid_file);
    let before = descriptors(&hinit);
    for _ in 0..3 {
        hinit.next_message();
        // hinit may still have /proc/PID of the sender open.
        eventually("hinit closes the descriptors", || {
            (descriptors(&hinit) == before).then_some(())
        });
    }
    hinit.assert_ready(&pid_file);
    let ended = hinit.stop();
    assert_eq!(ended.log.lines().count(), 1, "{}", ended.log);
}

fn messages_of_a_worker_count(mode: Mode) {
    let dir = TempDir::new();
    let pid_file = dir.join("pid");
    let start = Start::with_notify(mode, &pid_file);
    let hinit = start
        .notifies(&["@none", "@worker READY=1"])
        .start()
        .ready();
    recorded(&pid_file);
    assert!(
        hinit
            .verdict_with(&pid_file, &["--ready"])
            .ends_with(" is not ready yet")
    );
    hinit.next_message();
    hinit.assert_ready(&pid_file);
    let ended = hinit.stop();
    assert_eq!(ended.log.lines().count(), 1, "{}", ended.log);
}

fn a_server_can_extend_its_grace_time(mode: Mode) {
    let script = format!(
        "trap '{}; sleep 2.5; exit 7' TERM; echo ready; while :; do sleep 0.01; done",
        notify("EXTEND_TIMEOUT_USEC=600000000")
    );
    let hinit = Start::new(mode)
        .no_pid_file()
        .args(["--notify", "--grace", "2s"])
        .script(&script)
        .start()
        .ready();
    let ended = hinit.stop();
    assert_eq!(ended.code, 7, "{}", ended.log);
    assert!(!ended.log.contains("kill"), "{}", ended.log);
}
