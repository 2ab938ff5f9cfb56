//! Engines that belong to the tests, separate from the machine's. So tests can use fixed names and ports and a swarm, and
//! everything is removed at their end.

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
    /// A directory outside of the namespaces, with the files from which images are built.
    context: PathBuf,
}

/// A dockerd with the images `hinit` and `my-server`, and with hinit as its docker-init.
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

/// Whether this user can create a sandbox, and these programs are installed. If not, prints that the test is skipped, or
/// fails in CI.
fn can_run(programs: &[&str]) -> bool {
    let is_there = |program: &&&str| {
        let version = Command::new(program).arg("--version").output();
        version.is_ok_and(|output| output.status.success())
    };
    let missing = if geteuid().is_root() {
        programs.iter().find(|program| !is_there(program)).copied()
    } else {
        Some("root privileges")
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
    // The namespaces end at the end of its stdin, which this process keeps open.
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
    assert_eq!(line, "ready\n", "the sandbox did not start");
    // PID 1 is the child of unshare, which is the child of the script, which is the child of the shell.
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
    /// A command line in the sandbox. The project and /tmp have the same paths as outside.
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

    /// Runs a program, which must succeed, and returns what it prints.
    pub(crate) fn run(&self, line: &str) -> String {
        succeed(&mut self.command(line))
    }

    /// The path of a file in the context.
    pub(crate) fn path_of(&self, name: &str) -> String {
        let file = self.context.join(name);
        file.to_str().unwrap().to_owned()
    }

    /// Writes a file in the context, and returns its path.
    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let file = self.path_of(name);
        fs::write(&file, text).unwrap();
        file
    }

    /// Builds an image of hinit and the demo server; `dockerfile` is a path in the project, or a text.
    pub(crate) fn build(&self, engine: &str, tag: &str, dockerfile: &str) {
        let file = if dockerfile.contains("FROM") {
            self.file(&format!("{tag}.Dockerfile"), dockerfile)
        } else {
            dockerfile.to_owned()
        };
        // Podman's default format has no HEALTHCHECK.
        let format = if engine.contains("podman") {
            " --format docker"
        } else {
            ""
        };
        let context = self.context.display();
        self.run(&format!(
            "{engine} build --quiet{format} --tag {tag} --file {file} {context}"
        ));
    }

    /// The output of `docker inspect`, or Podman's.
    pub(crate) fn inspect(&self, engine: &str, container: &str, template: &str) -> String {
        let mut inspect = self.command(engine);
        succeed(inspect.args(["inspect", "--format", template, container]))
    }

    /// The output of the last health checks of a container of Docker.
    pub(crate) fn verdicts(&self, container: &str) -> String {
        let template = "{{range .State.Health.Log}}{{.Output}}{{end}}";
        self.inspect("docker", container, template)
    }

    /// The output of a container, of both streams.
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
