//! Environments that lack something that hinit uses. It runs there, or prints in one line why not.

use std::env;
use std::fs;
use std::path::PathBuf;

use crate::engine::{Container, Image, binaries, eventually, python, stdout, unique};
use crate::scratch::IMAGE;

/// A seccomp profile with which some system calls fail with ENOSYS.
struct Profile(PathBuf);

impl Profile {
    fn without(calls: &[&str]) -> Self {
        let file = env::temp_dir().join(format!("hinit-test-{}.json", unique()));
        let rule = format!(r#"{{"names": {calls:?}, "action": "SCMP_ACT_ERRNO", "errnoRet": 38}}"#);
        let profile = format!(r#"{{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{rule}]}}"#);
        fs::write(&file, profile).unwrap();
        Self(file)
    }

    fn start(&self) -> Container {
        let option = format!("seccomp={}", self.0.display());
        let options = ["--security-opt", &option, "--health-interval", "1s"];
        Container::start(&IMAGE, &options, &[])
    }
}

impl Drop for Profile {
    fn drop(&mut self) {
        let _removed = fs::remove_file(&self.0);
    }
}

fn listens(container: &Container) {
    eventually("it listens", || {
        container.logs().contains("listening on").then_some(())
    });
}

#[test]
fn without_pidfd_open_signals_are_sent_to_the_pid() {
    needs_engine!();
    let profile = Profile::without(&["pidfd_open"]);
    let container = profile.start();
    listens(&container);
    container.becomes("healthy");
    let signal = container.exec(&["/hinit", "signal", "HUP"]);
    assert!(signal.status.success(), "{signal:?}");
    eventually("a reload", || {
        container.logs().contains("reloaded (1)").then_some(())
    });
    assert_eq!(container.stop(), 0);
}

#[test]
fn without_signalfd_hinit_does_not_launch_and_prints_why() {
    needs_engine!();
    // libc falls back to the older system call.
    let profile = Profile::without(&["signalfd4"]);
    let container = profile.start();
    listens(&container);
    assert_eq!(container.stop(), 0);

    let profile = Profile::without(&["signalfd4", "signalfd"]);
    let container = profile.start();
    assert_eq!(container.ended(), 125);
    assert_eq!(
        container.logs(),
        "hinit: cannot open `signalfd`: Function not implemented\n"
    );
}

#[test]
fn without_proc_the_server_runs_and_is_alive() {
    needs_engine!();
    let [hinit, server] = binaries();
    let [hinit, server] = [(hinit, "/hinit"), (server, "/demo-server")]
        .map(|(from, to)| format!("{}:{to}:ro", from.display()));
    let options = [
        &["--cap-add", "SYS_ADMIN", "--entrypoint", "sh"][..],
        &["--security-opt", "apparmor=unconfined"],
        &["--volume", &hinit, "--volume", &server],
    ];
    // The check runs in the same script, because `docker exec` needs /proc.
    let script = "umount -l /proc && exec /hinit -- sh -c \
        'until /hinit healthcheck; do :; done; sleep 1000 & exec /demo-server'";
    let container = Container::start(&Image { tag: python() }, &options.concat(), &["-c", script]);
    listens(&container);
    assert_eq!(container.stop(), 0);
    let logs = container.logs();
    assert!(logs.contains("healthy: process "), "{logs}");
    assert!(logs.contains(" is alive (state unknown)\n"), "{logs}");
    let line = "hinit: cannot see which processes the server left: /proc belongs to another PID namespace\n";
    assert!(logs.contains(line), "{logs}");
}

/// hinit is not PID 1 in another container's PID namespace, nor in that of the machine.
#[test]
fn in_a_shared_pid_namespace_hinit_adopts_and_stops_only_its_own_processes() {
    needs_engine!();
    let [hinit, _] = binaries();
    let first = Container::start(&IMAGE, &["--no-healthcheck"], &[]);
    let check = || stdout(&first.exec(&["/hinit", "healthcheck", "--timeout", "30s"]));
    let is_healthy = || check().starts_with("healthy: ").then(check);
    let healthy = eventually("the first is healthy", is_healthy);
    let volume = format!("{}:/hinit:ro", hinit.display());
    for pid in [&format!("container:{}", first.name), "host"] {
        let options = [
            &["--pid", pid, "--volume", &volume, "--entrypoint", "/hinit"][..],
            &[
                "--health-cmd",
                "/hinit healthcheck",
                "--health-interval",
                "1s",
            ],
        ];
        let server = "sh -c 'sleep 1000 & echo orphan $!'; trap 'exit 3' TERM; \
            echo server $$; while :; do sleep 1000 & wait $!; done";
        let second = Container::start(
            &Image { tag: python() },
            &options.concat(),
            &["--", "sh", "-c", server],
        );
        second.becomes("healthy");
        let pid_of = |name| {
            eventually(name, || {
                let logs = second.logs();
                let line = logs.lines().find_map(|line| line.strip_prefix(name))?;
                Some(line.trim().to_owned())
            })
        };
        let parent_of = |pid: &str| {
            let status = format!("/proc/{pid}/status");
            let parent = second.exec(&["sed", "-n", "s/^PPid:\\t//p", &status]);
            stdout(&parent)
        };
        let [orphan, server] = ["orphan ", "server "].map(pid_of);
        let hinit = parent_of(&server);
        assert_ne!(hinit, "1");
        assert_eq!(parent_of(&orphan), hinit);

        assert_eq!(second.stop(), 3);
        let logs = second.logs();
        assert!(!logs.contains("killed"), "{logs}");
        assert_eq!(check(), healthy);
    }
    assert_eq!(first.stop(), 0);
}
