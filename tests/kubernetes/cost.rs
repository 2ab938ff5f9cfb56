//! What a probe costs a node in CPU time, and how much of it is hinit's own:
//!
//!     tests/kubernetes/run -- --ignored --nocapture
//!
//! Needs a machine that does nothing else, cgroup v1, and curl. It measures the whole node (engine, kubelet, API, pods)
//! while the probes of one kind run, less the same pods without probes.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{env, fmt, fs, thread};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

use crate::cluster::Namespace;
use crate::engine::{binaries, docker, report, root, unique};

const PODS: u32 = 20;
const WINDOWS: u32 = 3;
const WINDOW: Duration = Duration::from_secs(10);
const CHECKS: u32 = 1_000;

const KINDS: [(&str, &str); 6] = [
    ("no probe", ""),
    ("exec of a no-op", r#"exec: {command: ["/noop"]}"#),
    (
        "exec of hinit",
        r#"exec: {command: ["/hinit", "healthcheck"]}"#,
    ),
    (
        "exec of a shell with curl",
        r#"exec: {command: ["/bin/sh", "-c", "curl -fsS -o /dev/null http://127.0.0.1:9101/livez"]}"#,
    ),
    ("httpGet of hinit", "httpGet: {path: /livez, port: 9101}"),
    ("tcpSocket", "tcpSocket: {port: 9101}"),
];

#[test]
#[ignore = "takes 20 minutes and needs a quiet machine"]
fn hinits_own_part_of_a_probe_is_small() {
    build_image();
    let check = cost_of_a_check();
    let mut windows = KINDS.map(|_| Vec::new());
    // There and back, so that a machine that becomes slower or faster does so for all kinds.
    for kind in (0..KINDS.len()).chain((0..KINDS.len()).rev()) {
        windows[kind].extend(measure(KINDS[kind].1));
    }
    let mut measured = KINDS
        .iter()
        .zip(&windows)
        .map(|((name, _), windows)| (*name, Measured::of(windows)));
    let (_, without) = measured.next().unwrap();
    let probes: Vec<_> = measured.collect();

    let row = |(name, with): &(&str, Measured)| {
        let node = with.node.less(&without.node);
        let mut own = with.hinit.less(&without.hinit).mean;
        if *name == "exec of hinit" {
            own += check;
        }
        let share = 100.0 * own / node.mean;
        format!("\n| {name} | {node} | {own:.3} ms | {share:.1} % |")
    };
    let of = |kind| {
        let (_, measured) = probes.iter().find(|(name, _)| *name == kind).unwrap();
        &measured.node
    };
    let difference = of("exec of hinit").less(of("exec of a no-op"));
    report(&format!(
        "CPU time of a probe\n\
         | probe | of the node | hinit's own | its share |\n\
         |---|---|---|---|{}\n\
         A pod and second without probes: {}; exec of hinit less exec of a no-op: {difference}",
        probes.iter().map(row).collect::<String>(),
        without.node,
    ));
    assert!(difference.mean < 3.0 * difference.error);
}

/// Milliseconds for each probe, or for each pod and second.
struct Measured {
    node: Mean,
    hinit: Mean,
}

impl Measured {
    fn of(windows: &[[f64; 2]]) -> Self {
        let [node, hinit] = [0, 1].map(|which| {
            let values: Vec<_> = windows.iter().map(|window| window[which]).collect();
            Mean::of(&values)
        });
        Self { node, hinit }
    }
}

struct Mean {
    mean: f64,
    /// The standard error.
    error: f64,
}

impl fmt::Display for Mean {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{:.2} ± {:.2} ms", self.mean, self.error)
    }
}

impl Mean {
    fn of(values: &[f64]) -> Self {
        let count = f64::from(u32::try_from(values.len()).unwrap());
        let mean = values.iter().sum::<f64>() / count;
        let squares = values.iter().map(|value| (value - mean).powi(2));
        let variance = squares.sum::<f64>() / (count - 1.0);
        let error = (variance / count).sqrt();
        Self { mean, error }
    }

    fn less(&self, other: &Self) -> Self {
        Self {
            mean: self.mean - other.mean,
            error: self.error.hypot(other.error),
        }
    }
}

/// An image with hinit, the demo server, a program that does nothing, a shell, and curl with its libraries.
fn build_image() {
    let context = env::temp_dir().join(format!("hinit-test-{}", unique()));
    let [hinit, server] = binaries();
    let script = r#"
        mkdir -p "$1/bin"
        cp "$2" "$3" "$1"
        cp -L "$(command -v dash)" "$1/bin/sh"
        cp -L "$(command -v curl)" "$1/bin/curl"
        ldd "$1/bin/sh" "$1/bin/curl" | grep -o '/[^ ]*\.so[^ ]*' | sort -u | while read -r library; do
            mkdir -p "$1${library%/*}"
            cp -L "$library" "$1$library"
        done
        rustc --edition 2024 --target "$(uname -m)-unknown-linux-musl" -O -C panic=abort -C strip=symbols \
            -o "$1/noop" "$4"
        tar -C "$1" -c . | docker import --change 'ENV PATH=/bin' - cost:1
        rm -r "$1""#;
    let noop = root().join("tests/bench/src/bin/noop.rs");
    let built = Command::new("sh")
        .args(["-euc", script, "sh"])
        .args([&context, &hinit, &server, &noop])
        .stdout(Stdio::null())
        .status();
    assert!(built.unwrap().success());
    docker(["image", "inspect", "cost:1"]);
}

