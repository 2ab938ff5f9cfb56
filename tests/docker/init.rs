//! An engine whose `--init` is hinit, and images that copy hinit from its image.

use crate::engine::{eventually, stdout};
use crate::sandbox;

#[test]
fn an_image_copies_hinit_from_the_image_of_hinit() {
    let Some(docker) = sandbox::docker(&[]) else {
        return;
    };
    // The lines of the guides, except those about the server.
    let dockerfile = "FROM scratch
COPY --from=hinit /hinit /hinit
COPY demo-server /
USER 10001
ENTRYPOINT [\"/hinit\", \"--\"]
CMD [\"/demo-server\"]
HEALTHCHECK --interval=1s CMD [\"/hinit\", \"healthcheck\"]";
    docker.build("docker", "copies", dockerfile);
    docker.run("docker run --detach --name copies copies");
    eventually("it is healthy", || {
        let health = docker.inspect("docker", "copies", "{{.State.Health.Status}}");
        (health == "healthy").then_some(())
    });
    docker.run("docker stop copies");
    assert_eq!(
        docker.inspect("docker", "copies", "{{.State.ExitCode}}"),
        "0"
    );

    let help = docker.run("docker run --rm hinit");
    assert!(help.contains("usage: hinit"), "{help}");
}

#[test]
fn the_engine_reads_the_version_of_hinit_as_its_init() {
    let Some(docker) = sandbox::docker(&[]) else {
        return;
    };
    let info = docker.run("docker info --format {{.InitBinary}}:{{.InitCommit.ID}}");
    assert_eq!(info, "/run/as/docker-init:hinit");
    let version = docker.run("docker version");
    assert!(version.contains("docker-init:\n  Version:          0.19.0\n"));
}

#[test]
fn as_the_engines_init_hinit_runs_the_server_and_forwards_signals() {
    let Some(docker) = sandbox::docker(&[]) else {
        return;
    };
    let run = "docker run --init --entrypoint";
    docker.run(&format!(
        "{run} /demo-server --detach --name below my-server"
    ));
    let init = docker.inspect("docker", "below", "{{.State.Pid}}");
    let processes = docker.run("docker top below -o pid,ppid,args");
    let processes = processes.lines().skip(1).map(|line| {
        let words = line.split_whitespace().collect::<Vec<_>>();
        words.join(" ")
    });
    let processes = processes.collect::<Vec<_>>().join("\n");
    assert!(processes.starts_with(&format!("{init} ")), "{processes}");
    assert!(processes.contains(" /sbin/docker-init -- /demo-server\n"));
    assert!(processes.ends_with(&format!(" {init} /demo-server")));

    eventually("it listens", || {
        let logs = docker.logs("docker", "below");
        logs.contains("listening on").then_some(())
    });
    docker.run("docker kill --signal HUP below");
    eventually("a reload", || {
        let logs = docker.logs("docker", "below");
        logs.contains("reloaded (1)").then_some(())
    });
    docker.run("docker stop below");
    assert_eq!(
        docker.inspect("docker", "below", "{{.State.ExitCode}}"),
        "0"
    );

    // The message is hinit's, the exit code is that of tini.
    let nothing = docker.output(&format!("{run} /nothing --rm my-server"));
    assert_eq!(nothing.status.code(), Some(127));
    let stderr = String::from_utf8_lossy(&nothing.stderr);
    assert!(
        stderr.starts_with("hinit: cannot run `/nothing`"),
        "{stderr}"
    );
    assert_eq!(stdout(&nothing), "");
}
