//! gunicorn, which sends READY=1 when its master has booted, and no message after that.

use std::fs::File;

use nix::libc::{SIGHUP, SIGKILL, SIGTERM, SIGUSR2};

use super::*;
use crate::gunicorn::by_gunicorn;

const WORKERS: usize = 2;

/// A hinit with a gunicorn that boots only after `boot`.
fn serve<'a>(home: &'a Home, mode: Mode, options: &[&str], conf: &[&str]) -> Option<Asked<'a>> {
    let start = by_gunicorn(home.start(mode, options), "")?;
    let start = start.args(["--config".into(), source("notify/gunicorn_conf.py")]);
    let start = start.args(["--timeout", "0", "--graceful-timeout", "100000"]);
    let start = start.args(["--workers", &WORKERS.to_string()]);
    let start = start.args(["--bind", "unix:socket", "app:app"]);
    let start = start.with(|command| {
        command.envs(conf.iter().map(|name| (name, "")));
    });
    Some(Asked::start(home, mode, start))
}

fn boot(home: &Home, asked: &Asked) {
    File::create(home.join("boot")).unwrap();
    workers_boot(asked, WORKERS);
}

/// Waits for new workers.
#[track_caller]
fn workers_boot(asked: &Asked, count: usize) {
    for _ in 0..count {
        assert_eq!(asked.hinit.line(), "ready");
    }
}

/// Checks that one of the masters answers a request.
#[track_caller]
fn is_answered(home: &Home) {
    File::create(home.join("go")).unwrap();
    let answer = rest(home.request("/"));
    assert!(answer.ends_with(b"\r\n\r\ndone\n"));
}

/// Has gunicorn start a second master beside the first, with workers of its own.
#[track_caller]
fn upgrade(asked: &Asked) {
    asked.hinit.signal(SIGUSR2);
    workers_boot(asked, WORKERS);
    let masters = children_of(asked.hinit.server());
    assert_eq!(masters.len(), WORKERS + 1);
}

in_both_modes!(
    it_is_ready_from_its_boot_to_its_stop_whatever_becomes_of_its_workers,
    an_upgrade_by_usr2_leaves_the_server_the_first_master,
    an_upgrade_that_says_mainpid_replaces_the_server,
    a_stop_before_the_first_master_has_ended_is_the_end_of_both,
    without_notify_it_is_ready_as_soon_as_it_has_started
);

fn it_is_ready_from_its_boot_to_its_stop_whatever_becomes_of_its_workers(mode: Mode) {
    let home = Home::new();
    let Some(asked) = serve(&home, mode, &["--notify"], &[]) else {
        return;
    };
    asked.is("starting");
    boot(&home, &asked);
    asked.becomes("ready");
    assert_eq!(asked.status("status"), "Gunicorn arbiter booted");
    let workers = children_of(asked.hinit.server());
    assert_eq!(workers.len(), WORKERS);
    // Its reload: new workers, and not a word.
    asked.hinit.signal(SIGHUP);
    workers_boot(&asked, WORKERS);
    asked.is("ready");
    eventually("the old workers have ended", || {
        let now = children_of(asked.hinit.server());
        let are_new = now.iter().all(|worker| !workers.contains(worker));
        are_new.then_some(())
    });
    kill(children_of(asked.hinit.server())[0], SIGKILL);
    workers_boot(&asked, 1);
    asked.is("ready");
    let client = home.request("/slow");
    asked.hinit.line();
    asked.hinit.signal(SIGTERM);
    asked.becomes("stopping");
    File::create(home.join("go")).unwrap();
    assert!(rest(client).ends_with(b"\r\n\r\ndone\n"));
    let ended = asked.end();
    assert_eq!(ended.code, 0, "{}", ended.log);
}

// Its master starts another one beside itself, which says READY=1 once more, but not MAINPID: the
// first one stays the server, and its end is that of both.
fn an_upgrade_by_usr2_leaves_the_server_the_first_master(mode: Mode) {
    let home = Home::new();
    let options = ["--notify", "--verbose"];
    let Some(asked) = serve(&home, mode, &options, &[]) else {
        return;
    };
    boot(&home, &asked);
    asked.becomes("ready");
    let first = recorded(&home.pid_file());
    upgrade(&asked);
    asked.is("ready");
    assert_eq!(recorded(&home.pid_file()), first);
    is_answered(&home);
    asked.hinit.signal(SIGTERM);
    let ended = asked.end();
    assert_eq!(ended.code, 0, "{}", ended.log);
    let said = ended.log.matches("hinit: the server says READY=1").count();
    assert_eq!(said, 2, "{}", ended.log);
    assert!(!ended.log.contains("; killed "), "{}", ended.log);
}

// With MAINPID, by a hook of two lines, the first one can be told to end: its child is the server
// then.
fn an_upgrade_that_says_mainpid_replaces_the_server(mode: Mode) {
    let home = Home::new();
    let conf = ["SAYS_MAINPID"];
    let Some(asked) = serve(&home, mode, &["--notify"], &conf) else {
        return;
    };
    boot(&home, &asked);
    asked.becomes("ready");
    let first = recorded(&home.pid_file());
    upgrade(&asked);
    asked.is("ready");
    assert_eq!(recorded(&home.pid_file()), first);
    let told = asked.hinit.server();
    let second = masters_child(told);
    log_until(&asked.hinit, &format!("MAINPID={} ", inner_pid(second)));
    kill(told, SIGTERM);
    eventually("the second master is the server", || {
        let now = recorded(&home.pid_file());
        assert!(now == first || now == inner_pid(second), "{now}");
        (now != first).then_some(())
    });
    assert_eq!(asked.hinit.server(), second);
    asked.is("ready");
    is_answered(&home);
    asked.hinit.signal(SIGTERM);
    let ended = asked.end();
    assert_eq!(ended.code, 0, "{}", ended.log);
    assert!(!ended.log.contains("MAINPID"), "{}", ended.log);
}

// A stop in the middle of that gets to both.
fn a_stop_before_the_first_master_has_ended_is_the_end_of_both(mode: Mode) {
    let home = Home::new();
    let conf = ["SAYS_MAINPID"];
    let Some(asked) = serve(&home, mode, &["--notify"], &conf) else {
        return;
    };
    boot(&home, &asked);
    asked.becomes("ready");
    upgrade(&asked);
    let second = masters_child(asked.hinit.server());
    log_until(&asked.hinit, &format!("MAINPID={} ", inner_pid(second)));
    asked.hinit.signal(SIGTERM);
    let ended = asked.end();
    assert_eq!(ended.code, 0, "{}", ended.log);
}

// Who is not asked to say so is ready, whether it has booted or not.
fn without_notify_it_is_ready_as_soon_as_it_has_started(mode: Mode) {
    let home = Home::new();
    let Some(asked) = serve(&home, mode, &[], &[]) else {
        return;
    };
    asked.becomes("ready");
    boot(&home, &asked);
    asked.is("ready");
    assert_eq!(asked.status("status"), "");
    asked.hinit.signal(SIGTERM);
    assert_eq!(asked.end().code, 0);
}

/// The child of a master that has children, and so is a master too.
#[track_caller]
fn masters_child(master: i32) -> i32 {
    let mut children = children_of(master).into_iter();
    let found = children.find(|child| !children_of(*child).is_empty());
    found.unwrap()
}
