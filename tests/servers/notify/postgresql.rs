//! PostgreSQL, which sends READY=1 and STOPPING=1 in the build of Debian.

use std::fs::{self, File};

use nix::libc::{SIGCONT, SIGHUP, SIGINT, SIGSTOP};

use super::*;
use crate::postgresql::Cluster;

/// Keeps a start in the recovery from an archive until the test creates the file `go`.
const RESTORE: &str = "restore_command=until test -e ../go; do sleep 0.01; done; false";

/// Stops the backend of the client. Even a fast shutdown waits for it then.
fn stopped_backend(server: i32) -> i32 {
    let is_backend = |pid: &i32| {
        let title = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&title).contains(" [local] ")
    };
    let backend = children_of(server).into_iter().find(is_backend).unwrap();
    kill(backend, SIGSTOP);
    backend
}

in_both_modes!(it_reports_when_it_is_ready_and_when_it_stops);

fn it_reports_when_it_is_ready_and_when_it_stops(mode: Mode) {
    let Some(cluster) = Cluster::new(mode) else {
        return;
    };
    File::create(cluster.home.join("data/recovery.signal")).unwrap();
    let options = ["--notify", "--verbose"];
    let server = cluster.prepare(&options, &["-h", "", "-c", RESTORE]);
    let probed = ProbedServer::start(&cluster.home, mode, server);
    // It listens by now, and refuses all clients.
    eventually("clients are refused because it starts", || {
        let refused = cluster.refusal();
        refused
            .contains("the database system is starting up")
            .then_some(())
    });
    probed.is("starting");
    File::create(cluster.home.join("go")).unwrap();
    probed.becomes("ready");
    let postmaster = recorded(&cluster.home.pid_file());
    log_until(
        &probed.hinit,
        "database system is ready to accept connections",
    );
    // A reload, for which it sends no message.
    probed.hinit.signal(SIGHUP);
    log_until(
        &probed.hinit,
        "received SIGHUP, reloading configuration files",
    );
    probed.is("ready");
    let session = cluster.session();
    let backend = stopped_backend(probed.hinit.server());
    // A fast shutdown, of which hinit learns only from PostgreSQL's message.
    kill(probed.hinit.server(), SIGINT);
    probed.becomes("stopping");
    assert_eq!(recorded(&cluster.home.pid_file()), postmaster);
    kill(backend, SIGCONT);
    let ended = probed.end();
    assert_eq!(ended.code, 0, "{}", ended.log);
    assert!(
        ended.log.contains("hinit: the server says STOPPING=1"),
        "{}",
        ended.log
    );
    drop(session);
}
