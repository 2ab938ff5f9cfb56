//! containerd without Docker: its own client `ctr` runs hinit.

use std::env;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};

use crate::engine::{Image, binaries, eventually, stdout, unique};

/// Docker's containerd, in a namespace of its own.
fn ctr(line: &str) -> Command {
    let mut command = Command::new("ctr");
    command
        .args(["--address", "/run/docker/containerd/containerd.sock"])
        .args(["--namespace", "hinit-test"])
        .args(line.split(' '));
    command
}

fn output(line: &str) -> Output {
    ctr(line).output().unwrap()
}

pub(crate) fn run(line: &str) -> String {
    let output = output(line);
    assert!(output.status.success(), "{line}: {output:?}");
    stdout(&output)
}

/// Imports the image of the demo, and returns its name.
fn import() -> String {
    let [hinit, server] = binaries();
    let image = Image::build("docker/demo.Dockerfile", &[&hinit, &server]);
    let mut save = Command::new("docker")
        .args(["save", &image.tag])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut import = ctr("images import -");
    import.stdin(save.stdout.take().unwrap());
    let imported = import.output().unwrap();
    assert!(imported.status.success(), "{imported:?}");
    assert!(save.wait().unwrap().success());
    format!("docker.io/library/{}:latest", image.tag)
}

/// A container whose client waits for its end, and exits with its exit code.
fn start(image: &str, name: &str) -> Child {
    let cgroup = env::var("HINIT_CGROUP").unwrap();
    ctr(&format!("run --rm --cgroup {cgroup}/{name} {image} {name}"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn ctr_runs_checks_signals_and_stops_a_server() {
    let image = import();
    let name = format!("hinit-test-{}", unique());
    let mut client = start(&image, &name);
    let mut lines = BufReader::new(client.stdout.take().unwrap()).lines();
    let mut next = || lines.next().unwrap().unwrap();
    assert!(next().contains("listening on"));

    let exec =
        |id: &str, command: &str| output(&format!("tasks exec --exec-id {id} {name} {command}"));
    let check = exec("check", "/hinit healthcheck");
    assert!(check.status.success(), "{check:?}");
    assert!(stdout(&check).starts_with("healthy: process "), "{check:?}");
    run(&format!("tasks kill --signal SIGHUP {name}"));
    assert_eq!(next(), "demo-server: reloaded (1)");

    assert!(exec("stop", "/hinit signal STOP").status.success());
    let check = exec("stopped", "/hinit healthcheck");
    assert_eq!(check.status.code(), Some(1));
    assert!(stdout(&check).ends_with(" is suspended"), "{check:?}");

    run(&format!("tasks kill --signal SIGTERM {name}"));
    let status = eventually("the client ends", || client.try_wait().unwrap());
    assert_eq!(status.code(), Some(0));
}

/// The exit code that ctr prints is hinit's.
#[test]
fn a_killed_server_ends_the_task_with_137() {
    let image = import();
    let name = format!("hinit-test-{}", unique());
    let mut client = start(&image, &name);
    let mut line = String::new();
    let mut output = BufReader::new(client.stdout.take().unwrap());
    output.read_line(&mut line).unwrap();
    assert!(line.contains("listening on"), "{line}");
    let _it_may_end_first = self::output(&format!(
        "tasks exec --exec-id kill {name} /demo-server kill SIGKILL"
    ));
    let status = eventually("the client ends", || client.try_wait().unwrap());
    assert_eq!(status.code(), Some(137));
}
