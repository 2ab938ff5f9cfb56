//! The node, its images, and a namespace of Kubernetes for each test.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{LazyLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::{env, fs, thread};

use crate::engine::{binaries, docker, eventually, report, root, stdout, unique};

/// The images of the node. A tag other than `latest` means that none is pulled.
///
/// `my-server:1` and `hinit:1` are those of the examples. `my-server:never` never gets ready, `bare:1` does not contain
/// hinit, and `fixture:1` contains the fixture and a script whose interpreter does not exist.
static IMAGES: LazyLock<()> = LazyLock::new(|| {
    let [hinit, server] = binaries();
    let fixture = Path::new(env!("CARGO_BIN_EXE_hinit")).with_file_name("examples/fixture");
    let context = env::temp_dir().join(format!("hinit-test-{}", unique()));
    fs::create_dir(&context).unwrap();
    for (name, file) in [
        ("hinit", hinit),
        ("demo-server", server),
        ("fixture", fixture),
    ] {
        fs::copy(file, context.join(name)).unwrap();
    }
    let script = "#!/nothing\n";
    fs::write(context.join("script"), script).unwrap();
    let executable = <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o755);
    fs::set_permissions(context.join("script"), executable).unwrap();

    let of_project = |file| fs::read_to_string(root().join(file)).unwrap();
    for (tag, dockerfile) in [
        ("hinit:1", of_project("docker/Dockerfile")),
        ("my-server:1", of_project("docker/demo.Dockerfile")),
        (
            "my-server:never",
            "FROM my-server:1\nENV READY_AFTER=1".into(),
        ),
        ("bare:1", "FROM scratch\nCOPY demo-server /".into()),
        (
            "fixture:1",
            "FROM my-server:1\nCOPY fixture script /".into(),
        ),
    ] {
        let file = context.join("Dockerfile");
        fs::write(&file, dockerfile).unwrap();
        docker(["build", "--quiet", "--tag", tag, context.to_str().unwrap()]);
    }
    fs::remove_dir_all(context).unwrap();
});

/// A test that changes the node itself has it alone.
static NODE: RwLock<()> = RwLock::new(());

