//! A Dockerfile for `BuildKit`: stages, mounts, and the start interval of a health check.

use std::sync::LazyLock;

use crate::engine::{Container, Image, binaries, docker, eventually, python, root, unique};

/// Two builds, one after the other.
static IMAGES: LazyLock<[Image; 2]> = LazyLock::new(|| ["first", "second"].map(build));

/// Builds stages.Dockerfile. The argument is the line that this build adds to the cache.
fn build(line: &str) -> Image {
    static HINIT: LazyLock<Image> =
        LazyLock::new(|| Image::build("docker/Dockerfile", &[&binaries()[0]]));
    let [hinit, _] = binaries();
    let tag = format!("hinit-test-{}", unique());
    docker([
        "build",
        "--quiet",
        "--tag",
        &tag,
        "--build-arg",
        &format!("BASE={}", python()),
        "--build-arg",
        &format!("HINIT={}", HINIT.tag),
        "--build-arg",
        &format!("BUILD={line}"),
        "--file",
        root()
            .join("tests/engines/stages.Dockerfile")
            .to_str()
            .unwrap(),
        hinit.parent().unwrap().to_str().unwrap(),
    ]);
    Image { tag }
}

#[test]
fn hinit_comes_from_another_stage_and_a_cache_stays_between_builds() {
    let [first, second] = &*IMAGES;
    assert_eq!(first.files(), ["builds", "demo-server", "hinit"]);
    let container = Container::start(second, &[], &[]);
    container.becomes("healthy");
    let builds = docker(["cp", &format!("{}:/builds", container.name), "-"]);
    assert!(builds.contains("first\nsecond\n"), "{builds}");
    assert_eq!(container.stop(), 0);
}

/// The interval is an hour.
#[test]
fn a_start_interval_finds_the_server_healthy_long_before_the_interval() {
    let [_, image] = &*IMAGES;
    let container = Container::start(image, &[], &[]);
    container.becomes("healthy");
    assert!(container.verdicts().starts_with("healthy: process "));

    // The negative control: without a start interval there is no check.
    let none = ["--health-start-interval", "1h"];
    let unchecked = Container::start(image, &none, &[]);
    eventually("it listens", || {
        unchecked.logs().contains("listening on").then_some(())
    });
    let check = unchecked.exec(&["/hinit", "healthcheck"]);
    assert!(check.status.success(), "{check:?}");
    assert_eq!(unchecked.health(), "starting");
    assert_eq!(unchecked.verdicts(), "");
}
