//! Servers in Python that send messages with `sdnotify`.

use std::fs::File;
use std::os::unix::net::UnixDatagram;

use nix::libc::SIGTERM;

use super::*;

/// The watchdog's timeout. A sixth of it, in which the server sends a message, is long enough on any machine. (Each of
/// these tests runs in one mode, because they take this time.)
const WATCHDOG: &str = "3s";
const SILENT: &str = "unhealthy: no sign of life for AGE (watchdog 3s)";

/// A hinit with a server of the tests.
fn serve<'a>(
    home: &'a Home,
    mode: Mode,
    options: &[&str],
    script: &str,
) -> Option<ProbedServer<'a>> {
    let start = home.start(mode, options).args([python_program("python")?]);
    Some(ProbedServer::start(
        home,
        mode,
        start.args([source(script)]),
    ))
}

/// Makes the server hang after its answer.
#[track_caller]
fn hang(home: &Home) {
    assert_eq!(rest(home.request("/hang")), b"HTTP/1.0 200 OK\r\n\r\n");
}

#[test]
fn a_server_that_hangs_is_unhealthy_until_it_continues() {
    let home = Home::new();
    let options = ["--verbose", "--watchdog", WATCHDOG];
    let Some(probed) = serve(&home, Mode::Subreaper, &options, "notify/watched.py") else {
        return;
    };
    // More messages than the server sends within the timeout.
    for _ in 0..8 {
        log_until(&probed.hinit, "the server says WATCHDOG=1");
    }
    probed.is("ready");
    hang(&home);
    probed.reaches("silent");
    assert_eq!([probed.livez(), probed.readyz()], [SILENT; 2]);
    log_until(
        &probed.hinit,
        "hinit: the server is unhealthy: no sign of life for ",
    );
    File::create(home.join("go")).unwrap();
    probed.becomes("ready");
    probed.hinit.signal(SIGTERM);
    let ended = probed.end();
    assert_eq!(ended.code, 143, "{}", ended.log);
    assert!(!ended.log.contains("no sign of life"), "{}", ended.log);
}

#[test]
fn the_watchdogs_signal_ends_a_server_that_hangs() {
    let home = Home::new();
    let options = ["--watchdog", WATCHDOG, "--watchdog-signal", "ABRT"];
    let Some(probed) = serve(&home, Mode::Pid1, &options, "notify/watched.py") else {
        return;
    };
    probed.becomes("ready");
    hang(&home);
    let ended = probed.end();
    assert_eq!(ended.code, 134, "{}", ended.log);
    for text in ["no sign of life for ", "the server was killed by SIGABRT"] {
        assert!(ended.log.contains(text), "{text}: {}", ended.log);
    }
}

in_both_modes!(messages_of_a_worker_count_and_those_of_other_processes_do_not);

fn messages_of_a_worker_count_and_those_of_other_processes_do_not(mode: Mode) {
    let home = Home::new();
    let Some(probed) = serve(&home, mode, &["--notify"], "notify/worker.py") else {
        return;
    };
    let name = probed.hinit.line();
    assert!(name.ends_with(".notify"), "{name}");
    let unrelated = UnixDatagram::unbound().unwrap();
    for _ in 0..3 {
        unrelated
            .send_to(b"READY=1\nSTATUS=from another process", &name)
            .unwrap();
    }
    // Messages are read in their order.
    File::create(home.join("send")).unwrap();
    eventually("the worker's message is read", || {
        (probed.status("status") == "from the worker").then_some(())
    });
    probed.is("starting");
    File::create(home.join("go")).unwrap();
    probed.becomes("ready");
    probed.hinit.signal(SIGTERM);
    let ended = probed.end();
    assert_eq!(ended.code, 143, "{}", ended.log);
    let warning = match mode {
        Mode::Subreaper => format!(
            "ignored a notify message of process {}: ",
            std::process::id()
        ),
        Mode::Pid1 => "ignored a notify message from outside the container".to_owned(),
    };
    assert!(ended.log.contains(&warning), "{}", ended.log);
    assert_eq!(
        ended.log.matches("ignored a notify message").count(),
        1,
        "{}",
        ended.log
    );
}