/// The use of the node, with other tests or without.
#[expect(dead_code, reason = "only held")]
enum Use {
    Shared(RwLockReadGuard<'static, ()>),
    Alone(RwLockWriteGuard<'static, ()>),
}

/// A namespace of Kubernetes, which is deleted when it is dropped.
pub(crate) struct Namespace {
    name: String,
    _use: Use,
}

impl Namespace {
    pub(crate) fn new() -> Self {
        let node = NODE.read().unwrap_or_else(PoisonError::into_inner);
        Self::with(Use::Shared(node))
    }

    /// A namespace of the only test that uses the node.
    pub(crate) fn alone() -> Self {
        let node = NODE.write().unwrap_or_else(PoisonError::into_inner);
        Self::with(Use::Alone(node))
    }

    fn with(node: Use) -> Self {
        LazyLock::force(&IMAGES);
        let name = format!("test-{}", unique());
        succeed(Command::new("kubectl").args(["create", "namespace", &name]));
        Self { name, _use: node }
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new("kubectl");
        command
            .args(["--namespace", &self.name])
            .args(line.split(' '));
        command
    }

    /// Runs `kubectl LINE`.
    pub(crate) fn output(&self, line: &str) -> Output {
        self.command(line).stdin(Stdio::null()).output().unwrap()
    }

    /// Runs `kubectl LINE`, which must succeed, and returns what it prints.
    pub(crate) fn kubectl(&self, line: &str) -> String {
        succeed(&mut self.command(line))
    }

    /// Starts `kubectl LINE`, whose lines are read while it runs.
    pub(crate) fn start(&self, line: &str) -> Lines {
        let mut kubectl = self.command(line);
        let mut kubectl = kubectl
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(kubectl.stdout.take().unwrap());
        Lines { kubectl, output }
    }

    /// Applies a manifest.
    pub(crate) fn apply(&self, manifest: &str) {
        let mut kubectl = self
            .command("apply --filename -")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut stdin = kubectl.stdin.take().unwrap();
        stdin.write_all(manifest.as_bytes()).unwrap();
        drop(stdin);
        assert!(kubectl.wait().unwrap().success(), "{manifest}");
    }

    /// Applies the documents of an example of this name. Only the images get a tag, by kustomize, as a user does it.
    pub(crate) fn apply_example(&self, file: &str, name: &str) {
        self.apply_image_of_example(file, name, "my-server");
    }

    /// The same with another image for the server.
    pub(crate) fn apply_image_of_example(&self, file: &str, name: &str, image: &str) {
        let yaml = fs::read_to_string(root().join("docker").join(file)).unwrap();
        let named = format!("\n  name: {name}\n");
        let documents = yaml.split("\n---\n").filter(|text| text.contains(&named));
        let documents = documents.collect::<Vec<_>>().join("\n---\n");
        assert!(!documents.is_empty(), "{file}: {name}");
        let directory = env::temp_dir().join(format!("hinit-test-{}", unique()));
        fs::create_dir(&directory).unwrap();
        fs::write(directory.join("example.yaml"), documents).unwrap();
        let kustomization = format!(
            "resources: [example.yaml]\n\
             images:\n\
             - {{name: hinit, newTag: '1'}}\n\
             - {{name: my-server, newName: {image}, newTag: '1'}}\n"
        );
        fs::write(directory.join("kustomization.yaml"), kustomization).unwrap();
        self.kubectl(&format!("apply --kustomize {}", directory.display()));
        fs::remove_dir_all(directory).unwrap();
    }

    /// Waits until all pods of a Deployment are ready and no others are left.
    pub(crate) fn completes(&self, deployment: &str) {
        self.kubectl(&format!(
            "rollout status deployment {deployment} --timeout 3m"
        ));
    }

    /// The names of the pods with this label.
    pub(crate) fn pods(&self, app: &str) -> Vec<String> {
        let pods = self.kubectl(&format!("get pods --selector app={app} --output name"));
        pods.lines().map(str::to_owned).collect()
    }

    /// Waits until a pod has this condition.
    pub(crate) fn waits(&self, condition: &str, what: &str) {
        self.kubectl(&format!("wait --timeout 3m --for {condition} {what}"));
    }

    /// A field of an object, by a path.
    pub(crate) fn get(&self, what: &str, path: &str) -> String {
        self.kubectl(&format!("get {what} --output jsonpath={{{path}}}"))
    }

    /// The state of the pod's first container, such as `lastState.terminated.exitCode`.
    pub(crate) fn container(&self, pod: &str, field: &str) -> String {
        self.get(pod, &format!(".status.containerStatuses[0].{field}"))
    }

    /// Waits until the pod's first container was restarted.
    pub(crate) fn is_restarted(&self, pod: &str) {
        eventually("a restart", || {
            let count = self.container(pod, "restartCount");
            (count.parse::<u32>().ok()? > 0).then_some(())
        });
    }

    /// The messages of the pod's events.
    pub(crate) fn events(&self, pod: &str) -> String {
        let name = pod.trim_start_matches("pod/");
        let selector = format!("--field-selector involvedObject.name={name}");
        self.kubectl(&format!(
            "get events {selector} --output custom-columns=:.message"
        ))
    }

    /// Waits until the message of an event of the pod begins and ends so.
    pub(crate) fn has_event(&self, pod: &str, begin: &str, end: &str) {
        eventually(&format!("an event `{begin}...{end}`"), || {
            let events = self.events(pod);
            let is_it = |event: &str| event.starts_with(begin) && event.ends_with(end);
            events
                .lines()
                .any(|event| is_it(event.trim_end()))
                .then_some(())
        });
    }
}

/// What the log of a container says at its end. The server writes to another stream, whose lines may come later.
pub(crate) fn last_line_of_hinit(log: &str) -> &str {
    let mut lines = log.lines().filter(|line| line.starts_with("hinit: "));
    lines.next_back().unwrap_or_default()
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if thread::panicking() {
            for line in [
                "get pods --output wide",
                "get events --output custom-columns=:.involvedObject.name,:.message",
                "logs --prefix --all-containers --selector app --tail 20",
            ] {
                report(&format!("kubectl {line}\n{}", stdout(&self.output(line))));
            }
        }
        let delete = ["delete", "namespace", "--wait=false", &self.name];
        let _deleted = Command::new("kubectl").args(delete).output();
    }
}

/// The output of a `kubectl` that runs.
pub(crate) struct Lines {
    kubectl: Child,
    output: BufReader<std::process::ChildStdout>,
}

impl Lines {
    /// Waits for its end, and returns all that is left to read.
    pub(crate) fn rest(mut self) -> String {
        let lines = self.by_ref().collect::<Vec<_>>();
        let _reaped = self.kubectl.wait();
        lines.join("\n")
    }
}

impl Iterator for Lines {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        let mut line = String::new();
        let length = self.output.read_line(&mut line).unwrap();
        (length > 0).then(|| line.trim_end().to_owned())
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        let _killed = self.kubectl.kill();
        let _reaped = self.kubectl.wait();
    }
}

fn succeed(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    stdout(&output)
}
