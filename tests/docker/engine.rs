//! The engine, its images and its containers.

use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Output, Stdio};
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};
use std::{env, fs, mem};

/// The project's directory.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Whether an engine answers. If not, prints that the test is skipped, or fails in CI.
pub(crate) fn is_there() -> bool {
    let there = Command::new("docker")
        .arg("info")
        .output()
        .is_ok_and(|info| info.status.success());
    if !there {
        assert!(env::var_os("CI").is_none(), "no Docker engine answers");
        report("skipped: no Docker engine answers");
    }
    there
}

/// Prints a line in one write, also for a test that passes (`eprintln!` is captured).
pub(crate) fn report(line: &str) {
    let thread = thread::current();
    let line = format!("{}: {line}\n", thread.name().unwrap_or_default());
    let _ = io::stderr().write_all(line.as_bytes());
}

/// Polls until there is an answer. The timeout is far above the time that any test needs.
pub(crate) fn eventually<T>(what: &str, mut answer: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        if let Some(answer) = answer() {
            return answer;
        }
        assert!(Instant::now() < deadline, "not within a minute: {what}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// Runs `docker ARGS...`, which must succeed, and returns what it prints.
pub(crate) fn docker<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> String {
    let output = Command::new("docker").args(args).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    stdout(&output)
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout)
        .trim_end()
        .to_owned()
}

/// The static binaries of the images, hinit and the demo server, which are built once.
pub(crate) fn binaries() -> [PathBuf; 2] {
    static HINIT: LazyLock<PathBuf> = LazyLock::new(|| {
        let output = Command::new(root().join("docker/build"))
            .arg("--examples")
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        stdout(&output).into()
    });
    [HINIT.clone(), HINIT.with_file_name("examples/demo-server")]
}

/// The image in which Dockerfile.example runs, which has a shell and Python. tests/docker/run makes sure that it exists.
pub(crate) fn python() -> String {
    let example = fs::read_to_string(root().join("Dockerfile.example")).unwrap();
    let stages = example.lines().rev();
    let mut images = stages.filter_map(|line| line.strip_prefix("FROM "));
    images.next().unwrap().to_owned()
}

/// Runs a line of shell with this argument when this process ends. Tests share images and directories, so none of them
/// can remove one.
pub(crate) fn at_the_end(line: &str, argument: impl AsRef<OsStr>) {
    let shell = Command::new("sh")
        .args(["-c", &format!(r#"trap "" INT; read -r _ || {line}"#), "sh"])
        .arg(argument)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    mem::forget(shell.unwrap()); // keeps its stdin open until the end of this process
}

/// An image of this test run.
pub(crate) struct Image {
    pub(crate) tag: String,
}

impl Image {
    /// Builds `dockerfile` of this project with these files as the build context.
    pub(crate) fn build(dockerfile: &str, context: &[&Path]) -> Self {
        let directory = env::temp_dir().join(format!("hinit-test-{}", unique()));
        fs::create_dir(&directory).unwrap();
        for file in context {
            fs::copy(file, directory.join(file.file_name().unwrap())).unwrap();
        }
        let image = Self::try_build(dockerfile, &directory, &[]);
        fs::remove_dir_all(&directory).unwrap();
        image.unwrap()
    }

    /// Builds `dockerfile` in the project's directory, as a user does. Its stage has a tag as well, so that it is
    /// removed in the end.
    pub(crate) fn build_stages(dockerfile: &str, stage: &str) -> Self {
        Self::try_build(dockerfile, root(), &["--target", stage]).unwrap();
        Self::try_build(dockerfile, root(), &[]).unwrap()
    }

    /// Builds `dockerfile`, a path in the project or an absolute one.
    pub(crate) fn try_build(
        dockerfile: &str,
        context: &Path,
        options: &[&str],
    ) -> Result<Self, String> {
        let started = Instant::now();
        let tag = format!("hinit-test-{}", unique());
        let output = Command::new("docker")
            .args(["build", "--quiet", "--tag", &tag, "--file"])
            .arg(root().join(dockerfile))
            .args(options)
            .arg(context)
            .output()
            .unwrap();
        if !output.status.success() {
            return Err(format!("{dockerfile}: {output:?}"));
        }
        report(&format!("built {dockerfile} in {:.1?}", started.elapsed()));
        at_the_end(r#"docker rmi --force "$1""#, &tag);
        Ok(Self { tag })
    }

    /// The files in its layers, read from the archive of `docker save`.
    pub(crate) fn files(&self) -> Vec<String> {
        let directory = env::temp_dir().join(format!("hinit-test-{}", unique()));
        fs::create_dir(&directory).unwrap();
        let script = r#"
            docker save "$1" | tar -x
            grep -o '"Layers":\[[^]]*' manifest.json | grep -o '[^"]*/[^"]*' | while read -r layer; do
                tar -t -f "$layer"
            done"#;
        let output = Command::new("sh")
            .args(["-euc", script, "sh", &self.tag])
            .current_dir(&directory)
            .output();
        fs::remove_dir_all(&directory).unwrap();
        let output = output.unwrap();
        assert!(output.status.success(), "{output:?}");
        let mut files: Vec<_> = stdout(&output).lines().map(str::to_owned).collect();
        files.sort();
        files
    }
}

/// A container of a test, which is removed when it is dropped.
pub(crate) struct Container {
    pub(crate) name: String,
}

impl Container {
    /// Starts a container with a published port 8000 and a health check every second.
    pub(crate) fn run(image: &Image, options: &[&str], command: &[&str]) -> Self {
        let own = ["--publish", "127.0.0.1::8000", "--health-interval", "1s"];
        Self::start(image, &[&own, options].concat(), command)
    }

    /// Starts a container with only these options.
    pub(crate) fn start(image: &Image, options: &[&str], command: &[&str]) -> Self {
        let container = Self {
            name: format!("hinit-test-{}", unique()),
        };
        docker(
            ["run", "--detach", "--name", &container.name]
                .iter()
                .chain(options)
                .chain(&[image.tag.as_str()])
                .chain(command),
        );
        container
    }

    pub(crate) fn exec(&self, command: &[&str]) -> Output {
        self.exec_with(&[], command)
    }

    pub(crate) fn exec_with(&self, options: &[&str], command: &[&str]) -> Output {
        Command::new("docker")
            .arg("exec")
            .args(options)
            .arg(&self.name)
            .args(command)
            .output()
            .unwrap()
    }

    pub(crate) fn inspect(&self, template: &str) -> String {
        docker(["inspect", "--format", template, &self.name])
    }

    pub(crate) fn health(&self) -> String {
        self.inspect("{{.State.Health.Status}}")
    }

    pub(crate) fn becomes(&self, health: &str) {
        eventually(health, || (self.health() == health).then_some(()));
    }

    /// The output of the last health checks, one line each.
    pub(crate) fn verdicts(&self) -> String {
        self.inspect("{{range .State.Health.Log}}{{.Output}}{{end}}")
    }

    /// The output of the container, of both streams.
    pub(crate) fn logs(&self) -> String {
        let output = Command::new("docker").args(["logs", &self.name]).output();
        let Output { stdout, stderr, .. } = output.unwrap();
        String::from_utf8([stdout, stderr].concat()).unwrap()
    }

    pub(crate) fn signal(&self, signal: &str) {
        docker(["kill", "--signal", signal, &self.name]);
    }

    /// Waits for its end, and returns the exit code.
    pub(crate) fn ended(&self) -> i32 {
        eventually("the container ends", || {
            (self.inspect("{{.State.Status}}") == "exited").then_some(())
        });
        self.inspect("{{.State.ExitCode}}").parse().unwrap()
    }

    /// Runs `docker stop`, and returns the exit code, which is 137 after Docker's KILL 10 seconds later.
    pub(crate) fn stop(&self) -> i32 {
        let started = Instant::now();
        docker(["stop", &self.name]);
        report(&format!("docker stop took {:.1?}", started.elapsed()));
        self.ended()
    }

    /// The files in one of its directories. It may have ended.
    pub(crate) fn list(&self, directory: &str) -> String {
        let script = r#"docker cp "$1" - | tar -t"#;
        let from = format!("{}:{directory}", self.name);
        let output = Command::new("sh")
            .args(["-euc", script, "sh", &from])
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        stdout(&output)
    }

    /// The last line of the answer to an HTTP request, if the answer is 200.
    pub(crate) fn get(&self, path: &str) -> Option<String> {
        let address = docker(["port", &self.name, "8000"]);
        let answer = get(address.lines().next()?, path)?;
        answer
            .starts_with("HTTP/1.1 200 OK\r\n")
            .then(|| answer.lines().next_back().map(str::to_owned))?
    }
}

/// The complete answer to a request like the kubelet's, if there is one.
pub(crate) fn get(address: &str, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    let bound = Some(Duration::from_secs(30));
    stream.set_read_timeout(bound).unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nUser-Agent: kube-probe/1.37\r\n\
         Accept: */*\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

impl Drop for Container {
    fn drop(&mut self) {
        if thread::panicking() {
            report(&format!("the container's log:\n{}", self.logs()));
        }
        let _ = Command::new("docker")
            .args(["rm", "--force", "--volumes", &self.name])
            .output();
    }
}

/// A suffix that is unique among all processes and calls.
pub(crate) fn unique() -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{}-{count}", process::id())
}
