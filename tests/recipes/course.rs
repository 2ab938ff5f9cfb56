//! The course that each recipe goes through.

use std::fs::File;
use std::io::Write;
use std::process::Command;
use std::time::{Duration, Instant};
use std::{env, thread};

use crate::engine::{self, Container, Image, docker, eventually, report, root, stdout};
use crate::recipe::{Recipe, Reload, Stopped};

/// The container of a recipe.
pub(crate) struct Server<'a> {
    recipe: &'a Recipe,
    container: Container,
}

pub(crate) fn run(name: &str, recipe: &Recipe) {
    if !engine::is_there() {
        return;
    }
    let image = build(name, recipe);
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
    let container = Container::start(&image, &options, &[]);
    let server = Server { recipe, container };

    server.is_healthy();
    let user = server.user();
    assert_eq!(user, recipe.user);
    server.is_unhealthy_while_stopped();
    server.reloads();

    let took = recipe.work.interrupted_by_stop(&server, &outside);
    docker(["start", &server.container.name]);
    server.is_healthy();
    recipe.work.is_kept(&server);

    server.kill("KILL", &[server.pid()]);
    assert_eq!(server.container.ended(), 137, "{}", server.logs());
    docker(["start", &server.container.name]);
    server.is_healthy();

    record(name, recipe, took);
}

/// The image is kept, because Debian's packages take longer than everything else.
fn build(name: &str, recipe: &Recipe) -> Image {
    let started = Instant::now();
    let tag = format!("hinit-recipe-{name}");
    let directory = format!("docker/recipes/{name}");
    let mut build = Command::new("docker");
    build.args(["build", "--network=host", "--tag", &tag]);
    match recipe.build {
        [] => build.arg(directory),
        arguments => build.args(arguments),
    };
    let output = build.current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{name}: {output:?}");
    report(&format!("built in {:.1?}", started.elapsed()));
    Image { tag }
}

/// Adds a line of the table of docker/recipes/README.md to the file that `$RECIPES_TABLE` names.
fn record(name: &str, recipe: &Recipe, took: Duration) {
    let read_only = if recipe.confined { "yes" } else { "no" };
    let stopped = match recipe.stopped {
        Stopped::Server => "the server",
        Stopped::Workers => "its workers",
        Stopped::Named(name) => name,
    };
    let reload = match recipe.reload {
        Reload::None => "",
        Reload::Workers(signal) | Reload::Log(signal, _) => signal,
    };
    let work = recipe.work.describe();
    let user = recipe.user;
    let row = format!(
        "| [{name}]({name}) | {user} | {read_only} | {stopped} | {reload} | {work} | {took:.1?} |"
    );
    report(&row);
    if let Some(path) = env::var_os("RECIPES_TABLE") {
        let file = File::options().append(true).create(true).open(path);
        // In one write, because recipes run side by side.
        file.unwrap()
            .write_all(format!("{row}\n").as_bytes())
            .unwrap();
    }
}

impl Server<'_> {
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

    fn user(&self) -> String {
        let pid = self.pid();
        self.shell(&format!(
            r#"uid=$(sed -n 's/^Uid:\t\([0-9]*\).*/\1/p' /proc/{pid}/status)
            getent passwd "$uid" | cut -d : -f 1 | grep . || echo "$uid""#
        ))
    }

    /// The PIDs of the processes whose /proc/PID/status has this line.
    fn processes(&self, line: &str) -> Vec<String> {
        let script = format!("grep -lx '{line}' /proc/[0-9]*/status | cut -d / -f 3");
        self.shell(&script).lines().map(str::to_owned).collect()
    }

    fn workers(&self) -> Vec<String> {
        self.processes(&format!("PPid:\t{}", self.pid()))
    }

    fn becomes(&self, health: &str, text: &str) {
        self.container.becomes(health);
        eventually(text, || {
            let verdicts = self.container.verdicts();
            verdicts.lines().next_back()?.contains(text).then_some(())
        });
    }

    fn is_healthy(&self) {
        self.becomes("healthy", self.recipe.healthy);
    }

    fn is_unhealthy_while_stopped(&self) {
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

    fn reloads(&self) {
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
                eventually(text, || self.logs().contains(text).then_some(()));
            }
        }
        self.is_healthy();
    }
}

/// The engine's own messages go with the test's.
impl Drop for Server<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            report(&format!(
                "its last verdicts:\n{}",
                self.container.verdicts()
            ));
        }
    }
}
