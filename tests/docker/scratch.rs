//! hinit and a static server in an image FROM scratch: no shell, no libc, no user database.

use std::sync::LazyLock;

use crate::engine::{Container, Image, binaries, docker, eventually, stdout};

pub(crate) static IMAGE: LazyLock<Image> = LazyLock::new(|| {
    let [hinit, server] = binaries();
    Image::build("docker/demo.Dockerfile", &[&hinit, &server])
});

fn start(options: &[&str]) -> Container {
    Container::run(&IMAGE, &[&["--read-only"], options].concat(), &[])
}

/// Sends the server a signal, by the PID file. A signal that ends the container ends this exec too.
fn kill(container: &Container, signal: &str) {
    container.exec(&["/demo-server", "kill", signal]);
}

#[test]
fn the_images_hold_nothing_else() {
    needs_engine!();
    assert_eq!(IMAGE.files(), ["demo-server", "hinit"]);

    let [hinit, _] = binaries();
    let alone = Image::build("docker/Dockerfile", &[&hinit]);
    assert_eq!(alone.files(), ["hinit"]);
}

#[test]
fn a_read_only_container_of_a_plain_user_is_healthy_and_stops_by_itself() {
    needs_engine!();
    let container = start(&["--health-interval", "5s"]); // time to see the beginning
    assert_eq!(container.health(), "starting");
    container.becomes("healthy");

    let check = container.exec(&["/hinit", "healthcheck"]);
    assert_eq!(check.status.code(), Some(0), "{check:?}");
    let answer = eventually("an answer", || container.get("/"));
    let pid = answer.split([' ', ',']).nth(2).unwrap();
    assert_eq!(
        stdout(&check),
        format!("healthy: process {pid} is alive"),
        "the server says: {answer}"
    );

    assert_eq!(container.stop(), 0);
    let logs = container.logs();
    assert!(logs.contains("demo-server: stopping\n"), "{logs}");
    let line = "hinit: SIGTERM from outside the container; the server ended ";
    assert!(logs.contains(line), "{logs}");
}

/// The image's USER is another one.
#[test]
fn root_finds_the_servers_pid_file_and_a_third_user_is_told_why_it_does_not() {
    needs_engine!();
    for tmpfs in [&[][..], &["--tmpfs", "/tmp"]] {
        let container = start(tmpfs);
        container.becomes("healthy");
        let check = || stdout(&container.exec(&["/hinit", "healthcheck"]));
        let as_user = |user, words| container.exec_with(&["-u", user], words);
        let by_root = as_user("0", &["/hinit", "healthcheck"]);
        assert_eq!(
            (by_root.status.code(), stdout(&by_root)),
            (Some(0), check())
        );
        let status = stdout(&as_user("0", &["/hinit", "status"]));
        assert!(status.contains(&check()), "{status}");
        let third = as_user("4242", &["/hinit", "healthcheck"]);
        let told =
            "unhealthy: PID 1 runs as UID 65532: run this as that user, or set HINIT_PID_FILE";
        assert_eq!(
            (third.status.code(), stdout(&third).as_str()),
            (Some(1), told)
        );
        let signal = as_user("0", &["/hinit", "signal", "TERM"]);
        assert_eq!(signal.status.code(), Some(1), "{signal:?}");
        assert_eq!(container.stop(), 0);
    }
}

#[test]
fn a_reload_reaches_the_server_by_docker_kill() {
    needs_engine!();
    let container = start(&[]);
    eventually("an answer", || container.get("/"));
    docker(["kill", "--signal", "HUP", &container.name]);
    eventually("a reload", || {
        container.logs().contains("reloaded (1)").then_some(())
    });
}

#[test]
fn a_killed_server_ends_the_container_with_137() {
    needs_engine!();
    let container = start(&[]);
    container.becomes("healthy");
    kill(&container, "SIGKILL");
    assert_eq!(container.ended(), 137);
}

#[test]
fn a_stopped_server_is_unhealthy_until_it_goes_on() {
    needs_engine!();
    let container = start(&[]);
    container.becomes("healthy");
    kill(&container, "SIGSTOP");
    container.becomes("unhealthy");
    let verdicts = container.verdicts();
    let last = verdicts.lines().next_back().unwrap_or_default();
    assert!(last.starts_with("unhealthy: process "), "{verdicts}");
    assert!(last.ends_with(" is stopped"), "{verdicts}");

    kill(&container, "SIGCONT");
    container.becomes("healthy");
}

#[test]
fn without_a_place_for_the_pid_file_nothing_starts_and_the_remedy_is_named() {
    needs_engine!();
    let container = start(&["--ipc", "none"]); // no /dev/shm
    assert_eq!(container.ended(), 125);
    let logs = container.logs();
    assert!(logs.contains("--tmpfs /tmp"), "{logs}");
    assert!(!logs.contains("demo-server"), "{logs}");

    let helped = start(&["--ipc", "none", "--tmpfs", "/tmp"]);
    helped.becomes("healthy");
}

#[test]
fn a_pids_limit_that_leaves_no_room_for_the_server_is_named() {
    needs_engine!();
    let container = start(&["--pids-limit", "1"]);
    assert_eq!(container.ended(), 125);
    let logs = container.logs();
    assert!(logs.contains("the limit of processes is reached"), "{logs}");
}
