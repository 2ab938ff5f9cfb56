//! docker/my-server.container under a real systemd: Quadlet makes the unit, and systemd's timers check the health.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::{env, fs};

use crate::engine::{binaries, eventually, root, stdout};

/// The namespaces that `tests/engines/systemd` makes.
struct Systemd {
    script: Child,
    init: String,
}

impl Systemd {
    fn boot() -> Self {
        let mut script = Command::new(root().join("tests/engines/systemd"))
            .arg(env::var_os("HINIT_CGROUP").unwrap())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut init = String::new();
        let mut output = BufReader::new(script.stdout.take().unwrap());
        output.read_line(&mut init).unwrap();
        assert!(init.ends_with('\n'), "systemd did not boot");
        let init = init.trim_end().to_owned();
        Self { script, init }
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new("nsenter");
        command
            .args(["--target", &self.init, "--mount", "--pid", "--cgroup"])
            .args(line.split(' '));
        command
    }

    fn run(&self, line: &str) -> String {
        let output = self.command(line).output().unwrap();
        assert!(output.status.success(), "{line}: {output:?}");
        stdout(&output)
    }

    /// One property of the unit.
    fn property(&self, name: &str) -> String {
        self.run(&format!(
            "systemctl show --value --property {name} my-server"
        ))
    }

    fn journal(&self) -> String {
        self.run("journalctl --unit my-server --output cat --no-pager")
    }

    /// The server is ready after its first reload.
    fn reload(&self, lives: usize) {
        eventually("the server listens", || {
            let journal = self.journal();
            (journal.matches("demo-server: listening on").count() == lives).then_some(())
        });
        assert_eq!(self.property("ActiveState"), "activating");
        self.run("podman kill --signal HUP systemd-my-server");
        eventually("the unit is active", || {
            (self.property("ActiveState") == "active").then_some(())
        });
    }
}

impl Drop for Systemd {
    fn drop(&mut self) {
        if std::thread::panicking() {
            crate::engine::report(&self.journal());
        }
        drop(self.script.stdin.take());
        let _reaped = self.script.wait();
    }
}

#[test]
fn the_unit_is_active_when_ready_restarts_when_unhealthy_and_stops() {
    let systemd = Systemd::boot();
    let [hinit, server] = binaries();
    let context = env::temp_dir().join("quadlet");
    let units = env::temp_dir().join("units");
    fs::create_dir_all(&context).unwrap();
    for file in [&hinit, &server] {
        fs::copy(file, context.join(file.file_name().unwrap())).unwrap();
    }
    systemd.run(&format!(
        "podman build --quiet --format docker --tag my-server --file {} {}",
        root().join("docker/demo.Dockerfile").display(),
        context.display()
    ));

    // The example as it is, and a drop-in with shorter times. With such timeouts each check completes on a slow machine.
    fs::create_dir_all(units.join("my-server.container.d")).unwrap();
    let example = root().join("docker/my-server.container");
    fs::copy(example, units.join("my-server.container")).unwrap();
    fs::write(
        units.join("my-server.container.d/test.conf"),
        "[Container]\nEnvironment=READY_AFTER=1 HINIT_TIMEOUT=30s\nHealthInterval=1s\nHealthTimeout=60s\n",
    )
    .unwrap();
    systemd.run(&format!(
        "cp --recursive {} /run/containers/systemd",
        units.display()
    ));
    let generated = systemd
        .command("/usr/libexec/podman/quadlet -dryrun")
        .output()
        .unwrap();
    assert!(generated.status.success(), "{generated:?}");
    systemd.run("systemctl daemon-reload");
    systemd.run("systemctl start --no-block my-server");
    systemd.reload(1);

    let health = || {
        let format = "podman inspect --format {{.State.Health.Status}} systemd-my-server";
        systemd.run(format)
    };
    eventually("a timer checks its health", || {
        (health() == "healthy").then_some(())
    });
    assert_eq!(systemd.property("NRestarts"), "0");
    systemd.run("podman exec systemd-my-server /hinit signal STOP");
    eventually("systemd restarts it", || {
        (systemd.property("NRestarts") == "1").then_some(())
    });
    systemd.reload(2);

    systemd.run("systemctl stop my-server");
    assert_eq!(systemd.property("Result"), "success");
    assert_eq!(systemd.property("ExecMainStatus"), "0");
    let journal = systemd.journal();
    let line = "hinit: SIGTERM from outside the container; the server ended ";
    assert!(journal.contains(line), "{journal}");
}
