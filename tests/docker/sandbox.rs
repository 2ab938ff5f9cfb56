//! Engines of the tests' own, apart from the machine's: what is run as a person would run it needs no
//! names, ports or swarm that somebody else could have, and all of it goes with the tests.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::mem;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use nix::unistd::geteuid;

use crate::engine::{binaries, eventually, report, root, stdout};

/// The namespaces that `tests/docker/sandbox` makes.
pub(crate) struct Sandbox {
    /// The PID of their PID 1, as seen from outside.
    init: String,
    /// A directory outside with what images are built of.
    context: PathBuf,
}

/// A dockerd that has two images, `hinit` and `my-server`, and as docker-init: hinit.
pub(crate) fn docker(needed: &[&str]) -> Option<&'static Sandbox> {
    static DOCKER: LazyLock<&Sandbox> = LazyLock::new(|| {
        let sandbox = &*SANDBOX;
        let log = fs::File::create(sandbox.context.join("dockerd.log")).unwrap();
        let dockerd = sandbox
            .command("dockerd --config-file /run/daemon.json")
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn();
        mem::forget(dockerd.unwrap()); // it ends with the sandbox
        eventually("dockerd answers", || {
            let info = sandbox.output("docker info");
            info.status.success().then_some(())
        });
        sandbox.build("docker", "hinit", "docker/Dockerfile");
        sandbox.build("docker", "my-server", "docker/demo.Dockerfile");
        sandbox
    });
    can_run(&[&["dockerd", "docker"], needed].concat()).then(|| *DOCKER)
}

/// Podman, with one image, `my-server`.
pub(crate) fn podman() -> Option<&'static Sandbox> {
    static PODMAN: LazyLock<&Sandbox> = LazyLock::new(|| {
        SANDBOX.build("podman", "my-server", "docker/demo.Dockerfile");
        &SANDBOX
    });
    can_run(&["podman"]).then(|| *PODMAN)
}

/// Whether this user can have a sandbox, and these programs are there. Says so where not; in CI that is a
/// failure.
fn can_run(programs: &[&str]) -> bool {
    let is_there = |program: &&&str| {
        let version = Command::new(program).arg("--version").output();
        version.is_ok_and(|output| output.status.success())
    };
    let missing = if geteuid().is_root() {
        programs.iter().find(|program| !is_there(program)).copied()
    } else {
        Some("right: root's")
    };
    if let Some(missing) = missing {
        assert!(env::var_os("CI").is_none(), "no {missing}");
        report(&format!("skipped: no {missing}"));
    }
    missing.is_none()
}

static SANDBOX: LazyLock<Sandbox> = LazyLock::new(|| {
    let [hinit, server] = binaries();
    let context = env::temp_dir().join(format!("hinit-sandbox-{}", std::process::id()));
    fs::create_dir(&context).unwrap();
    for file in [&hinit, &server] {
        fs::copy(file, context.join(file.file_name().unwrap())).unwrap();
    }
    // The namespaces last as long as its stdin, which is this process's until its end.
    let script = r#""$1" "$2"; rm -r "$3""#;
    let mut shell = Command::new("sh")
        .args(["-c", script, "sh"])
        .args([&root().join("tests/docker/sandbox"), &hinit, &context])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let output = shell.stdout.take().unwrap();
    BufReader::new(output).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n", "the sandbox does not start");
    // The shell, the script, unshare, and its child: PID 1.
    let mut init = shell.id().to_string();
    for _ in 0..3 {
        init = only_child(&init);
    }
    mem::forget(shell);
    Sandbox { init, context }
});

fn only_child(pid: &str) -> String {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    children.unwrap().trim().to_owned()
}

impl Sandbox {
    /// A program in it, by its words. Paths of the project and of /tmp are those outside.
    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new("nsenter");
        command
            .args(["--target", &self.init, "--mount", "--net", "--pid"])
            .arg(format!("--wdns={}", root().display()))
            .args(line.split(' '))
            .env_remove("DOCKER_HOST")
            .env_remove("DOCKER_CONTEXT")
            .env("CONTAINERS_CONF", "/run/containers.conf")
            .env("CONTAINERS_STORAGE_CONF", "/run/storage.conf");
        command
    }

    pub(crate) fn output(&self, line: &str) -> Output {
        self.command(line).output().unwrap()
    }

    /// Runs a program, which must succeed, and gives what it prints.
    pub(crate) fn run(&self, line: &str) -> String {
        succeed(&mut self.command(line))
    }

    /// The path of a file of the tests' own.
    pub(crate) fn file_of(&self, name: &str) -> String {
        let file = self.context.join(name);
        file.to_str().unwrap().to_owned()
    }

    /// Writes a file of the tests' own.
    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let file = self.file_of(name);
        fs::write(&file, text).unwrap();
        file
    }

    /// Builds an image of hinit and the demo server; `dockerfile` is the project's, or a text.
    pub(crate) fn build(&self, engine: &str, tag: &str, dockerfile: &str) {
        let file = if dockerfile.contains("FROM") {
            self.file(&format!("{tag}.Dockerfile"), dockerfile)
        } else {
            dockerfile.to_owned()
        };
        // Podman's other format has no HEALTHCHECK.
        let format = if engine.starts_with("podman") {
            " --format docker"
        } else {
            ""
        };
        let context = self.context.display();
        self.run(&format!(
            "{engine} build --quiet{format} --tag {tag} --file {file} {context}"
        ));
    }

    /// What `docker inspect` has to say, or Podman's.
    pub(crate) fn inspect(&self, engine: &str, container: &str, template: &str) -> String {
        let mut inspect = self.command(engine);
        succeed(inspect.args(["inspect", "--format", template, container]))
    }

    /// What the last health checks of one of Docker's containers printed.
    pub(crate) fn verdicts(&self, container: &str) -> String {
        let template = "{{range .State.Health.Log}}{{.Output}}{{end}}";
        self.inspect("docker", container, template)
    }

    /// What a container printed, on both streams.
    pub(crate) fn logs(&self, engine: &str, container: &str) -> String {
        let Output { stdout, stderr, .. } = self.output(&format!("{engine} logs {container}"));
        String::from_utf8([stdout, stderr].concat()).unwrap()
    }
}

fn succeed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    stdout(&output)
}