/// The CPU time of all children of this process that have ended, in milliseconds.
fn cpu_of_children() -> f64 {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
    let microseconds = [usage.user_time(), usage.system_time()].map(|time| time.num_microseconds());
    milliseconds(u64::try_from(microseconds.iter().sum::<i64>()).unwrap() * 1_000)
}

fn milliseconds(nanoseconds: u64) -> f64 {
    Duration::from_nanos(nanoseconds).as_secs_f64() * 1_000.0
}

/// The CPU time of a `hinit healthcheck` itself, from its start to its end.
fn cost_of_a_check() -> f64 {
    let [hinit, server] = binaries();
    let file = env::temp_dir().join("cost.pid");
    let options = [Path::new("--pid-file"), &file];
    let mut run = Command::new(&hinit)
        .args(options)
        .args(["--listen", "127.0.0.1:9101", "--"])
        .arg(server)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let check = || {
        let mut check = Command::new(&hinit);
        check.arg("healthcheck").args(options).stdout(Stdio::null());
        check.status().unwrap().success()
    };
    crate::engine::eventually("it is healthy", || check().then_some(()));
    let before = cpu_of_children();
    for _ in 0..CHECKS {
        assert!(check());
    }
    let cost = (cpu_of_children() - before) / f64::from(CHECKS);
    let mut signal = Command::new(&hinit);
    let signalled = signal.args(["signal", "TERM"]).args(options).status();
    assert!(signalled.unwrap().success() && run.wait().unwrap().success());
    cost
}

/// Measures the node in some windows, with this probe in each pod: the CPU time of the node, and that of hinit.
fn measure(probe: &str) -> Vec<[f64; 2]> {
    let namespace = Namespace::new();
    let probe = if probe.is_empty() {
        String::new()
    } else {
        format!(
            "livenessProbe: {{{probe}, periodSeconds: 1, timeoutSeconds: 10, failureThreshold: 100}}"
        )
    };
    namespace.apply(&format!(
        r#"
apiVersion: apps/v1
kind: Deployment
metadata: {{name: cost}}
spec:
  replicas: {PODS}
  selector: {{matchLabels: {{app: cost}}}}
  template:
    metadata: {{labels: {{app: cost}}}}
    spec:
      terminationGracePeriodSeconds: 5
      containers:
      - name: server
        image: cost:1
        command: ["/hinit", "--listen", "0.0.0.0:9101", "--"]
        args: ["/demo-server"]
        {probe}
"#
    ));
    namespace.completes("cost");
    // Without the work of the start, which goes on for a while.
    thread::sleep(3 * WINDOW);
    let hinits = processes_of("/hinit\0--listen\0");
    assert_eq!(hinits.len(), PODS as usize);
    let probes = f64::from(PODS) * WINDOW.as_secs_f64();
    let windows = (0..WINDOWS).map(|_| {
        let before = (cpu_of_node(), cpu_of(&hinits));
        thread::sleep(WINDOW);
        let [node, hinit] = [cpu_of_node() - before.0, cpu_of(&hinits) - before.1];
        [node, hinit].map(|nanoseconds| milliseconds(nanoseconds) / probes)
    });
    let windows: Vec<_> = windows.collect();
    report(&format!("{probe}: {windows:.2?}"));
    namespace.kubectl("delete deployment cost --wait --cascade=foreground");
    windows
}

/// Nanoseconds of CPU time of everything that belongs to the node.
fn cpu_of_node() -> u64 {
    let usage = env::var("HINIT_NODE_CPU").unwrap_or_default();
    assert!(!usage.is_empty(), "measuring needs cgroup v1");
    let usage = fs::read_to_string(usage).unwrap();
    usage.trim().parse().unwrap()
}

/// The processes whose command line begins so.
fn processes_of(command: &str) -> Vec<PathBuf> {
    let processes = fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .map(|entry| entry.path());
    let is_one = |process: &PathBuf| {
        let line = fs::read(process.join("cmdline")).unwrap_or_default();
        line.starts_with(command.as_bytes())
    };
    processes.filter(is_one).collect()
}

fn cpu_of(processes: &[PathBuf]) -> u64 {
    let of = |process: &PathBuf| {
        let schedstat = fs::read_to_string(process.join("schedstat")).unwrap();
        let on_cpu = schedstat.split(' ').next().unwrap();
        on_cpu.parse::<u64>().unwrap()
    };
    processes.iter().map(of).sum()
}
