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
fn the_images_contain_no_other_files() {
    needs_engine!();
    assert_eq!(IMAGE.files(), ["demo-server", "hinit"]);

    let [hinit, _] = binaries();
    let alone = Image::build("docker/Dockerfile", &[&hinit]);
    assert_eq!(alone.files(), ["hinit"]);
}

#[test]
fn a_read_only_container_of_a_plain_user_is_healthy_and_stops_at_term() {
    needs_engine!();
    let container = start(&["--health-interval", "5s"]); // long enough to see `starting`
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

/// The USER of the image is neither of them.
#[test]
fn root_finds_the_pid_file_of_the_server_and_a_third_user_gets_a_remedy() {
    needs_engine!();
    for tmpfs in [&[][..], &["--tmpfs", "/tmp"]] {
        let container = start(tmpfs);
        container.becomes("healthy");
        let check = || stdout(&container.exec(&["/hinit", "healthcheck"]));
        let as_user = |user, command| container.exec_with(&["-u", user], command);
        let by_root = as_user("0", &["/hinit", "healthcheck"]);
        assert_eq!(
            (by_root.status.code(), stdout(&by_root)),
            (Some(0), check())
        );
        let status = stdout(&as_user("0", &["/hinit", "status"]));
        assert!(status.contains(&check()), "{status}");
        let third = as_user("4242", &["/hinit", "healthcheck"]);
        let remedy =
            "unhealthy: PID 1 runs as UID 65532: run this as that user, or set HINIT_PID_FILE";
        assert_eq!(
            (third.status.code(), stdout(&third).as_str()),
            (Some(1), remedy)
        );
        let signal = as_user("0", &["/hinit", "signal", "TERM"]);
        assert_eq!(signal.status.code(), Some(1), "{signal:?}");
        assert_eq!(container.stop(), 0);
    }
}

#[test]
fn docker_kill_with_hup_reloads_the_server() {
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
fn a_stopped_server_is_unhealthy_until_it_continues() {
    needs_engine!();
    let container = start(&[]);
    container.becomes("healthy");
    kill(&container, "SIGSTOP");
    container.becomes("unhealthy");
    let verdicts = container.verdicts();
    let last = verdicts.lines().next_back().unwrap_or_default();
    assert!(last.starts_with("unhealthy: process "), "{verdicts}");
    assert!(last.ends_with(" is suspended"), "{verdicts}");

    kill(&container, "SIGCONT");
    container.becomes("healthy");
}

#[test]
fn without_a_writable_directory_hinit_does_not_launch_and_prints_a_remedy() {
    needs_engine!();
    let container = start(&["--ipc", "none"]); // no /dev/shm
    assert_eq!(container.ended(), 125);
    let logs = container.logs();
    assert!(logs.contains("--tmpfs /tmp"), "{logs}");
    assert!(!logs.contains("demo-server"), "{logs}");

    let remedied = start(&["--ipc", "none", "--tmpfs", "/tmp"]);
    remedied.becomes("healthy");
}

#[test]
fn a_pids_limit_that_prevents_the_launch_is_printed() {
    needs_engine!();
    let container = start(&["--pids-limit", "1"]);
    assert_eq!(container.ended(), 125);
    let logs = container.logs();
    assert!(logs.contains("the limit of processes is reached"), "{logs}");
}
