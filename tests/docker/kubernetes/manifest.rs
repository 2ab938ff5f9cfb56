//! Reads docker/kubernetes.yaml, and runs its pods as far as Docker can.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{env, fs};

use crate::engine::{Container, docker, get, report, root, stdout, unique};
use crate::scratch::IMAGE;

pub(super) fn yaml() -> String {
    fs::read_to_string(root().join("docker/kubernetes.yaml")).unwrap()
}

/// A program of the Python environment that tests/docker/run makes.
fn tool(name: &str) -> Command {
    Command::new(root().join("target/kubernetes/bin").join(name))
}

/// Whether tests/docker/run could install kubernetes-validate. If not, prints that the test is skipped, or fails in CI.
pub(super) fn is_schema_there() -> bool {
    let there = tool("kubernetes-validate").arg("--version").output();
    let there = there.is_ok_and(|output| output.status.success());
    if !there {
        assert!(env::var_os("CI").is_none(), "no kubernetes-validate");
        report("skipped: no kubernetes-validate");
    }
    there
}

/// The output of kubernetes-validate for these files, a line for each document.
pub(super) fn validate(files: &[String]) -> String {
    let directory = env::temp_dir().join(format!("hinit-test-{}", unique()));
    fs::create_dir(&directory).unwrap();
    let names = (0..files.len()).map(|number| format!("{number}.yaml"));
    for (name, file) in names.clone().zip(files) {
        fs::write(directory.join(name), file).unwrap();
    }
    let output = tool("kubernetes-validate")
        .arg("--strict")
        .args(names)
        .current_dir(&directory)
        .output();
    fs::remove_dir_all(&directory).unwrap();
    let output = output.unwrap();
    let output_text = [output.stdout, output.stderr].concat();
    String::from_utf8(output_text).unwrap()
}

/// The values of the file, each with its path, in the order of the file.
pub(super) struct Manifest {
    leaves: Vec<(String, String)>,
}

impl Manifest {
    pub(super) fn read() -> Self {
        let mut python = tool("python")
            .arg(root().join("tests/docker/leaves.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = python.stdin.take().unwrap();
        stdin.write_all(yaml().as_bytes()).unwrap();
        drop(stdin);
        let output = python.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let leaves = stdout(&output);
        let leaves = leaves.lines().map(|line| line.split_once('\t').unwrap());
        let leaves = leaves.map(|(path, value)| (path.to_owned(), value.to_owned()));
        Self {
            leaves: leaves.collect(),
        }
    }

    pub(super) fn get(&self, path: &str) -> &str {
        let leaf = self.leaves.iter().find(|(at, _)| at == path);
        let value = leaf.map(|(_, value)| value.as_str());
        assert!(value.is_some(), "{path} is missing");
        value.unwrap()
    }

    /// The items of the list at this path.
    fn list(&self, path: &str) -> Vec<&str> {
        let leaves = self.leaves.iter();
        let items = leaves.filter(|(at, _)| Path::new(at).parent() == Some(Path::new(path)));
        items.map(|(_, value)| value.as_str()).collect()
    }

    /// A pod of this Deployment, which the Service of the same name selects.
    pub(super) fn pod<'a>(&'a self, deployment: &'a str) -> Pod<'a> {
        Pod {
            manifest: self,
            deployment,
        }
    }
}

#[derive(Clone, Copy)]
pub(super) struct Pod<'a> {
    manifest: &'a Manifest,
    deployment: &'a str,
}

impl<'a> Pod<'a> {
    fn path(&self, field: &str) -> String {
        let deployment = self.deployment;
        format!("Deployment/{deployment}/spec/template/spec/{field}")
    }

    pub(super) fn get(&self, field: &str) -> &'a str {
        self.manifest.get(&self.path(field))
    }

