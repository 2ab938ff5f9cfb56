//! Dockerfile.example without changes: granian, a Python server, under a hinit that the image builds from source.

use std::sync::LazyLock;
use std::thread;

use crate::engine::{Container, Image, docker, eventually, stdout};

static IMAGE: LazyLock<Image> =
    LazyLock::new(|| Image::build_stages("Dockerfile.example", "hinit"));

/// A container whose server answers.
fn start(options: &[&str]) -> Container {
    let container = Container::run(&IMAGE, options, &[]);
    eventually("an answer", || container.get("/"));
    container
}

/// Runs a line of shell in the container.
fn shell(container: &Container, script: &str) -> String {
    stdout(&container.exec(&["sh", "-c", script]))
}

#[test]
fn its_hinit_is_the_static_one_of_this_source() {
    needs_engine!();
    let container = start(&[]);
    let version = stdout(&container.exec(&["/hinit", "--version"]));
    let expected = concat!(
        "hinit ",
        env!("CARGO_PKG_VERSION"),
        " (static, stable build)"
    );
    assert_eq!(version, expected);
}

#[test]
fn the_server_answers_and_docker_reports_it_healthy() {
    needs_engine!();
    let container = start(&[]);
    container.becomes("healthy");
    let verdicts = container.verdicts();
    let answer = "; http://127.0.0.1:8000/ answered 200 OK after ";
    assert!(verdicts.contains(answer), "{verdicts}");

    let check = container.exec(&["/hinit", "healthcheck"]);
    assert_eq!(check.status.code(), Some(0), "{check:?}");
    let pid = shell(&container, r#"cat "$HINIT_PID_FILE""#);
    assert_eq!(stdout(&check), format!("healthy: process {pid} is alive"));
    assert!(container.logs().contains(&format!("(main PID: {pid})")));
}

#[test]
fn a_hup_to_the_pid_in_the_file_respawns_the_workers() {
    needs_engine!();
    let container = start(&[]);
    let main = shell(&container, r#"cat "$HINIT_PID_FILE""#);
    let worker = container.get("/").unwrap();
    shell(&container, r#"kill -HUP "$(cat "$HINIT_PID_FILE")""#);
    eventually("the old worker has ended", || {
        container
            .logs()
            .contains("Stopped old worker-1")
            .then_some(())
    });
    assert_ne!(container.get("/").unwrap(), worker);
    assert_eq!(shell(&container, r#"cat "$HINIT_PID_FILE""#), main);
}

#[test]
fn a_killed_granian_ends_the_container_with_137_and_leaves_no_pid_file() {
    needs_engine!();
    let container = start(&[]);
    assert!(container.list("/run/app").contains("hinit.pid"));
    shell(&container, r#"kill -KILL "$(cat "$HINIT_PID_FILE")""#);
    assert_eq!(container.ended(), 137);
    assert!(!container.list("/run/app").contains("hinit.pid"));
}

#[test]
fn docker_stop_lets_granian_finish_and_leaves_no_pid_file() {
    needs_engine!();
    let container = start(&[]);
    thread::scope(|scope| {
        let slow = scope.spawn(|| container.get("/slow"));
        eventually("the slow request begins", || {
            container
                .logs()
                .contains("slow request begins")
                .then_some(())
        });
        assert_eq!(container.stop(), 0);
        assert!(
            slow.join().unwrap().is_some(),
            "the slow request had no answer"
        );
    });
    let logs = container.logs();
    assert!(logs.contains("Granian shutdown completed"), "{logs}");
    assert!(!container.list("/run/app").contains("hinit.pid"));
}

#[test]
fn a_killed_container_restarts_despite_its_stale_pid_file() {
    needs_engine!();
    let container = start(&[]);
    docker(["kill", &container.name]);
    assert_eq!(container.ended(), 137);
    assert!(container.list("/run/app").contains("hinit.pid"));

    docker(["start", &container.name]);
    eventually("an answer", || container.get("/"));
    container.becomes("healthy");
}

#[test]
fn a_server_killed_for_lack_of_memory_is_logged_as_that() {
    needs_engine!();
    let limit = ["--memory", "32m", "--memory-swap", "32m"];
    let container = Container::run(&IMAGE, &limit, &["tail", "/dev/zero"]);
    assert_eq!(container.ended(), 137);
    let logs = container.logs();
    assert!(logs.contains("out of memory"), "{logs}");
}
