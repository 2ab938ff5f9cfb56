//! A server that sends no WATCHDOG=1 in time.

use crate::support::*;

/// Whether this is the verdict on a silent server whose watchdog interval is 100 ms.
fn is_silent(verdict: &str) -> bool {
    let age = verdict.strip_prefix("unhealthy: no sign of life for ");
    let age = age.and_then(|rest| rest.strip_suffix("s (watchdog 100ms)"));
    age.is_some_and(|age| age.parse::<f64>().is_ok_and(|age| age >= 0.1))
}

/// No core files in the working directory.
fn start(mode: Mode) -> Start {
    Start::by(mode, &["prlimit", "--core=0"])
}

in_both_modes!(
    a_silent_server_is_unhealthy,
    the_last_line_says_that_the_server_was_silent,
    the_first_watchdog_message_starts_the_interval,
    watchdog_messages_change_and_restart_the_interval,
    the_watchdogs_signal_ends_a_silent_server,
    the_watchdogs_signal_ends_a_stopped_server,
    a_silent_server_is_killed_after_the_grace_time
);

fn a_silent_server_is_unhealthy(mode: Mode) {
    let dir = TempDir::new();
    let pid_file = dir.join("pid");
    let hinit = start(mode)
        .pid_file(&pid_file)
        .args(["--watchdog", "100ms"])
        .notifies(&["READY=1", "@none"])
        .start()
        .ready();
    let pid = recorded(&pid_file);
    eventually("the server is silent", || {
        is_silent(&hinit.verdict(&pid_file)).then_some(())
    });
    assert!(is_silent(&hinit.verdict_with(&pid_file, &["--ready"])));
    for page in ["/livez", "/readyz", "/status"] {
        let answer = get(&pid_file, page);
        let verdict = answer.status.strip_prefix("503 ").unwrap();
        assert!(is_silent(verdict), "{answer:?}");
    }
    let status = get(&pid_file, "/status");
    assert_eq!(
        (
            status.member("phase"),
            status.member("live"),
            status.member("ready")
        ),
        ("\"silent\"", "false", "false")
    );
    assert_eq!(status.member("watchdog_milliseconds"), "100");
    assert!(status.member("silent_milliseconds").parse::<u32>().unwrap() >= 100);
    let line = hinit.log_line();
    assert!(
        is_silent(line.strip_prefix("hinit: the server is ").unwrap()),
        "{line}"
    );
    // The silence has no other effect.
    hinit.next_message();
    assert_eq!(recorded(&pid_file), pid);
    // After STOPPING=1 the server need not send WATCHDOG=1.
    let ended = hinit.stop();
    ended.assert_code_and_lines(143, 1);
}

fn the_last_line_says_that_the_server_was_silent(mode: Mode) {
    let hinit = start(mode)
        .no_pid_file()
        .args(["--watchdog", "100ms"])
        .notifies(&["READY=1"])
        .start()
        .ready();
    assert!(
        hinit
            .log_line()
            .starts_with("hinit: the server is unhealthy: no sign of life for ")
    );
    let ended = hinit.stop();
    let why = "; unhealthy: no sign of life for ";
    assert!(ended.log.contains(why), "{}", ended.log);
}

fn the_first_watchdog_message_starts_the_interval(mode: Mode) {
    let dir = TempDir::new();
    let pid_file = dir.join("pid");
    let start = start(mode).pid_file(&pid_file).args(["--watchdog", "1ms"]);
    let hinit = start
        .notifies(&["@none", "STATUS=up", "WATCHDOG=1"])
        .start()
        .ready();
    for _ in 0..2 {
        assert!(hinit.verdict(&pid_file).starts_with("healthy: "));
        hinit.next_message();
    }
    eventually("the server is silent", || {
        hinit
            .verdict(&pid_file)
            .ends_with(" (watchdog 1ms)")
            .then_some(())
    });
    hinit.stop();
}

fn watchdog_messages_change_and_restart_the_interval(mode: Mode) {
    let dir = TempDir::new();
    let pid_file = dir.join("pid");
    let messages = [
        "READY=1",
        "WATCHDOG=trigger",
        "WATCHDOG=1",
        "WATCHDOG=trigger",
        "WATCHDOG_USEC=0",
        "WATCHDOG_USEC=1000",
        "STOPPING=1",
    ];
    let hinit = start(mode)
        .pid_file(&pid_file)
        .args(["--watchdog", "10m"])
        .notifies(&messages)
        .start()
        .ready();
    recorded(&pid_file);
    let verdict = || get(&pid_file, "/livez").status;
    let late = "503 unhealthy: no sign of life for 600s (watchdog 600s)";
    assert!(verdict().starts_with("200 "));
    for is_late in [true, false, true, false] {
        hinit.next_message();
        assert_eq!(verdict() == late, is_late, "{}", verdict());
        assert_eq!(verdict().starts_with("200 "), !is_late, "{}", verdict());
    }
    hinit.next_message();
    assert!(verdict().ends_with(" (watchdog 1ms)"), "{}", verdict());
    hinit.next_message();
    assert!(verdict().starts_with("200 "), "{}", verdict());
    let ended = hinit.stop();
    assert_eq!(
        count(
            &ended.log,
            "hinit: the server is unhealthy: no sign of life for "
        ),
        2,
        "{}",
        ended.log
    );
}

fn the_watchdogs_signal_ends_a_silent_server(mode: Mode) {
    let options = ["--watchdog", "100ms", "--watchdog-signal", "ABRT"];
    let ended = start(mode)
        .no_pid_file()
        .args(options)
        .notifies(&["READY=1"])
        .run();
    assert_eq!(ended.code, 134);
    let [late, end] = ended.log.lines().collect::<Vec<_>>()[..] else {
        panic!("{}", ended.log)
    };
    assert!(
        is_silent(late.strip_prefix("hinit: the server is ").unwrap()),
        "{late}"
    );
    assert!(
        end.starts_with("hinit: the server was killed by SIGABRT after "),
        "{end}"
    );
    // The watchdog of a server that was never ready does not start.
    let ended = start(mode)
        .no_pid_file()
        .args(options)
        .fixture(["exit", "3"])
        .run();
    assert_eq!(ended.code, 3);
}

fn the_watchdogs_signal_ends_a_stopped_server(mode: Mode) {
    let script = format!("{}; kill -STOP $$", notify("READY=1"));
    let ended = start(mode)
        .no_pid_file()
        .args(["--watchdog", "100ms", "--watchdog-signal=ABRT"])
        .script(&script)
        .run();
    assert_eq!(ended.code, 134, "{}", ended.log);
}

fn a_silent_server_is_killed_after_the_grace_time(mode: Mode) {
    let script = format!(
        "trap '' ABRT; {}; while :; do sleep 0.01; done",
        notify("READY=1")
    );
    let options = [
        "--watchdog",
        "100ms",
        "--watchdog-signal=ABRT",
        "--grace",
        "100ms",
    ];
    let ended = start(mode)
        .no_pid_file()
        .args(options)
        .script(&script)
        .run();
    assert_eq!(ended.code, 137, "{}", ended.log);
    assert!(
        ended.log.contains("when its grace time was over"),
        "{}",
        ended.log
    );
}
