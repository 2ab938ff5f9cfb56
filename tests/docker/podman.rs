//! hinit under Podman: as an image's init, as Podman's own, in a pod, and as a unit of systemd's.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::thread;
use std::time::Duration;

use crate::engine::{eventually, root};
use crate::sandbox::{self, Sandbox};

#[test]
fn podman_asks_for_the_health_and_stops_the_server() {
    let Some(podman) = sandbox::podman() else {
        return;
    };
    // However slow the machine is, each check comes to a verdict.
    let run = "podman run --detach --network none --env HINIT_TIMEOUT=30s";
    podman.run(&format!("{run} --name plain my-server"));
    eventually("it is healthy", || asks(podman, "plain").then_some(()));
    let status = podman.inspect("podman", "plain", "{{.State.Healthcheck.Status}}");
    assert_eq!(status, "healthy");

    podman.run("podman exec plain /hinit signal STOP");
    assert!(!asks(podman, "plain"));
    let log = "{{range .State.Healthcheck.Log}}{{.Output}};{{end}}";
    let log = podman.inspect("podman", "plain", log);
    assert!(log.ends_with(" is stopped;"), "{log}");
    podman.run("podman exec plain /hinit signal CONT");
    assert!(asks(podman, "plain"));
    stops(podman, "plain");
}

#[test]
fn as_podmans_own_init_it_is_above_the_server_and_above_another_hinit() {
    let Some(podman) = sandbox::podman() else {
        return;
    };
    for name in ["podman-init", "catatonit"] {
        let run = format!("podman run --network none --init --init-path /run/as/{name}");
        let named = format!("{run} --detach --name init-of-{name}");
        podman.run(&format!("{named} --entrypoint /demo-server my-server"));
        let [init, server] = processes(podman, &format!("init-of-{name}"))
            .try_into()
            .unwrap();
        assert_eq!(init, "1 0 /run/podman-init -- /demo-server");
        assert!(server.ends_with(" 1 /demo-server"), "{server}");
        // It is not asked for a PID file, and keeps none.
        let check = format!("podman exec init-of-{name} /hinit healthcheck");
        assert!(!podman.output(&check).status.success());
        stops(podman, &format!("init-of-{name}"));

        let nothing = format!("{run} --rm --entrypoint /nothing my-server");
        let nothing = podman.output(&nothing);
        let said = String::from_utf8_lossy(&nothing.stderr);
        assert!(said.contains("hinit: cannot run `/nothing`"), "{said}");
        assert_eq!(nothing.status.code(), Some(1)); // as catatonit does

        // The image's own is then a subreaper, and has a PID file.
        podman.run(&format!("{named}-twice my-server"));
        let twice = format!("init-of-{name}-twice");
        eventually("it is healthy", || asks(podman, &twice).then_some(()));
        stops(podman, &twice);
    }
}

/// Of docker/kubernetes.yaml Podman can have one pod, for it publishes each port of a container. Of the
/// probes it knows the liveness probe, and needs a shell and curl in the image for that.
#[test]
fn a_pod_as_of_kubernetes_answers_the_kubelets_probes() {
    let Some(podman) = sandbox::podman() else {
        return;
    };
    let yaml = fs::read_to_string(root().join("docker/kubernetes.yaml")).unwrap();
    let (deployment, _) = yaml.split_once("\n---\n").unwrap();
    assert!(deployment.contains("replicas: 2"));
    let file = deployment.replace("replicas: 2", "replicas: 1");
    let file = podman.file("pod.yaml", &file);
    podman.run(&format!("podman kube play {file}"));
    let container = "my-server-pod-0-my-server";

    let hinit = podman.file_of("hinit");
    for path in ["readyz", "livez"] {
        let ask = format!(
            "{hinit} healthcheck --no-pid --http http://127.0.0.1:9101/{path} --timeout 30s"
        );
        eventually(path, || podman.output(&ask).status.success().then_some(()));
    }
    // The pod's own process is hinit too.
    let infra = podman.run("podman pod inspect my-server-pod-0 --format {{.InfraContainerID}}");
    let version = podman.run(&format!("podman exec {infra} /catatonit --version"));
    assert!(version.ends_with(" git.hinit"), "{version}");

    podman.run("podman pod stop --time 60 my-server-pod-0");
    for container in [container, &infra] {
        let code = podman.inspect("podman", container, "{{.State.ExitCode}}");
        assert_eq!(code, "0", "{container}");
    }
    let logs = podman.logs("podman", container);
    assert!(logs.contains("demo-server: stopping\n"), "{logs}");
    podman.run(&format!("podman kube down {file}"));
}