    fn list(&self, field: &str) -> Vec<&'a str> {
        self.manifest.list(&self.path(field))
    }

    /// The command line of its container.
    pub(super) fn command(&self) -> Vec<&'a str> {
        let [command, args] =
            ["command", "args"].map(|field| self.list(&format!("containers/0/{field}")));
        [command, args].concat()
    }

    /// The value of an option of hinit.
    pub(super) fn option(&self, name: &str) -> &'a str {
        let command = self.command();
        let mut arguments = command.iter().skip_while(|argument| **argument != name);
        arguments.nth(1).unwrap()
    }

    pub(super) fn seconds_of(&self, option: &str) -> Duration {
        let value = self.option(option).strip_suffix('s').unwrap();
        Duration::from_secs(value.parse().unwrap())
    }

    /// The number of a port of its container.
    pub(super) fn port(&self, name: &str) -> &'a str {
        let mut named = self.manifest.leaves.iter().filter_map(|(at, value)| {
            let port = at.strip_suffix("/name")?;
            let is_ours = port.starts_with(&self.path("containers/0/ports/"));
            (is_ours && value == name).then_some(port)
        });
        let port = named.next().unwrap();
        self.manifest.get(&format!("{port}/containerPort"))
    }

    /// Runs the container with this command, and the user and capabilities of the pod. Its server is ready after a HUP.
    pub(super) fn run(self, command: &[&str]) -> Running<'a> {
        let user = self.get("securityContext/runAsUser");
        assert_eq!(self.get("securityContext/runAsNonRoot"), "True");
        let container = |field| self.get(&format!("containers/0/securityContext/{field}"));
        assert_eq!(container("readOnlyRootFilesystem"), "True");
        assert_eq!(container("allowPrivilegeEscalation"), "False");
        let dropped = container("capabilities/drop/0");

        let (program, args) = command.split_first().unwrap();
        let options = [
            &["--no-healthcheck", "--env", "READY_AFTER=1"][..],
            // With such a timeout each check completes on a slow machine.
            &["--env", "HINIT_TIMEOUT=30s"],
            &["--read-only", "--security-opt", "no-new-privileges"],
            &["--user", user, "--cap-drop", dropped],
            &["--entrypoint", program],
        ];
        let container = Container::start(&IMAGE, &options.concat(), args);
        let ip = container.inspect("{{.NetworkSettings.IPAddress}}");
        Running {
            pod: self,
            container,
            ip,
        }
    }
}

pub(super) struct Running<'a> {
    pod: Pod<'a>,
    pub(super) container: Container,
    ip: String,
}

impl Running<'_> {
    pub(super) fn address(&self, port: &str) -> String {
        format!("{}:{port}", self.ip)
    }

    /// Whether its server answers at the port to which the Service sends requests.
    pub(super) fn serves(&self) -> bool {
        let service = format!("Service/{}/spec/ports/0/targetPort", self.pod.deployment);
        let port = self.pod.port(self.pod.manifest.get(&service));
        let answer = get(&self.address(port), "/");
        answer.is_some_and(|answer| answer.contains("demo-server: PID "))
    }

    /// The status of the answer to this probe.
    pub(super) fn http_probe(&self, name: &str) -> String {
        let field = |field| {
            self.pod
                .get(&format!("containers/0/{name}Probe/httpGet/{field}"))
        };
        let address = self.address(self.pod.port(field("port")));
        let answer = get(&address, field("path")).unwrap();
        let (status, _) = answer.split_once("\r\n").unwrap();
        status.strip_prefix("HTTP/1.1 ").unwrap().to_owned()
    }

    /// The exit code and the output of this probe.
    pub(super) fn exec_probe(&self, name: &str) -> (i32, String) {
        let command = self
            .pod
            .list(&format!("containers/0/{name}Probe/exec/command"));
        let output = self.container.exec(&command);
        (output.status.code().unwrap(), stdout(&output))
    }

    /// Stops it with the grace period of the pod.
    pub(super) fn stop(&self) {
        let time = self.pod.get("terminationGracePeriodSeconds");
        docker(["stop", "--time", time, &self.container.name]);
    }
}
