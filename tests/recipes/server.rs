//! The container of a recipe, and the steps of its course.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use crate::engine::{Container, Image, docker, eventually, report, root, stdout};
use crate::recipe::{Recipe, Reload, Stopped};
use crate::work::Outside;

pub(crate) struct Server {
    pub(crate) recipe: Recipe,
    container: Container,
    outside: Outside,
    stop_time: OnceLock<Duration>,
}

/// Builds the image of this Dockerfile. It is kept, because Debian's packages take longer than everything else.
pub(crate) fn build(name: &str, tag: &str, dockerfile: &str) -> Image {
    let started = Instant::now();
    let mut build = Command::new("docker")
        .args(["build", "--network=host", "--tag", tag, "--file=-"])
        .arg(root().join("docker/recipes").join(name))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let input = build.stdin.take().unwrap();
    { input }.write_all(dockerfile.as_bytes()).unwrap();
    let output = build.wait_with_output().unwrap();
    assert!(output.status.success(), "{name}: {output:?}");
    report(&format!("built in {:.1?}", started.elapsed()));
    let tag = tag.to_owned();
    Image { tag }
}

impl Server {
    pub(crate) fn start(image: &Image, recipe: Recipe) -> Self {
        let outside = recipe.work.outside();
        let confinement = [
            "--read-only",
            "--cap-drop=ALL",
            "--security-opt=no-new-privileges",
        ];
        let mut options = vec!["--health-interval=1s", "--health-retries=1"];
        if recipe.confined {
            options.extend(confinement);
        }
        options.extend(recipe.options);
        options.extend(outside.options.iter().map(String::as_str));
        let container = Container::start(image, &options, &[]);
        Self {
            recipe,
            container,
            outside,
            stop_time: OnceLock::new(),
        }
    }

    pub(crate) fn is_healthy(&self) {
        self.becomes("healthy", self.recipe.healthy);
    }

    pub(crate) fn has_its_user(&self) {
        let pid = self.pid();
        let user = self.shell(&format!(
            r#"uid=$(sed -n 's/^Uid:\t\([0-9]*\).*/\1/p' /proc/{pid}/status)
            getent passwd "$uid" | cut -d : -f 1 | grep . || echo "$uid""#
        ));
        assert_eq!(user, self.recipe.user, "the user");
    }

    pub(crate) fn is_unhealthy_while_stopped(&self) {
        let pids = match self.recipe.stopped {
            Stopped::Server => vec![self.pid()],
            Stopped::Workers => self.workers(),
            Stopped::Named(name) => self.processes(&format!("Name:\t{name}")),
        };
        self.kill("STOP", &pids);
        self.becomes("unhealthy", self.recipe.unhealthy);
        self.kill("CONT", &pids);
        self.is_healthy();
    }

    /// A firewall refuses new connections, because most servers cannot close their ports without ending.
    pub(crate) fn is_unhealthy_while_closed(&self) {
        if !self.recipe.has_port {
            return;
        }
        self.firewall("--insert");
        self.becomes("unhealthy", " cannot be reached: Connection refused after ");
        self.firewall("--delete");
        self.is_healthy();
    }

    pub(crate) fn reloads(&self) {
        match self.recipe.reload {
            Reload::None => {}
            Reload::Workers(signal) => {
                let before = self.workers();
                self.container.signal(signal);
                eventually("it has replaced workers", || {
                    let now = self.workers();
                    (now != before && now.len() == before.len()).then_some(())
                });
            }
            Reload::Log(signal, text) => {
                self.container.signal(signal);
                self.logs_in_the_end(text);
            }
            Reload::Command(command, text) => {
                self.shell(command);
                self.logs_in_the_end(text);
            }
        }
        self.is_healthy();
    }

    pub(crate) fn stops_at_work(&self) {
        let took = self.recipe.work.interrupted_by_stop(self, &self.outside);
        self.stop_time.set(took).unwrap();
    }

    pub(crate) fn starts_with_its_data(&self) {
        self.starts();
        self.recipe.work.is_kept(self);
    }

    pub(crate) fn ends_with_its_server(&self) {
        self.kill("KILL", &[self.pid()]);
        assert_eq!(self.container.ended(), 137, "{}", self.logs());
    }

    pub(crate) fn starts(&self) {
        docker(["start", &self.container.name]);
        self.is_healthy();
    }

    /// How long the `docker stop` of the course took.
    pub(crate) fn stop_time(&self) -> Duration {
        *self.stop_time.get().unwrap()
    }

    /// Its address without Docker's proxy, which accepts connections even if nothing listens.
    pub(crate) fn address(&self) -> String {
        let ip = self.container.inspect("{{.NetworkSettings.IPAddress}}");
        format!("{ip}:8000")
    }

    pub(crate) fn logs(&self) -> String {
        self.container.logs()
    }

    /// Runs a script in the container, which must succeed.
    pub(crate) fn shell(&self, script: &str) -> String {
        let output = self.container.exec(&["sh", "-c", script]);
        assert!(output.status.success(), "{script}: {output:?}");
        stdout(&output)
    }

    /// Runs `docker stop`, and returns how long it took.
    pub(crate) fn stop(&self) -> Duration {
        let started = Instant::now();
        docker(["stop", &self.container.name]);
        let took = started.elapsed();
        assert_eq!(self.container.ended(), 0, "{}", self.logs());
        let logs = self.logs();
        assert!(!logs.contains("; killed "), "{logs}");
        took
    }

    /// The PID of the server, by hinit's PID file.
    fn pid(&self) -> String {
        let verdict = stdout(&self.container.exec(&["/hinit", "healthcheck"]));
        assert!(verdict.starts_with("healthy: process "), "{verdict}");
        verdict.split(' ').nth(2).unwrap().to_owned()
    }

    fn kill(&self, signal: &str, pids: &[String]) {
        // It may end with the container.
        let script = format!("kill -{signal} {}", pids.join(" "));
        let _output = self.container.exec(&["sh", "-c", &script]);
    }

    /// Inserts or deletes the rule by which each connection is refused, also that of the health check.
    fn firewall(&self, command: &str) {
        let network = format!(
            "--net=/proc/{}/ns/net",
            self.container.inspect("{{.State.Pid}}")
        );
        let rule = "INPUT --protocol tcp --syn --jump REJECT --reject-with tcp-reset";
        let output = Command::new("nsenter")
            .args([&network, "iptables", "--wait", command])
            .args(rule.split(' '))
            .output()
            .unwrap();
        assert!(output.status.success(), "iptables {command}: {output:?}");
    }

    /// The PIDs of the processes whose /proc/PID/status has this line.
    fn processes(&self, line: &str) -> Vec<String> {
        let script = format!("grep -lx '{line}' /proc/[0-9]*/status | cut -d / -f 3");
        self.shell(&script).lines().map(str::to_owned).collect()
    }

    fn workers(&self) -> Vec<String> {
        self.processes(&format!("PPid:\t{}", self.pid()))
    }

    fn logs_in_the_end(&self, text: &str) {
        eventually(text, || self.logs().contains(text).then_some(()));
    }

    fn becomes(&self, health: &str, text: &str) {
        self.container.becomes(health);
        eventually(text, || {
            let verdicts = self.container.verdicts();
            verdicts.lines().next_back()?.contains(text).then_some(())
        });
    }
}

/// The engine's own messages go with the test's.
impl Drop for Server {
    fn drop(&mut self) {
        if thread::panicking() {
            report(&format!(
                "its last verdicts:\n{}",
                self.container.verdicts()
            ));
        }
    }
}