/// docker/my-server.container, as Quadlet has Podman run it.
#[test]
fn a_unit_is_active_when_the_server_is_ready_and_ends_when_it_is_unhealthy() {
    let Some(podman) = sandbox::podman() else {
        return;
    };
    let systemd = podman.file_of("systemd");
    let socket = UnixDatagram::bind(&systemd).unwrap();
    let bound = Some(Duration::from_mins(1));
    socket.set_read_timeout(bound).unwrap();
    fs::set_permissions(&systemd, fs::Permissions::from_mode(0o777)).unwrap();
    let hears = || {
        let mut buffer = [0; 256];
        let length = socket.recv(&mut buffer).unwrap();
        let (message, _) = buffer.split_at(length);
        String::from_utf8(message.to_vec()).unwrap()
    };

    let unit = fs::read_to_string(root().join("docker/my-server.container")).unwrap();
    let (_, unit) = unit.split_once("[Container]\n").unwrap();
    let (unit, _) = unit.split_once("\n[Service]\n").unwrap();
    let settings = unit.lines().filter_map(|line| line.split_once('='));
    let settings = settings.filter(|(key, _)| !key.starts_with('#'));
    let mut options = Vec::new();
    let mut image = Vec::new();
    for (key, value) in settings {
        let option = match key {
            "Image" | "Exec" => {
                image.push(value);
                continue;
            }
            "PodmanArgs" => value.to_owned(),
            "Notify" => "--sdnotify=container".to_owned(),
            "ReadOnly" => "--read-only".to_owned(),
            "NoNewPrivileges" => "--security-opt=no-new-privileges".to_owned(),
            "PublishPort" => format!("--publish={value}"),
            "Environment" => format!("--env={value}"),
            "User" => format!("--user={value}"),
            "DropCapability" => format!("--cap-drop={value}"),
            "HealthCmd" => format!("--health-cmd={value}"),
            "HealthInterval" => format!("--health-interval={value}"),
            "HealthTimeout" => format!("--health-timeout={value}"),
            "HealthRetries" => format!("--health-retries={value}"),
            "HealthOnFailure" => format!("--health-on-failure={value}"),
            _ => String::new(),
        };
        assert_ne!(option, "", "{key}");
        options.push(option);
    }
    let mut run = podman
        .command("podman run --detach --name unit --env=READY_AFTER=1 --env=HINIT_TIMEOUT=30s");
    run.args(options).args(image).env("NOTIFY_SOCKET", &systemd);
    thread::scope(|scope| {
        let run = scope.spawn(|| run.output().unwrap());
        // Podman's own word, and no other before the server is ready.
        let main_pid = hears();
        assert!(main_pid.starts_with("MAINPID="), "{main_pid}");
        eventually("the server listens", || {
            let logs = podman.logs("podman", "unit");
            logs.contains("listening on").then_some(())
        });
        let check = podman.output("podman exec unit /hinit healthcheck --ready");
        assert!(!check.status.success(), "{check:?}");
        socket.set_nonblocking(true).unwrap();
        assert!(socket.recv(&mut [0]).is_err());
        socket.set_nonblocking(false).unwrap();

        podman.run("podman kill --signal HUP unit");
        assert_eq!(hears(), "READY=1");
        let run = run.join().unwrap();
        assert!(run.status.success(), "{run:?}");
    });
    podman.run("podman exec unit /hinit healthcheck --ready");
    assert!(asks(podman, "unit"));

    podman.run("podman exec unit /hinit signal STOP");
    let end = eventually("it is killed", || {
        let _unhealthy = asks(podman, "unit");
        let state = "{{.State.Status}} {{.State.ExitCode}}";
        let state = podman.inspect("podman", "unit", state);
        (!state.starts_with("running ")).then_some(state)
    });
    assert!(end.ends_with(" 137"), "{end}");
}

/// Has Podman run the container's health check, as a timer of systemd's would; whether it is healthy.
fn asks(podman: &Sandbox, container: &str) -> bool {
    let check = podman.output(&format!("podman healthcheck run {container}"));
    check.status.success()
}

/// Podman can have what Docker has for all its containers or for none: another user as the container's root.
#[test]
fn in_a_user_namespace_all_works() {
    let Some(sandbox) = sandbox::podman() else {
        return;
    };
    // A storage of its own: another Podman that starts closes the folders to that user.
    let podman = "podman --root /var/lib/containers/mapped --runroot /run/containers/mapped";
    sandbox.build(podman, "my-server", "docker/demo.Dockerfile");
    let ids = "--uidmap 0:100000:65536 --gidmap 0:100000:65536";
    let run = format!("{podman} run --detach --network none {ids} --name mapped my-server");
    sandbox.run(&run);
    let check = format!("{podman} healthcheck run mapped");
    eventually("it is healthy", || {
        sandbox.output(&check).status.success().then_some(())
    });
    sandbox.run(&format!("{podman} exec mapped /hinit signal HUP"));
    eventually("a reload", || {
        let logs = sandbox.logs(podman, "mapped");
        logs.contains("reloaded (1)").then_some(())
    });
    sandbox.run(&format!("{podman} stop --time 60 mapped"));
    let code = sandbox.inspect(podman, "mapped", "{{.State.ExitCode}}");
    assert_eq!(code, "0");
}

/// The container's processes: PID, parent and command.
fn processes(podman: &Sandbox, container: &str) -> Vec<String> {
    let processes = podman.run(&format!("podman top {container} pid ppid args"));
    let lines = processes.lines().skip(1);
    let lines = lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.collect()
}

fn stops(podman: &Sandbox, container: &str) {
    eventually("it listens", || {
        let logs = podman.logs("podman", container);
        logs.contains("listening on").then_some(())
    });
    podman.run(&format!("podman stop --time 60 {container}"));
    let code = podman.inspect("podman", container, "{{.State.ExitCode}}");
    assert_eq!(code, "0");
    let logs = podman.logs("podman", container);
    assert!(logs.contains("demo-server: stopping\n"), "{logs}");
}
