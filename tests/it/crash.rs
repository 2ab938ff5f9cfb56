//! A crash at any instant leaves a state in which the next start works and no health check is
//! healthy. `tests/crash TIMES` tries more instants.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering::SeqCst;
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

/// Random numbers from a seed: `$TEST_SEED`, or the time.
fn random() -> Random {
    let seed = std::env::var("TEST_SEED").map(|seed| seed.parse().unwrap());
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_micros();
    let seed = seed.unwrap_or_else(|_| now.try_into().unwrap());
    eprintln!("crash: TEST_SEED={seed}");
    Random::new(seed)
}

/// The starts that are killed, and their counts.
struct Crashes<'a> {
    mode: Mode,
    path: &'a Path,
    random: Random,
    /// Up to this much work is done until the kill.
    max_work: usize,
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
        let min_work = self.max_work
            / if self.mode == Mode::Pid1 {
                2
            } else {
                usize::MAX
            };
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
        // So a third of the kills come after the record, on a machine of any speed.
        self.max_work = match progress {
            Recorded => self.max_work - self.max_work / 8,
            Unclaimed | Claimed => self.max_work + self.max_work / 16,
        };
    }

    /// hinit's PID: the process that was started, or its child. Found fast, so that hinit does not get
    /// far meanwhile.
    fn hinit_of(&self, started: i32) -> i32 {
        let children = format!("/proc/{started}/task/{started}/children");
        match self.mode {
            Mode::Subreaper => started,
            Mode::Pid1 => eventually("unshare has a child", || {
                fs::read_to_string(&children).unwrap().trim().parse().ok()
            }),
        }
    }

    /// The right verdict on these contents. A child that has not become the server yet may still hold
    /// the lock.
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
        random: random(),
        max_work: 10_000,
        starts: &starts,
        starts_of: HashMap::new(),
        progress: HashMap::new(),
    };
    let checked = thread::scope(|scope| {
        // Outside of its PID namespace this number is the PID of another process.
        let check =
            (mode == Mode::Subreaper).then(|| scope.spawn(|| starts.check_until_done(&path)));
        let _done = SetOnDrop(&starts.done);
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
