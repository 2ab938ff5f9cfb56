//! hinit under Podman: as the init of an image, as Podman's `--init`, in a pod, and as a unit of systemd.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::thread;
use std::time::Duration;

use crate::engine::{eventually, root};
use crate::sandbox::{self, Sandbox};

#[test]
fn podman_checks_the_health_and_stops_the_server() {
    let Some(podman) = sandbox::podman() else {
        return;
    };
    // With such a timeout each check completes on a slow machine.
    let run = "podman run --detach --network none --env HINIT_TIMEOUT=30s";
    podman.run(&format!("{run} --name plain my-server"));
    eventually("it is healthy", || {
        is_healthy(podman, "plain").then_some(())
    });
    let status = podman.inspect("podman", "plain", "{{.State.Healthcheck.Status}}");
    assert_eq!(status, "healthy");

    podman.run("podman exec plain /hinit signal STOP");
    assert!(!is_healthy(podman, "plain"));
    let log = "{{range .State.Healthcheck.Log}}{{.Output}};{{end}}";
    let log = podman.inspect("podman", "plain", log);
    // Newer versions keep the end of the line.
    let last = log.trim_end_matches(['\n', ';']);
    assert!(last.ends_with(" is suspended"), "{log}");
    podman.run("podman exec plain /hinit signal CONT");
    assert!(is_healthy(podman, "plain"));
    stops(podman, "plain");
}

#[test]
fn as_podmans_init_hinit_runs_the_server_or_another_hinit() {
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
        // Podman does not request a PID file, so there is none.
        let check = format!("podman exec init-of-{name} /hinit healthcheck");
        assert!(!podman.output(&check).status.success());
        stops(podman, &format!("init-of-{name}"));

        let nothing = format!("{run} --rm --entrypoint /nothing my-server");
        let nothing = podman.output(&nothing);
        let stderr = String::from_utf8_lossy(&nothing.stderr);
        assert!(stderr.contains("hinit: cannot run `/nothing`"), "{stderr}");
        assert_eq!(nothing.status.code(), Some(1)); // as catatonit does

        // The hinit of the image is then a subreaper, and has a PID file.
        podman.run(&format!("{named}-twice my-server"));
        let twice = format!("init-of-{name}-twice");
        eventually("it is healthy", || is_healthy(podman, &twice).then_some(()));
        stops(podman, &twice);
    }
}

/// Podman runs only one pod of docker/kubernetes.yaml, because it publishes the port of a container. It supports only the
/// liveness probe, and needs a shell and curl in the image for that, so the test sends the probes.
#[test]
fn a_kubernetes_pod_answers_the_probes_of_a_kubelet() {
    let Some(podman) = sandbox::podman() else {
        return;
    };
    let yaml = fs::read_to_string(root().join("docker/kubernetes.yaml")).unwrap();
    let (deployment, _) = yaml.split_once("\n---\n").unwrap();
    assert!(deployment.contains("replicas: 2"));
    let file = deployment.replace("replicas: 2", "replicas: 1");
    // Since Podman 5 only a port of the host is published.
    let port = "containerPort: 9101";
    assert!(file.contains(port));
    let file = file.replace(port, &format!("{port}, hostPort: 9101"));
    let file = podman.file("pod.yaml", &file);
    podman.run(&format!("podman kube play {file}"));
    // Its number, by which the replicas differed, is gone since Podman 5.
    let pod = podman.run("podman pod ps --format {{.Name}}");
    let container = format!("{pod}-my-server");

    let hinit = podman.path_of("hinit");
    for path in ["readyz", "livez"] {
        let check = format!(
            "{hinit} healthcheck --no-pid --http http://127.0.0.1:9101/{path} --timeout 30s"
        );
        eventually(path, || {
            podman.output(&check).status.success().then_some(())
        });
    }
    // The pause process of the pod is hinit too.
    let infra = podman.run(&format!(
        "podman pod inspect {pod} --format {{{{.InfraContainerID}}}}"
    ));
    let version = podman.run(&format!("podman exec {infra} /catatonit --version"));
    assert!(version.ends_with(" git.hinit"), "{version}");

    podman.run(&format!("podman pod stop --time 60 {pod}"));
    for container in [&container, &infra] {
        let code = podman.inspect("podman", container, "{{.State.ExitCode}}");
        assert_eq!(code, "0", "{container}");
    }
    let logs = podman.logs("podman", &container);
    assert!(logs.contains("demo-server: stopping\n"), "{logs}");
    podman.run(&format!("podman kube down {file}"));
}

/// docker/my-server.container, with the options that Quadlet passes to Podman.
#[test]
fn a_unit_is_active_when_the_server_is_ready_and_ends_when_the_server_is_unhealthy() {
    let Some(podman) = sandbox::podman() else {
        return;
    };
    let systemd = podman.path_of("systemd");
    let socket = UnixDatagram::bind(&systemd).unwrap();
    let bound = Some(Duration::from_mins(1));
    socket.set_read_timeout(bound).unwrap();
    fs::set_permissions(&systemd, fs::Permissions::from_mode(0o777)).unwrap();
    let receive = || {
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
        // The only message before the server is ready is from Podman.
        let main_pid = receive();
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
        assert_eq!(receive(), "READY=1");
        let run = run.join().unwrap();
        assert!(run.status.success(), "{run:?}");
    });
    podman.run("podman exec unit /hinit healthcheck --ready");
    assert!(is_healthy(podman, "unit"));

    podman.run("podman exec unit /hinit signal STOP");
    let end = eventually("it is killed", || {
        let _unhealthy = is_healthy(podman, "unit");
        let state = "{{.State.Status}} {{.State.ExitCode}}";
        let state = podman.inspect("podman", "unit", state);
        (!state.starts_with("running ")).then_some(state)
    });
    assert!(end.ends_with(" 137"), "{end}");
}

/// Has Podman run the container's health check, as a timer of systemd does. Returns whether it is healthy.
fn is_healthy(podman: &Sandbox, container: &str) -> bool {
    let check = podman.output(&format!("podman healthcheck run {container}"));
    check.status.success()
}

/// Another user as the root of one container. Docker has that only for all containers or for none.
#[test]
fn in_a_user_namespace_checks_signals_and_a_stop_work() {
    let Some(sandbox) = sandbox::podman() else {
        return;
    };
    // With a separate storage, because another Podman resets the permissions of the directories at its start.
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
