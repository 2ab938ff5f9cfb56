//! The OCI archive of a release, which each engine takes by its own command.

use std::env;
use std::process::Command;

use crate::containerd;
use crate::engine::{docker, root, stdout, unique};
use crate::sandbox;

/// The archive that `tests/engines/run` makes, of the image `hinit-archive:1` for amd64 and arm64.
fn archive() -> String {
    env::var("HINIT_ARCHIVE").unwrap()
}

const TAG: &str = "hinit-archive:1";

/// What the hinit in the archive prints.
fn version() -> String {
    let built = Command::new(root().join("docker/build"))
        .arg("--tiny")
        .output()
        .unwrap();
    let hinit = stdout(&built);
    let version = Command::new(hinit).arg("--version").output().unwrap();
    let version = stdout(&version);
    assert!(version.ends_with("(static, tiny build)"), "{version}");
    version
}

/// containerd's image store reads the index, and the classic one manifest.json, where each machine has a tag.
#[test]
fn docker_loads_it_and_runs_what_is_for_this_machine() {
    docker(["load", "--quiet", "--input", &archive()]);
    let store = docker(["info", "--format", "{{.DriverStatus}}"]);
    let tag = if store.contains("io.containerd.snapshotter.v1") {
        TAG.to_owned()
    } else {
        let platform = docker([
            "inspect",
            "--format",
            "{{.Architecture}}",
            &format!("{TAG}-arm64"),
        ]);
        assert_eq!(platform, "arm64");
        format!("{TAG}-amd64")
    };
    assert_eq!(docker(["run", "--rm", &tag, "--version"]), version());
    let help = docker(["run", "--rm", &tag]);
    assert!(help.starts_with("usage: hinit"), "{help}");
    docker(["rmi", "--force", &tag]);
}

#[test]
fn podman_loads_it_and_runs_what_is_for_this_machine() {
    let Some(podman) = sandbox::podman() else {
        return;
    };
    podman.run(&format!("podman load --quiet --input {}", archive()));
    let run = format!("podman run --rm --network none {TAG} --version");
    assert_eq!(podman.run(&run), version());
}

#[test]
fn containerd_imports_it_and_runs_what_is_for_this_machine() {
    containerd::run(&format!("images import {}", archive()));
    let cgroup = env::var("HINIT_CGROUP").unwrap();
    let name = format!("hinit-test-{}", unique());
    let run = format!(
        "run --rm --cgroup {cgroup}/{name} docker.io/library/{TAG} {name} /hinit --version"
    );
    assert_eq!(containerd::run(&run), version());
}
