//! gunicorn with four workers. TERM is its graceful shutdown, QUIT its fast one.

use std::fs::{self, File};
use std::os::unix::net::UnixStream;

use nix::libc::{SIGTERM, SIGUSR2};

use crate::home::*;
use crate::support::*;

const WORKERS: usize = 4;

/// Adds the command line of a gunicorn whose application is in this folder of the tests, and which writes only to its
/// working directory.
pub(crate) fn by_gunicorn(start: Start, folder: &str) -> Option<Start> {
    let start = start.args([python_program("gunicorn")?]);
    let start = start.args(["--pythonpath".into(), source(folder)]);
    let start = start.args(["--no-control-socket"]);
    Some(start.with(|command| {
        command.env("PYTHONDONTWRITEBYTECODE", "1");
    }))
}

/// A hinit with a gunicorn whose workers are ready.
fn serve(home: &Home, mode: Mode, options: &[&str]) -> Option<Running> {
    let start = by_gunicorn(home.start(mode, options), "")?;
    // gunicorn itself waits without limit, so that only hinit ends a worker that hangs.
    let timeouts = ["--timeout", "0", "--graceful-timeout", "100000"];
    let start = start.args(timeouts);
    let workers = ["--workers", &WORKERS.to_string()];
    let start = start.args(workers);
    let hinit = start.args(["--bind", "unix:socket", "app:app"]).start();
    for _ in 0..WORKERS {
        assert_eq!(hinit.line(), "ready");
    }
    Some(hinit)
}

/// The child of hinit with this PID in hinit's PID namespace.
fn hinit_child(hinit: &Running, pid: i32) -> i32 {
    let mut children = children_of(hinit.pid()).into_iter();
    children.find(|&child| inner_pid(child) == pid).unwrap()
}

/// Waits until a worker has the request, and returns the PID of the worker in its namespace.
fn worker(hinit: &Running, path: &str) -> String {
    let line = hinit.line();
    line.strip_prefix(&format!("{path} "))
        .expect(&line)
        .to_owned()
}

/// Waits until TERM has ended all workers but the one that has a request.
fn others_end(home: &Home) {
    eventually("the three others have ended", || {
        (home.processes("gunicorn").len() == 2).then_some(())
    });
}

/// Whether the client receives the complete answer.
fn is_answered(client: UnixStream) -> bool {
    let answer = String::from_utf8(rest(client)).unwrap();
    answer.starts_with("HTTP/1.0 200 OK\r\n") && answer.ends_with("\r\n\r\ndone\n")
}

in_both_modes!(
    a_request_under_way_is_answered_and_all_workers_end,
    with_term_rewritten_to_quit_it_is_cut_off,
    a_worker_that_hangs_is_killed_when_the_grace_time_is_over,
    a_new_main_process_replaces_the_old_one,
    without_a_grace_time_hinit_waits_for_it
);

fn a_request_under_way_is_answered_and_all_workers_end(mode: Mode) {
    let home = Home::new();
    let Some(hinit) = serve(&home, mode, &["--grace", "10m"]) else {
        return;
    };
    assert_eq!(home.processes("gunicorn").len(), 1 + WORKERS);
    let client = home.request("/slow");
    worker(&hinit, "/slow");
    hinit.signal(SIGTERM);
    home.refuses();
    others_end(&home);
    File::create(home.join("go")).unwrap();
    assert!(is_answered(client));
    let ended = home.end(hinit);
    assert_eq!(ended.code, 0, "{}", ended.log);
    assert!(!ended.log.contains("; killed "), "{}", ended.log);
}

// The negative control.
fn with_term_rewritten_to_quit_it_is_cut_off(mode: Mode) {
    let home = Home::new();
    let Some(hinit) = serve(&home, mode, &["--rewrite", "TERM=QUIT"]) else {
        return;
    };
    let client = home.request("/slow");
    worker(&hinit, "/slow");
    hinit.signal(SIGTERM);
    assert_eq!(home.end(hinit).code, 0);
    assert!(!is_answered(client));
}

fn a_worker_that_hangs_is_killed_when_the_grace_time_is_over(mode: Mode) {
    let home = Home::new();
    let Some(hinit) = serve(&home, mode, &["--grace", "1s"]) else {
        return;
    };
    let client = home.request("/hang");
    let worker = worker(&hinit, "/hang");
    hinit.signal(SIGTERM);
    let ended = home.end(hinit);
    assert_eq!(ended.code, 137, "{}", ended.log);
    let named = format!("gunicorn (PID {worker}, ");
    for text in [
        " later (killed by SIGKILL when its grace time was over, up ",
        "); killed ",
        &named,
    ] {
        assert!(ended.log.contains(text), "{text}: {}", ended.log);
    }
    assert!(!is_answered(client));
}

// It forks a new main process at USR2, which names itself in FILE.2 until the old one has ended.
fn a_new_main_process_replaces_the_old_one(mode: Mode) {
    let home = Home::new();
    let Some(start) = by_gunicorn(home.start(mode, &["--follow", "own.2"]), "") else {
        return;
    };
    let start = start.args([
        "--workers",
        "1",
        "--pid",
        "own",
        "--bind",
        "unix:socket",
        "app:app",
    ]);
    let hinit = start.start().ready();
    let main_process = |file: &str| {
        fs::read_to_string(home.join(file))
            .ok()?
            .trim()
            .parse()
            .ok()
    };
    for _ in 0..2 {
        let old = hinit_child(&hinit, recorded(&home.pid_file()));
        hinit.signal(SIGUSR2);
        let hinit = &hinit;
        assert_eq!(hinit.line(), "ready");
        let new: i32 = eventually("the new one is named", || main_process("own.2"));
        kill(old, SIGTERM);
        eventually("it is the server", || {
            (recorded(&home.pid_file()) == new).then_some(())
        });
        eventually("it has its own file", || {
            (main_process("own")? == new).then_some(())
        });
        assert_eq!(
            hinit.verdict(&home.pid_file()),
            format!("healthy: process {new} is alive")
        );
    }
    hinit.signal(SIGTERM);
    let ended = home.end(hinit);
    assert_eq!(ended.code, 0, "{}", ended.log);
}

// The negative control: TERM alone does not end it.
fn without_a_grace_time_hinit_waits_for_it(mode: Mode) {
    let home = Home::new();
    let Some(hinit) = serve(&home, mode, &[]) else {
        return;
    };
    let _client = home.request("/hang");
    worker(&hinit, "/hang");
    hinit.signal(SIGTERM);
    others_end(&home);
    assert_eq!(recorded(&home.pid_file()), inner_pid(hinit.server()));
    assert_eq!(home.processes("gunicorn").len(), 2);
}
