//! Orphans, signals, health checks, probes, reloads, starts and stops at the same time. No memory,
//! descriptor or child may accumulate, and no signal may be lost. `tests/soak SECONDS` runs it for
//! longer.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::libc::{SIGHUP, SIGINT, SIGTERM, SIGUSR2};

use crate::support::*;

/// The actions of the fixture at each signal; real-time signals arrive in the order of their
/// numbers, and none is lost.
const ORPHAN: i32 = 40;
const PRINT_ORPHANS: i32 = 41;

/// The number of signals in one burst; each of them makes an orphan.
const BURST: usize = 50;

fn duration() -> Duration {
    let seconds = std::env::var("TEST_SOAK_SECONDS").map(|text| text.parse().unwrap());
    Duration::from_secs(seconds.unwrap_or(1))
}

/// The resources that must not grow: descriptors, children including zombies, and memory in KB.
#[derive(Debug, PartialEq, Eq)]
struct Resources {
    descriptors: usize,
    children: usize,
    memory: u64,
}

impl Resources {
    fn of(pid: i32) -> Self {
        let resident = status_of(pid, "RssAnon").unwrap();
        let resident = resident.trim_end_matches(" kB").trim();
        Self {
            descriptors: fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count(),
            children: children_of(pid).len(),
            memory: resident.parse().unwrap(),
        }
    }
}

/// The counts so far.
#[derive(Default)]
struct Counts {
    lives: usize,
    signals: usize,
    orphans: usize,
    checks: usize,
    requests: usize,
    reloads: usize,
}

/// hinit under load, and its server.
struct Life {
    hinit: Running,
    pid: i32,
    server: i32,
    pid_file: PathBuf,
    orphans: usize,
}

impl Life {
    #[track_caller]
    fn start(mode: Mode, pid_file: &Path, options: &[&str]) -> Self {
        let start = Start::new(mode).pid_file(pid_file).args(options);
        let hinit = start.fixture(["work"]).start().ready();
        Self {
            pid: hinit.pid(),
            server: recorded(pid_file),
            pid_file: pid_file.to_owned(),
            orphans: 0,
            hinit,
        }
    }

    fn healthy_line(&self) -> String {
        format!("healthy: process {} is alive", self.server)
    }

    /// Signals, orphans, health checks and a reload; asserts that the server got all of them.
    #[track_caller]
    fn run_burst(&mut self, counts: &mut Counts) {
        for _ in 0..BURST {
            kill(self.pid, ORPHAN);
        }
        assert_eq!(self.hinit.verdict(&self.pid_file), self.healthy_line());
        kill(self.pid, SIGHUP);
        assert_eq!(self.hinit.line(), "reloaded");
        assert_eq!(self.hinit.verdict(&self.pid_file), self.healthy_line());
        self.orphans += BURST;
        kill(self.pid, PRINT_ORPHANS);
        assert_eq!(self.hinit.line(), self.orphans.to_string());
        counts.signals += BURST + 2;
        counts.orphans += BURST;
        counts.checks += 2;
        counts.reloads += 1;
    }

    /// Probes of all addresses of this hinit, from outside and inside of its namespaces.
    #[track_caller]
    fn probe(&self, address: &str, counts: &mut Counts) {
        let (healthy, socket) = (self.healthy_line(), socket_beside(&self.pid_file));
        let (url, unix) = (
            format!("http://{address}/readyz"),
            format!("{}", socket.display()),
        );
        for (options, more) in [
            (&["--ready"][..], String::new()),
            (&["--http", &url], format!("; {url} answered 200 {healthy}")),
            (
                &["--tcp", address],
                format!("; tcp {address} accepts connections"),
            ),
            (
                &["--unix", &unix],
                format!("; unix {unix} accepts connections"),
            ),
        ] {
            let verdict = self.hinit.verdict_with(&self.pid_file, options);
            let verdict = verdict
                .rsplit_once(" after ")
                .map_or(&*verdict, |(what, _)| what);
            assert_eq!(verdict, format!("{healthy}{more}"));
        }
        let mut kept = Client::tcp(address.parse().unwrap());
        for page in ["/livez", "/readyz", "/status"] {
            assert_eq!(kept.fetch(page).status, format!("200 {healthy}"));
            assert_eq!(get(&self.pid_file, page).status, format!("200 {healthy}"));
        }
        counts.checks += 4;
        counts.requests += 9;
    }

    /// Waits until hinit is at rest with the resources of that time. Under load it may be suspended
    /// while it has a file open or a zombie to reap.
    #[track_caller]
    fn wait_for_rest(&self, before: &Resources) {
        eventually("hinit is at rest", || {
            let now = Resources::of(self.pid);
            let (descriptors, children) = (now.descriptors, now.children);
            let fits = descriptors <= before.descriptors && children <= before.children;
            (fits && now.memory <= before.memory).then_some(())
        });
    }

