//! docker/kubernetes-inject.yaml: hinit in images that do not contain it, and in the PID namespace of a pod.

use std::fs;

use super::manifest::{is_schema_there, validate};
use crate::engine::{eventually, root};
use crate::sandbox;

fn yaml() -> String {
    fs::read_to_string(root().join("docker/kubernetes-inject.yaml")).unwrap()
}

#[test]
fn every_document_is_valid_and_wrong_documents_are_not() {
    needs_schema!();
    let output = validate(&[yaml()]);
    let valid = output.matches(" passed for resource ").count();
    assert_eq!(valid, 2, "{output}");

    let wrong = [
        ("initContainers:", "initContainer:"),
        ("emptyDir: {}", "emptyDir: []"),
        (
            "shareProcessNamespace: true",
            "shareProcessNamespace: shared",
        ),
    ];
    let wrong = wrong.map(|(right, wrong_text)| yaml().replace(right, wrong_text));
    let output = validate(&wrong);
    let refused = output.matches(" did not validate for resource ").count();
    assert_eq!(refused, wrong.len(), "{output}");
}

/// Docker runs the init container and then that of the server, with a shared volume. (Podman 4.3 takes 20 seconds for
/// any init container.)
#[test]
fn an_init_container_installs_hinit_for_an_image_without_it() {
    let Some(docker) = sandbox::docker(&[]) else {
        return;
    };
    let bare = "FROM scratch\nCOPY demo-server /\nCMD [\"/demo-server\"]";
    docker.build("docker", "bare", bare);
    docker.run("docker volume create injected");
    let locked_down = "--read-only --cap-drop ALL --security-opt no-new-privileges";
    let install = format!("docker run --rm {locked_down} --volume injected:/shared hinit");
    let install = format!("{install} install /shared/hinit");
    assert_eq!(docker.run(&install), "installed /shared/hinit");

    let run = "docker run --detach --name injected --user 10001 --volume injected:/shared:ro";
    let command = "--entrypoint /shared/hinit bare -- /demo-server";
    docker.run(&format!("{run} {locked_down} {command}"));
    let check = "docker exec injected /shared/hinit healthcheck --timeout 30s";
    eventually("it is healthy", || {
        docker.output(check).status.success().then_some(())
    });
    // Another installation replaces the file, but the running hinit keeps its own.
    docker.run(&install);
    docker.run(check);
    docker.run("docker stop injected");
    let code = docker.inspect("docker", "injected", "{{.State.ExitCode}}");
    assert_eq!(code, "0");
}

#[test]
fn containers_in_a_shared_pid_namespace_are_healthy_and_stopped_one_by_one() {
    let Some(podman) = sandbox::podman() else {
        return;
    };
    let yaml = yaml();
    let (_, shared) = yaml.split_once("\n---\n").unwrap();
    let file = podman.file("shared.yaml", shared);
    podman.run(&format!("podman kube play {file}"));
    let [server, sidecar] =
        ["my-server", "my-sidecar"].map(|name| format!("my-shared-pod-0-{name}"));
    let is_healthy = |container: &str| {
        let check = format!("podman exec {container} /hinit healthcheck --timeout 30s");
        podman.output(&check).status.success()
    };
    for container in [&server, &sidecar] {
        eventually("it is healthy", || is_healthy(container).then_some(()));
        eventually("it listens", || {
            let logs = podman.logs("podman", container);
            logs.contains("listening on").then_some(())
        });
    }
    let processes = podman.run(&format!("podman top {server} pid args"));
    let count = |what: &str| processes.matches(what).count();
    assert_eq!(
        count("/hinit --grace 20s -- /demo-server"),
        2,
        "{processes}"
    );
    assert_eq!(count("1           /catatonit -P"), 1, "{processes}");

    podman.run(&format!("podman stop {sidecar}"));
    assert!(is_healthy(&server));
    // Not `podman pod stop`: it may stop PID 1 first, and the kernel then kills all others.
    podman.run(&format!("podman stop {server}"));
    for container in [&server, &sidecar] {
        let code = podman.inspect("podman", container, "{{.State.ExitCode}}");
        assert_eq!(code, "0", "{container}");
    }
    podman.run(&format!("podman kube down {file}"));
}
