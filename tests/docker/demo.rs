//! `docker/demo` with an engine and without. It is the first command of the README.

use std::fs;
use std::process::{Command, Stdio};

use crate::engine::{Container, Image, docker, report, root, stdout, unique};

/// Runs the demo, and returns its output, and the name of its container and its image.
fn demo(engine: &str) -> (String, String) {
    let demo = Command::new(root().join("docker/demo"))
        .env("DEMO_ENGINE", engine)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let name = format!("hinit-demo-{}", demo.id());
    let output = demo.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");

    let text = stdout(&output);
    for step in [
        "health: healthy",
        "hinit healthcheck: healthy: process ",
        " is not ready yet",
        ", 0 reloads",
        "sent it SIGHUP",
        "hinit healthcheck --ready: healthy: process ",
        ", 1 reloads",
        "with exit status 0",
    ] {
        assert!(text.contains(step), "{step}:\n{text}");
    }
    let stop = text.lines().find(|line| line.contains("stopped in"));
    report(stop.unwrap_or_default());
    (text, name)
}

/// With one letter for each number, because they differ from run to run.
fn without_numbers(text: &str) -> String {
    let mut result = String::new();
    for letter in text
        .chars()
        .map(|c| if c.is_ascii_digit() { 'N' } else { c })
    {
        if !(letter == 'N' && result.ends_with('N')) {
            result.push(letter);
        }
    }
    result
}

#[test]
fn the_demo_runs_in_a_container_and_cleans_up() {
    needs_engine!();
    let (text, name) = demo("docker");
    assert!(text.contains("health: starting"), "{text}");
    // The README's picture of it.
    let picture = include_str!("../../docker/guide/demo.svg").replace("&gt;", ">");
    let picture = without_numbers(&picture);
    for line in text.lines().filter(|line| line.starts_with("demo: ")) {
        let line = format!(">{}<", without_numbers(line));
        assert!(
            picture.contains(&line),
            "docker/guide/draw draws anew: {line}"
        );
    }
    let containers = docker([
        "ps",
        "--all",
        "--quiet",
        "--filter",
        &format!("name={name}"),
    ]);
    assert_eq!(containers, "");
    assert_eq!(docker(["images", "--quiet", &name]), "");
}

#[test]
fn the_demo_runs_without_an_engine_and_prints_that() {
    let (text, _) = demo("none");
    assert!(text.contains("no Docker engine"), "{text}");
}

/// The image that compose.yaml, swarm.yaml, kubernetes.yaml and my-server.container name.
#[test]
fn one_command_builds_the_image_of_the_examples() {
    needs_engine!();
    let tag = format!("hinit-test-demo-{}", unique());
    let demo = Command::new(root().join("docker/demo"))
        .args(["--image", &tag])
        .output()
        .unwrap();
    assert!(demo.status.success(), "{demo:?}");
    let image = Image { tag };
    let container = Container::run(&image, &[], &[]);
    container.becomes("healthy");
    drop(container);
    docker(["rmi", &image.tag]);

    for example in [
        "compose.yaml",
        "swarm.yaml",
        "kubernetes.yaml",
        "my-server.container",
    ] {
        let text = fs::read_to_string(root().join("docker").join(example)).unwrap();
        assert!(text.contains("docker/demo --image my-server"), "{example}");
        let lines = text.lines().filter_map(|line| {
            let line = line.trim_start();
            line.strip_prefix("image: ")
                .or(line.strip_prefix("Image=localhost/"))
        });
        let images: Vec<&str> = lines.collect();
        assert!(!images.is_empty(), "{example}");
        assert!(
            images.iter().all(|image| *image == "my-server"),
            "{example}: {images:?}"
        );
    }
}
