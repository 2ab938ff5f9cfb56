//! Readiness by `sd_notify(3)` in containers: the server reports it, and other processes cannot.

use std::sync::LazyLock;

use crate::engine::{Container, Image, binaries, docker, eventually, python};

static READY: LazyLock<Image> = LazyLock::new(|| {
    let [hinit, server] = binaries();
    Image::build("tests/docker/ready.Dockerfile", &[&hinit, &server])
});

#[test]
fn a_locked_down_container_without_a_network_is_healthy_once_its_server_is_ready() {
    needs_engine!();
    let locked_down = [
        &["--read-only", "--user", "10001", "--cap-drop", "ALL"][..],
        &["--security-opt", "no-new-privileges", "--network", "none"],
        &["--health-interval", "200ms", "--health-retries", "1"],
        &["--env", "READY_AFTER=1", "--env", "HINIT_TIMEOUT=30s"],
    ];
    let container = Container::start(&READY, &locked_down.concat(), &[]);
    eventually("a check finds it not ready", || {
        let verdicts = container.verdicts();
        let is_checked = verdicts.contains(" is not ready yet\n");
        is_checked.then_some(())
    });
    container.becomes("unhealthy");
    let alive = container.exec(&["/hinit", "healthcheck"]);
    assert!(alive.status.success(), "{alive:?}");

    container.signal("HUP");
    container.becomes("healthy");
    let ready = container.exec(&["/hinit", "healthcheck", "--ready"]);
    assert!(ready.status.success(), "{ready:?}");
    assert_eq!(container.stop(), 0);
}

/// The containers of a pod can share a volume, and so the socket.
#[test]
fn a_message_from_outside_the_container_is_ignored() {
    const SEND: &str = "import os, signal, socket
def send():
    name = os.environ['NOTIFY_SOCKET'].replace('@', '\\0', 1)
    socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b'READY=1', name)
";
    needs_engine!();
    let [hinit, _] = binaries();
    let image = Image { tag: python() };
    let volume = format!("{}:/hinit:ro", hinit.display());
    // It prints the name of the socket, and sends READY=1 at a HUP.
    let server = format!(
        "{SEND}
signal.pthread_sigmask(signal.SIG_BLOCK, {{signal.SIGHUP}})
print(os.environ['NOTIFY_SOCKET'], flush=True)
signal.sigwait({{signal.SIGHUP}})
send()
signal.pause()"
    );
    let container = Container::start(
        &image,
        &[
            &["--entrypoint", "/hinit"][..],
            &["--volume", &volume, "--volume", "/run"],
        ]
        .concat(),
        &["--notify", "--", "python3", "-c", &server],
    );
    let socket = eventually("the socket's name", || {
        let logs = container.logs();
        let (name, _) = logs.split_once('\n')?;
        Some(format!("NOTIFY_SOCKET={name}"))
    });
    let is_ready = || {
        let check = container.exec(&["/hinit", "healthcheck", "--ready"]);
        check.status.success()
    };

    let (name, tag) = (&container.name, &image.tag);
    let send = format!("{SEND}send()");
    let beside = format!("run --rm --volumes-from {name} --env {socket} {tag} python3 -c");
    docker(beside.split(' ').chain([send.as_str()]));
    let line = "hinit: ignored a notify message from outside the container\n";
    eventually(line, || container.logs().contains(line).then_some(()));
    assert!(!is_ready());

    // A process of another user. (An exited process of the server's user cannot be distinguished from a descendant of
    // the server, so its messages are accepted.)
    let inside = format!("exec --user 4242 --env {socket} {name} python3 -c");
    docker(inside.split(' ').chain([send.as_str()]));
    assert!(!is_ready());

    container.signal("HUP");
    eventually("it is ready", || is_ready().then_some(()));
}
