//! `docker stop`: a stop delay with a server under the load of `wrk`, and processes that a server leaves behind.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, thread};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::engine::{Container, Image, binaries, docker, eventually, python, report};
use crate::scratch::IMAGE;

/// Returns from the test if there is no engine or no wrk; fails in CI.
macro_rules! needs_wrk {
    () => {
        needs_engine!();
        if !is_wrk_there() {
            return;
        }
    };
}

/// Longer than a load balancer takes to see the change of health, and well within Docker's ten seconds.
const DELAY: Duration = Duration::from_secs(6);

#[test]
fn with_a_delay_the_server_is_unhealthy_first_and_no_request_fails() {
    needs_wrk!();
    let delay = format!("HINIT_STOP_DELAY={}s", DELAY.as_secs());
    let (old, new) = (serve(&["--env", &delay]), serve(&[]));
    let load = Load::on(&old, "60s");
    let started = Instant::now();
    thread::scope(|scope| {
        let stop = scope.spawn(|| docker(["stop", &old.name]));
        // As a load balancer does: when the server is unhealthy, requests go to the next one.
        becomes_unhealthy(&old);
        let moved = Load::on(&new, "1s");
        load.stop().has_no_failures();
        moved.finish().has_no_failures();
        stop.join().unwrap();
    });
    assert_eq!(old.ended(), 0);
    // A slow machine only makes it longer.
    assert!(started.elapsed() >= DELAY);
    assert!(old.logs().contains("demo-server: stopping\n"));
}

/// The negative control.
#[test]
fn without_a_delay_requests_fail_before_the_server_is_unhealthy() {
    needs_wrk!();
    let container = serve(&[]);
    let load = Load::on(&container, "60s");
    assert_eq!(container.stop(), 0);
    let result = load.stop();
    assert!(result.failures() > 0, "{}", result.text);
    assert!(!container.verdicts().contains("stopped"));
}

#[test]
fn during_the_delay_every_request_is_answered_and_a_second_term_ends_it() {
    needs_wrk!();
    let container = serve(&["--env", "HINIT_STOP_DELAY=10m"]);
    docker(["kill", "--signal", "TERM", &container.name]);
    becomes_unhealthy(&container);
    Load::on(&container, "1s").finish().has_no_failures();
    assert_eq!(container.stop(), 0);
}

#[test]
fn a_leftover_that_ignores_term_is_killed_and_logged_and_the_exit_code_is_kept() {
    needs_engine!();
    let (container, child) = leave(&[]);
    assert_eq!(container.stop(), 7);
    let logs = container.logs();
    let named = format!("; killed 1 leftover: sleep (PID {child}, sleeping, ");
    assert!(logs.contains(&named), "{logs}");
}

/// The negative controls: hinit runs without a drain, and Docker's timeout is shorter than the drain.
#[test]
fn without_a_drain_no_leftover_is_logged_and_without_time_for_it_the_exit_code_is_lost() {
    needs_engine!();
    let (container, _) = leave(&["--no-drain"]);
    assert_eq!(container.stop(), 7);
    assert!(!container.logs().contains("killed"));

    let (container, _) = leave(&[]);
    docker(["stop", "--time", "1", &container.name]);
    assert_eq!(container.ended(), 137);
    assert!(!container.logs().contains("killed"));
}

/// A server that answers and is healthy, with frequent health checks.
fn serve(options: &[&str]) -> Container {
    let often = ["--health-interval", "200ms", "--health-retries", "1"];
    let container = Container::run(&IMAGE, &[&often, options].concat(), &[]);
    eventually("an answer", || container.get("/"));
    container.becomes("healthy");
    container
}

/// Waits until the container is unhealthy, while the server still runs.
fn becomes_unhealthy(container: &Container) {
    // In one inspection, so that all of it is true at the same time.
    let template = "{{.State.Status}} {{.State.Health.Status}} \
        {{range .State.Health.Log}}{{.Output}}{{end}}";
    let found = eventually("the container is unhealthy", || {
        let found = container.inspect(template);
        (!found.starts_with("running healthy ")).then_some(found)
    });
    let verdict = found.lines().next_back().unwrap_or_default();
    assert!(found.starts_with("running unhealthy "), "{found}");
    assert!(verdict.ends_with(" is about to be stopped"), "{found}");
}

/// A container whose server exits at a TERM and leaves a child that ignores it, and the PID of the child.
fn leave(options: &[&str]) -> (Container, String) {
    const IMAGE: &str = "(trap '' TERM; exec sleep 1000) & \
        until grep -q sleep /proc/$!/comm; do :; done; \
        trap 'exit 7' TERM; echo child $!; while :; do wait; done";
    let [hinit, _] = binaries();
    let volume = format!("{}:/hinit:ro", hinit.display());
    let container = Container::run(
        &Image { tag: python() },
        &["--entrypoint", "/hinit", "--volume", &volume],
        &[options, &["--", "sh", "-c", IMAGE]].concat(),
    );
    let child = eventually("the child runs", || {
        let logs = container.logs();
        Some(logs.strip_prefix("child ")?.split_once('\n')?.0.to_owned())
    });
    (container, child)
}

fn is_wrk_there() -> bool {
    let there = Command::new("wrk").arg("--version").output().is_ok();
    if !there {
        assert!(env::var_os("CI").is_none(), "no wrk");
        report("skipped: no wrk");
    }
    there
}

/// A running wrk, which sends requests without a pause on a few connections. It is killed when it is dropped.
struct Load {
    wrk: Child,
    output: BufReader<ChildStdout>,
}

impl Load {
    /// Starts it on the published port of a container, for at most `duration`.
    fn on(container: &Container, duration: &str) -> Self {
        let address = docker(["port", &container.name, "8000"]);
        let url = format!("http://{}/", address.lines().next().unwrap());
        let mut wrk = Command::new("stdbuf") // so that its first line shows at once
            .args(["-oL", "wrk", "--threads", "1", "--connections", "4"])
            .args(["--duration", duration, &url])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(wrk.stdout.take().unwrap());
        // Once it has printed this line it handles SIGINT.
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        assert!(line.starts_with("Running "), "{line}");
        Self { wrk, output }
    }

    /// Ends it now.
    fn stop(self) -> LoadResult {
        kill(Pid::from_raw(self.wrk.id().cast_signed()), Signal::SIGINT).unwrap();
        self.finish()
    }

    /// Waits for its end.
    fn finish(mut self) -> LoadResult {
        let mut text = String::new();
        self.output.read_to_string(&mut text).unwrap();
        assert!(self.wrk.wait().unwrap().success(), "{text}");
        LoadResult { text }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        let _ignored = self.wrk.kill();
        let _reaped = self.wrk.wait();
    }
}

/// The result that wrk prints.
struct LoadResult {
    text: String,
}

impl LoadResult {
    /// The number of lines about failures. wrk prints such a line only if there were failures.
    fn failures(&self) -> usize {
        let kinds = ["Socket errors: ", "Non-2xx or 3xx responses: "];
        let lines = self.text.lines().map(str::trim_start);
        lines
            .filter(|line| kinds.iter().any(|kind| line.starts_with(kind)))
            .count()
    }

    fn has_no_failures(&self) {
        let mut lines = self.text.lines();
        let requests = lines.find_map(|line| line.trim_start().split_once(" requests in "));
        let (requests, _) = requests.unwrap_or_default();
        report(&format!("{requests} requests"));
        assert!(requests.parse::<u32>().unwrap() > 0, "{}", self.text);
        assert_eq!(self.failures(), 0, "{}", self.text);
    }
}
