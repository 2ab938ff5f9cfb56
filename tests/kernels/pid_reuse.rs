//! PIDs that are reused all the time, because the system has only a hundred.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::Ordering::SeqCst;
use std::thread;

use nix::libc::{SIGKILL, SIGUSR1};

use super::*;

/// How often a PID is reused beside hinit, and how often a server lives meanwhile, at least.
const REUSES: &str = "10000";
const LIVES: usize = 30;

/// Processes that nobody may signal: the children of the fixture, which takes each PID soon after it is free.
struct Bystanders(Child);

impl Bystanders {
    fn start() -> Self {
        let mut command = Command::new(fixture());
        command.args(["reuse-pids", REUSES]);
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        Self(command.spawn().unwrap())
    }

    /// Waits until PIDs were reused so often, or the fixture has failed.
    fn wait_for_reuses(stdout: ChildStdout) {
        BufReader::new(stdout)
            .read_line(&mut String::new())
            .unwrap();
    }

    /// The fixture fails if one of them has got a signal.
    fn end(mut self) {
        drop(self.0.stdin.take());
        assert!(self.0.wait().unwrap().success(), "a stray signal");
    }
}

/// Signals the server, if there is one, until `done` is set. Returns how often it did.
fn signal_until_done(starts: &Starts, pid_file: &Path) -> usize {
    let mut sent = 0;
    while !starts.done.load(SeqCst) {
        let mut command = hinit_with(["signal", "TERM", "--pid-file"]);
        let ended = Ended::of(&command.arg(pid_file).output().unwrap());
        assert!(matches!(ended.code, 0 | 1), "{ended:?}");
        sent += usize::from(ended.code == 0);
    }
    sent
}

/// Waits until the PID of a killed hinit's server, which its file still names, was reused, and health checks have seen that.
fn wait_for_checks_of_a_reused_pid(starts: &Starts, pid: i32) {
    let process = PathBuf::from(format!("/proc/{pid}"));
    eventually("the PID is reused", || process.exists().then_some(()));
    let enough = starts.checks.load(SeqCst) + 4;
    eventually("health checks", || {
        (starts.checks.load(SeqCst) >= enough).then_some(())
    });
}

/// One life of a server, which ignores TERM and USR1. Each third hands over to an orphan, and each third ends with
/// hinit's death: then its PID stays in the file, and is returned.
fn live(number: usize, pid_file: &Path, mut has_pid: impl FnMut(i32)) -> Option<i32> {
    let hand_over = format!("{} orphan 'MAINPID=$SELF'", fixture().display());
    let script = format!(
        "until test -s {}; do :; done; echo first; read -r _ <\"$0\"; {}; exec sleep 1000",
        pid_file.display(),
        if number.is_multiple_of(3) {
            hand_over.as_str()
        } else {
            "echo ready"
        },
    );
    let go = pid_file.with_extension("go");
    if !go.exists() {
        nix::unistd::mkfifo(&go, nix::sys::stat::Mode::S_IRWXU).unwrap();
    }
    let start = Start::by(Mode::Subreaper, &["env", "--ignore-signal=TERM,USR1"]);
    let start = start
        .pid_file(pid_file)
        .args(["--notify", "--grace", "100ms"]);
    let hinit = start.script(&script).arg(&go).start();
    assert_eq!(hinit.line(), "first");
    has_pid(recorded(pid_file));
    fs::write(&go, "\n").unwrap();
    let hinit = hinit.ready();
    let server = recorded(pid_file);
    has_pid(server);
    if number % 3 == 1 {
        hinit.kill_with_server();
        Some(server)
    } else {
        kill(server, SIGKILL);
        // While the server ends, hinit has signals to forward.
        for _ in 0..20 {
            hinit.signal(SIGUSR1);
        }
        assert_eq!(hinit.end().code, 137);
        None
    }
}

#[test]
fn no_reused_pid_is_healthy_or_gets_a_signal() {
    let (mut own, dir) = (OwnSystem::new(), TempDir::new());
    own.set("kernel/pid_max", "400");
    let pid_file = dir.join("pid");
    let starts = Starts::default();
    let mut bystanders = Bystanders::start();
    let stdout = bystanders.0.stdout.take().unwrap();
    let mut starts_of: HashMap<i32, Vec<usize>> = HashMap::new();
    let mut lives = 0;
    let (checked, sent) = thread::scope(|scope| {
        let reuses = scope.spawn(|| Bystanders::wait_for_reuses(stdout));
        let checks = scope.spawn(|| starts.check_until_done(&pid_file));
        let signals = scope.spawn(|| signal_until_done(&starts, &pid_file));
        let done = SetOnDrop(&starts.done);
        while lives < LIVES || !reuses.is_finished() {
            lives += 1;
            starts.begun.store(lives, SeqCst);
            let left = live(lives, &pid_file, |pid| {
                starts_of.entry(pid).or_default().push(lives);
            });
            starts.over.store(lives, SeqCst);
            if let Some(pid) = left {
                wait_for_checks_of_a_reused_pid(&starts, pid);
            }
        }
        drop(done);
        (checks.join().unwrap(), signals.join().unwrap())
    });
    bystanders.end();
    let healthy = checked
        .iter()
        .filter(|check| check.is_healthy(&starts_of))
        .count();
    assert!(
        healthy > 0 && sent > 0,
        "{healthy} checks were healthy, {sent} signals sent"
    );
}