    /// The resources of hinit at rest.
    #[track_caller]
    fn resources(&self) -> Resources {
        eventually("hinit has one child", || {
            let now = Resources::of(self.pid);
            (now.children == 1 && now == Resources::of(self.pid)).then_some(now)
        })
    }
}

/// A kind of short life, and its end.
struct Kind {
    options: &'static [&'static str],
    stop: i32,
    code: i32,
    /// The text of the last line of the log.
    end: &'static str,
}

const KINDS: [Kind; 5] = [
    Kind {
        options: &["-v"],
        stop: SIGTERM,
        code: 0,
        end: " later (exited 0, up ",
    },
    Kind {
        options: &["-v", "--group"],
        stop: SIGTERM,
        code: 0,
        end: " later (exited 0, up ",
    },
    // The stop delay holds back the first signal.
    Kind {
        options: &["-v", "--stop-delay", "60m"],
        stop: SIGTERM,
        code: 0,
        end: " later (exited 0, up ",
    },
    // The server ignores it.
    Kind {
        options: &["-v", "--grace", "50ms"],
        stop: SIGINT,
        code: 137,
        end: " later (killed by SIGKILL when its grace time was over, up ",
    },
    // The server's job ignores SIGTERM.
    Kind {
        options: &["-v", "--grace", "50ms"],
        stop: SIGUSR2,
        code: 0,
        end: "killed 1 leftover",
    },
];

in_both_modes!(nothing_grows_in_many_lives, nothing_grows_in_a_long_life);

fn nothing_grows_in_many_lives(mode: Mode) {
    let dir = TempDir::new();
    let pid_file = dir.join("pid");
    let (start, mut counts) = (Instant::now(), Counts::default());
    // Each kind of life at least once.
    while counts.lives < KINDS.len() || start.elapsed() < duration() {
        let kind = &KINDS[counts.lives % KINDS.len()];
        let mut life = Life::start(mode, &pid_file, kind.options);
        wait_for_rest(life.pid);
        // The first round reaches all resources that are ever needed; after it nothing may be
        // added.
        life.run_burst(&mut counts);
        let before = life.resources();
        for _ in 0..4 {
            life.run_burst(&mut counts);
        }
        life.wait_for_rest(&before);
        let orphans = life.orphans;
        let ended = stop(life, kind);
        assert_eq!(ended.code, kind.code, "{}", ended.log);
        assert!(
            ended.log.lines().last().unwrap().contains(kind.end),
            "{}",
            ended.log
        );
        assert_eq!(
            count(&ended.log, "hinit: reaped orphan"),
            orphans + usize::from(kind.code == 0)
        );
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 0);
        counts.lives += 1;
    }
    report(mode, &counts);
}

fn nothing_grows_in_a_long_life(mode: Mode) {
    let dir = TempDir::new();
    let (pid_file, address) = (dir.join("pid"), unused_address().to_string());
    let (start, mut counts) = (Instant::now(), Counts::default());
    let options = ["--notify", "--watchdog", "60m", "--listen", &address];
    let mut life = Life::start(mode, &pid_file, &options);
    let round = |life: &mut Life, counts: &mut Counts| {
        life.run_burst(counts);
        life.probe(&address, counts);
    };
    round(&mut life, &mut counts);
    let before = life.resources();
    while counts.reloads < 10 || start.elapsed() < duration() {
        round(&mut life, &mut counts);
    }
    life.wait_for_rest(&before);
    kill(life.pid, SIGTERM);
    assert_eq!(life.hinit.end().code, 0);
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 0);
    counts.lives += 1;
    report(mode, &counts);
}

fn stop(life: Life, kind: &Kind) -> Ended {
    kill(life.pid, kind.stop);
    if kind.options.contains(&"--stop-delay") {
        let about_to = format!("unhealthy: process {} is about to be stopped", life.server);
        eventually("health checks fail", || {
            (life.hinit.verdict(&life.pid_file) == about_to).then_some(())
        });
        kill(life.pid, kind.stop);
    }
    life.hinit.end()
}

/// `tests/soak` prints this.
fn report(mode: Mode, counts: &Counts) {
    let Counts {
        lives,
        signals,
        orphans,
        checks,
        requests,
        reloads,
    } = counts;
    eprintln!(
        "soak: {mode:?}: {lives} lives, {signals} signals, {orphans} orphans, {checks} health \
         checks, \
         {requests} requests, {reloads} reloads"
    );
}
