//! gunicorn, which sends READY=1 when its master has booted, and no message after that.

use std::fs::File;

use nix::libc::{SIGHUP, SIGKILL, SIGTERM, SIGUSR2};

use super::*;
use crate::gunicorn::by_gunicorn;

const WORKERS: usize = 2;

/// A hinit with a gunicorn that boots only after `boot`.
fn serve<'a>(
    home: &'a Home,
    mode: Mode,
    options: &[&str],
    conf: &[&str],
) -> Option<ProbedServer<'a>> {
    let start = by_gunicorn(home.start(mode, options), "")?;
    let start = start.args(["--config".into(), source("notify/gunicorn_conf.py")]);
    let start = start.args(["--timeout", "0", "--graceful-timeout", "100000"]);
    let start = start.args(["--workers", &WORKERS.to_string()]);
    let start = start.args(["--bind", "unix:socket", "app:app"]);
    let start = start.with(|command| {
        command.envs(conf.iter().map(|name| (name, "")));
    });
    Some(ProbedServer::start(home, mode, start))
}

fn boot(home: &Home, probed: &ProbedServer) {
    File::create(home.join("boot")).unwrap();
    workers_boot(probed, WORKERS);
}

/// Waits for new workers.
#[track_caller]
fn workers_boot(probed: &ProbedServer, count: usize) {
    for _ in 0..count {
        assert_eq!(probed.hinit.line(), "ready");
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
fn upgrade(probed: &ProbedServer) {
    probed.hinit.signal(SIGUSR2);
    workers_boot(probed, WORKERS);
    let masters = children_of(probed.hinit.server());
    assert_eq!(masters.len(), WORKERS + 1);
}

in_both_modes!(
    it_is_ready_from_its_boot_to_its_stop_whatever_its_workers_do,
    an_upgrade_by_usr2_leaves_the_server_the_first_master,
    an_upgrade_that_sends_mainpid_replaces_the_server,
    a_stop_before_the_first_master_has_ended_is_the_end_of_both,
    without_notify_it_is_ready_as_soon_as_it_has_started
);

fn it_is_ready_from_its_boot_to_its_stop_whatever_its_workers_do(mode: Mode) {
    let home = Home::new();
    let Some(probed) = serve(&home, mode, &["--notify"], &[]) else {
        return;
    };
    probed.is("starting");
    boot(&home, &probed);
    probed.becomes("ready");
    assert_eq!(probed.status("status"), "Gunicorn arbiter booted");
    let workers = children_of(probed.hinit.server());
    assert_eq!(workers.len(), WORKERS);
    // A reload starts new workers, and sends no message.
    probed.hinit.signal(SIGHUP);
    workers_boot(&probed, WORKERS);
    probed.is("ready");
    eventually("the old workers have ended", || {
        let now = children_of(probed.hinit.server());
        let are_new = now.iter().all(|worker| !workers.contains(worker));
        are_new.then_some(())
    });
    kill(children_of(probed.hinit.server())[0], SIGKILL);
    workers_boot(&probed, 1);
    probed.is("ready");
    let client = home.request("/slow");
    probed.hinit.line();
    probed.hinit.signal(SIGTERM);
    probed.becomes("stopping");
    File::create(home.join("go")).unwrap();
    assert!(rest(client).ends_with(b"\r\n\r\ndone\n"));
    let ended = probed.end();
    assert_eq!(ended.code, 0, "{}", ended.log);
}

// The master starts another one, which also sends READY=1, but not MAINPID: the first one stays the
// server, and both end with it.
fn an_upgrade_by_usr2_leaves_the_server_the_first_master(mode: Mode) {
    let home = Home::new();
    let options = ["--notify", "--verbose"];
    let Some(probed) = serve(&home, mode, &options, &[]) else {
        return;
    };
    boot(&home, &probed);
    probed.becomes("ready");
    let first = recorded(&home.pid_file());
    upgrade(&probed);
    probed.is("ready");
    assert_eq!(recorded(&home.pid_file()), first);
    is_answered(&home);
    probed.hinit.signal(SIGTERM);
    let ended = probed.end();
    assert_eq!(ended.code, 0, "{}", ended.log);
    let ready_messages = ended.log.matches("hinit: the server says READY=1").count();
    assert_eq!(ready_messages, 2, "{}", ended.log);
    assert!(!ended.log.contains("; killed "), "{}", ended.log);
}

// If the new master sends MAINPID, by a hook of two lines, the first one can be stopped: then its
// child becomes the server.
fn an_upgrade_that_sends_mainpid_replaces_the_server(mode: Mode) {
    let home = Home::new();
    let conf = ["SENDS_MAINPID"];
    let Some(probed) = serve(&home, mode, &["--notify"], &conf) else {
        return;
    };
    boot(&home, &probed);
    probed.becomes("ready");
    let first = recorded(&home.pid_file());
    upgrade(&probed);
    probed.is("ready");
    assert_eq!(recorded(&home.pid_file()), first);
    let first_master = probed.hinit.server();
    let second = masters_child(first_master);
    log_until(&probed.hinit, &format!("MAINPID={} ", inner_pid(second)));
    kill(first_master, SIGTERM);
    eventually("the second master is the server", || {
        let now = recorded(&home.pid_file());
        assert!(now == first || now == inner_pid(second), "{now}");
        (now != first).then_some(())
    });
    assert_eq!(probed.hinit.server(), second);
    probed.is("ready");
    is_answered(&home);
    probed.hinit.signal(SIGTERM);
    let ended = probed.end();
    assert_eq!(ended.code, 0, "{}", ended.log);
    assert!(!ended.log.contains("MAINPID"), "{}", ended.log);
}

// A stop during the upgrade reaches both masters.
fn a_stop_before_the_first_master_has_ended_is_the_end_of_both(mode: Mode) {
    let home = Home::new();
    let conf = ["SENDS_MAINPID"];
    let Some(probed) = serve(&home, mode, &["--notify"], &conf) else {
        return;
    };
    boot(&home, &probed);
    probed.becomes("ready");
    upgrade(&probed);
    let second = masters_child(probed.hinit.server());
    log_until(&probed.hinit, &format!("MAINPID={} ", inner_pid(second)));
    probed.hinit.signal(SIGTERM);
    let ended = probed.end();
    assert_eq!(ended.code, 0, "{}", ended.log);
}

// Without --notify a server is ready as soon as it runs, whether it has booted or not.
fn without_notify_it_is_ready_as_soon_as_it_has_started(mode: Mode) {
    let home = Home::new();
    let Some(probed) = serve(&home, mode, &[], &[]) else {
        return;
    };
    probed.becomes("ready");
    boot(&home, &probed);
    probed.is("ready");
    assert_eq!(probed.status("status"), "");
    probed.hinit.signal(SIGTERM);
    assert_eq!(probed.end().code, 0);
}

/// The child of a master that has children, and so is a master too.
#[track_caller]
fn masters_child(master: i32) -> i32 {
    let mut children = children_of(master).into_iter();
    let found = children.find(|child| !children_of(*child).is_empty());
    found.unwrap()
}
