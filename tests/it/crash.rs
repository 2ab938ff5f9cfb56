//! A crash at any instant leaves a state in which the next start works and no health check is
//! healthy. `tests/crash TIMES` tries more instants.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::SystemTime;

use nix::libc::SIGKILL;

use crate::support::*;

mod boundaries;

/// How far a start got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Progress {
    Unclaimed,
    Claimed,
    Recorded,
}
use Progress::{Claimed, Recorded, Unclaimed};

/// How often hinit is killed in each mode.
fn times() -> usize {
    let times = std::env::var("TEST_CRASHES").map(|text| text.parse().unwrap());
    times.unwrap_or(40)
}

/// A pseudo-random sequence (xorshift) from a seed: `$TEST_SEED`, or the time.
struct Random(u64);

impl Random {
    fn new() -> Self {
        let seed = std::env::var("TEST_SEED").map(|seed| seed.parse().unwrap());
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_micros();
        let seed: u64 = seed.unwrap_or_else(|_| now.try_into().unwrap());
        eprintln!("crash: TEST_SEED={seed}");
        // Xorshift stays at zero, and takes a while to leave its neighbourhood.
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// Which servers ran. Each start has a number, whether it was killed or not.
#[derive(Default)]
struct Starts {
    begun: AtomicUsize,
    over: AtomicUsize,
    done: AtomicBool,
}

/// A health check that ran meanwhile: its verdict, the last start that was over before it began,
/// and the start under way when it was done.
struct Checked {
    verdict: String,
    over_before: usize,
    begun_after: usize,
}

impl Starts {
    fn check_all_the_time(&self, path: &Path) -> Vec<Checked> {
        let mut checked = Vec::new();
        while !self.done.load(SeqCst) {
            let over_before = self.over.load(SeqCst);
            let verdict = verdict(path);
            checked.push(Checked {
                verdict,
                over_before,
                begun_after: self.begun.load(SeqCst),
            });
        }
        checked
    }
}

impl Checked {
    /// Whether its verdict is right: a healthy server must have been alive meanwhile.
    #[track_caller]
    fn is_healthy(&self, starts_of: &HashMap<i32, Vec<usize>>) -> bool {
        let Some(process) = self.verdict.strip_prefix("healthy: process ") else {
            assert!(self.verdict.starts_with("unhealthy: "), "{}", self.verdict);
            return false;
        };
        let pid = process.strip_suffix(" is alive").unwrap().parse().unwrap();
        let alive = self.over_before + 1..=self.begun_after;
        let starts = starts_of.get(&pid);
        let is_true = starts.is_some_and(|starts| starts.iter().any(|start| alive.contains(start)));
        assert!(is_true, "a dead server: {}", self.verdict);
        true
    }
}

/// The starts that are killed, and their counts.
struct Crashes<'a> {
    mode: Mode,
    path: &'a Path,
    random: Random,
    /// Up to this much work is done until the kill.
    max_work: u64,
    starts: &'a Starts,
    starts_of: HashMap<i32, Vec<usize>>,
    progress: HashMap<Progress, usize>,
}

impl Crashes<'_> {
    fn count(&self, progress: Progress) -> usize {
        self.progress.get(&progress).copied().unwrap_or(0)
    }

