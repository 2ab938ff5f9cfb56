//! `docker stop`: what a stop delay is for, with a server under the load of `wrk`, and what becomes of
//! what a server leaves behind.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, thread};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::engine::{Container, Image, binaries, docker, eventually, python, report};
use crate::scratch::IMAGE;

/// Leaves the test where there is no wrk; in CI that is a failure.
macro_rules! needs_wrk {
    () => {
        needs_engine!();
        if !is_wrk_there() {
            return;
        }
    };
}

/// More than a load balancer takes to see the health turn, and well within Docker's ten seconds.
const DELAY: Duration = Duration::from_secs(6);

#[test]
fn with_a_delay_the_health_turns_first_and_not_one_request_fails() {
    needs_wrk!();
    let delay = format!("HINIT_STOP_DELAY={}s", DELAY.as_secs());
    let (old, new) = (serve(&["--env", &delay]), serve(&[]));
    let load = Load::on(&old, "60s");
    let asked = Instant::now();
    thread::scope(|scope| {
        let stop = scope.spawn(|| docker(["stop", &old.name]));
        // What a load balancer does: it asks for the health, and when that turns, takes the next.
        turns(&old);
        let moved = Load::on(&new, "1s");
        load.stop().is_flawless();
        moved.finish().is_flawless();
        stop.join().unwrap();
    });
    assert_eq!(old.ended(), 0);
    // However slow the machine is, it only gets longer.
    assert!(asked.elapsed() >= DELAY);
    assert!(old.logs().contains("demo-server: stopping\n"));
}

/// The negative control.
#[test]
fn without_a_delay_requests_fail_and_the_health_never_told() {
    needs_wrk!();
    let container = serve(&[]);
    let load = Load::on(&container, "60s");
    assert_eq!(container.stop(), 0);
    let result = load.stop();
    assert!(result.complaints() > 0, "{}", result.text);
    assert!(!container.verdicts().contains("stopped"));
}

#[test]
fn during_the_delay_every_request_is_answered_and_a_second_term_ends_it() {
    needs_wrk!();
    let container = serve(&["--env", "HINIT_STOP_DELAY=10m"]);
    docker(["kill", "--signal", "TERM", &container.name]);
    turns(&container);
    Load::on(&container, "1s").finish().is_flawless();
    assert_eq!(container.stop(), 0);
}

#[test]
fn what_ignores_term_is_killed_in_time_and_named_and_the_servers_code_counts() {
    needs_engine!();
    let (container, child) = leave(&[]);
    assert_eq!(container.stop(), 7);
    let logs = container.logs();
    let named = format!("; killed 1 leftover: sleep (PID {child}, sleeping, ");
    assert!(logs.contains(&named), "{logs}");
}

/// The negative controls: hinit is told not to care, and Docker has less patience than hinit.
#[test]
fn without_a_drain_nobody_is_named_and_without_time_for_it_the_code_is_lost() {
    needs_engine!();
    let (container, _) = leave(&["--no-drain"]);
    assert_eq!(container.stop(), 7);
    assert!(!container.logs().contains("killed"));

    let (container, _) = leave(&[]);
    docker(["stop", "--time", "1", &container.name]);
    assert_eq!(container.ended(), 137);
    assert!(!container.logs().contains("killed"));
}

/// A server that answers and is healthy, and whose health is asked for often.
fn serve(options: &[&str]) -> Container {
    let often = ["--health-interval", "200ms", "--health-retries", "1"];
    let container = Container::run(&IMAGE, &[&often, options].concat(), &[]);
    eventually("an answer", || container.get("/"));
    container.becomes("healthy");
    container
}

/// Waits for the health to turn, which must be while the server runs.
fn turns(container: &Container) {
    // In one look, so that it was all true at one time.
    let template = "{{.State.Status}} {{.State.Health.Status}} \
        {{range .State.Health.Log}}{{.Output}}{{end}}";
    let found = eventually("the health turns", || {
        let found = container.inspect(template);
        (!found.starts_with("running healthy ")).then_some(found)
    });
    let verdict = found.lines().next_back().unwrap_or_default();
    assert!(found.starts_with("running unhealthy "), "{found}");
    assert!(verdict.ends_with(" is about to be stopped"), "{found}");
}

/// A container whose server, at a TERM, leaves a child behind that ignores it; and the child's PID.
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
    let child = eventually("the child is there", || {
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

/// A wrk at work: requests without a pause from a few connections. Dropped, it is killed.
struct Load {
    wrk: Child,
    output: BufReader<ChildStdout>,
}

impl Load {
    /// On the published port of a container, for so long at most.
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
        // It says that it runs when it does, and is ready for a SIGINT.
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
        let _has_ended = self.wrk.kill();
        let _reaped = self.wrk.wait();
    }
}

/// What wrk says in the end.
struct LoadResult {
    text: String,
}

impl LoadResult {
    /// How many kinds of failure it names: it has lines for them only where there were any.
    fn complaints(&self) -> usize {
        let kinds = ["Socket errors: ", "Non-2xx or 3xx responses: "];
        let lines = self.text.lines().map(str::trim_start);
        lines
            .filter(|line| kinds.iter().any(|kind| line.starts_with(kind)))
            .count()
    }

    fn is_flawless(&self) {
        let mut lines = self.text.lines();
        let requests = lines.find_map(|line| line.trim_start().split_once(" requests in "));
        let (requests, _) = requests.unwrap_or_default();
        report(&format!("{requests} requests"));
        assert!(requests.parse::<u32>().unwrap() > 0, "{}", self.text);
        assert_eq!(self.complaints(), 0, "{}", self.text);
    }
}