    /// Starts hinit in the state that an earlier crash has left, if any, and kills it.
    fn crash(&mut self, options: &[&str]) {
        let stale = ["", "4194303\n"][usize::from(self.random.below(2) == 0)];
        if !stale.is_empty() {
            fs::write(self.path, stale).unwrap();
        }
        self.starts.begun.fetch_add(1, SeqCst);
        let mut command = command_in(self.mode, hinit());
        command.arg("-q").arg("--pid-file").arg(self.path);
        // A server that outlives hinit exits when this test closes its standard input.
        command.args(options).arg("cat");
        // unshare prints errors when its child is killed early.
        let command = command.stdin(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        // A loop of work, not a clock, decides when it is killed. As PID 1 unshare takes the first
        // half of the time.
        let min_work = self.max_work / if self.mode == Mode::Pid1 { 2 } else { u64::MAX };
        for _ in 0..min_work + self.random.below(self.max_work - min_work) {
            std::hint::black_box(nix::unistd::getppid());
        }
        kill(self.hinit_of(child.id().cast_signed()), SIGKILL);
        // The end of PID 1 kills all of its namespace before unshare gets SIGCHLD.
        child.wait().unwrap();
        let verdict = verdict(self.path);
        let contents = fs::read_to_string(self.path).ok();
        let progress = match contents.as_deref() {
            Some("") => Claimed,
            Some(written) if written != stale => Recorded,
            _ => Unclaimed,
        };
        assert_eq!(verdict, self.expected(&verdict, contents.as_deref()));
        if progress == Recorded {
            let pid = contents.unwrap().trim().parse().unwrap();
            self.server_of_this_start(pid);
        }
        *self.progress.entry(progress).or_default() += 1;
        self.starts.over.fetch_add(1, SeqCst);
        // However fast the machine is, so a third of the kills come after the record.
        self.max_work = match progress {
            Recorded => self.max_work - self.max_work / 8,
            Unclaimed | Claimed => self.max_work + self.max_work / 16,
        };
    }

    /// The PID of the hinit that was started as this, or by it; found fast, so that it does not get far
    /// meanwhile.
    fn hinit_of(&self, started: i32) -> i32 {
        let children = format!("/proc/{started}/task/{started}/children");
        match self.mode {
            Mode::Subreaper => started,
            Mode::Pid1 => eventually("unshare has a child", || {
                fs::read_to_string(&children).unwrap().trim().parse().ok()
            }),
        }
    }

    /// The one verdict on what was left; a child that had not become the server yet may still hold the lock.
    fn expected(&self, verdict: &str, contents: Option<&str>) -> String {
        let path = self.path.display();
        match contents {
            None => format!("unhealthy: PID file {path} does not exist"),
            Some("") if verdict == "unhealthy: the server has not started yet, or has ended" => {
                verdict.to_owned()
            }
            Some("") => format!("unhealthy: PID file {path} is empty"),
            Some(_) => format!("unhealthy: PID file {path} is stale: no hinit has locked it"),
        }
    }

    fn server_of_this_start(&mut self, pid: i32) {
        let start = self.starts.begun.load(SeqCst);
        self.starts_of.entry(pid).or_default().push(start);
    }

    /// The next start, in the state that was left.
    fn start(&mut self, options: &[&str]) {
        self.starts.begun.fetch_add(1, SeqCst);
        let start = Start::new(self.mode).pid_file(self.path).args(options);
        let next = start.fixture(["ready"]).start().ready();
        let pid = recorded(self.path);
        self.server_of_this_start(pid);
        let healthy = format!("healthy: process {pid} is alive");
        assert_eq!(next.verdict(self.path), healthy);
        let ended = next.stop();
        assert_eq!(ended.code, 143, "{}", ended.log);
        let entries = fs::read_dir(self.path.parent().unwrap()).unwrap();
        assert_eq!(entries.count(), 0);
        self.starts.over.fetch_add(1, SeqCst);
    }
}

in_both_modes!(killed_at_any_instant_of_a_start_the_next_one_works);

fn killed_at_any_instant_of_a_start_the_next_one_works(mode: Mode) {
    let dir = TempDir::new();
    let path = dir.join("pid");
    let starts = Starts::default();
    let mut crashes = Crashes {
        mode,
        path: &path,
        random: Random::new(),
        max_work: 10_000,
        starts: &starts,
        starts_of: HashMap::new(),
        progress: HashMap::new(),
    };
    let checked = thread::scope(|scope| {
        // Outside of its PID namespace this number is the PID of another process.
        let check =
            (mode == Mode::Subreaper).then(|| scope.spawn(|| starts.check_all_the_time(&path)));
        let _done = OnDrop(&starts.done);
        let times = times();
        let mut killed = 0;
        while killed < times || crashes.count(Claimed) == 0 || crashes.count(Recorded) < 5 {
            let options = [&[][..], &["--notify"]][usize::from(crashes.random.below(2) == 0)];
            crashes.crash(options);
            crashes.start(options);
            killed += 1;
        }
        starts.done.store(true, SeqCst);
        check.map_or_else(Vec::new, |check| check.join().unwrap())
    });
    let healthy = checked
        .iter()
        .filter(|checked| checked.is_healthy(&crashes.starts_of))
        .count();
    assert!(
        checked.is_empty() || healthy > 0,
        "no health check was healthy, so the test proves nothing"
    );
    eprintln!(
        "crash: {mode:?}: killed {} times before the claim, {} between claim and record, {} after; \
         {} health checks meanwhile, {healthy} of them healthy",
        crashes.count(Unclaimed),
        crashes.count(Claimed),
        crashes.count(Recorded),
        checked.len()
    );
}

/// A test that fails must still stop the health checks, or it waits for them for ever.
struct OnDrop<'a>(&'a AtomicBool);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}
