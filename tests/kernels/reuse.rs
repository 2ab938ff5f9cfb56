//! PIDs that are reused all the time, because the system has only a hundred.

use std::collections::HashMap;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;

use nix::libc::SIGKILL;

use super::*;

/// How many processes start and end beside hinit, and how often a server does meanwhile.
const PROCESSES: usize = 10_000;
const LIVES: usize = 60;

/// Processes that nobody may signal, until this many have ended.
fn start_bystanders(ended: &AtomicUsize) {
    while ended.load(SeqCst) < PROCESSES {
        // Most end at once, and some stay for a moment with the PID of an earlier process.
        let time = if ended.fetch_add(1, SeqCst).is_multiple_of(8) {
            "0.05"
        } else {
            "0"
        };
        let status = Command::new("sleep").arg(time).status().unwrap();
        assert!(status.success(), "a stray signal: {status}");
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

/// One life of a server, which ignores TERM. Each third hands over to an orphan, and each third ends with hinit's
/// death.
fn live(number: usize, pid_file: &Path, mut has_pid: impl FnMut(i32)) {
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
    let start = Start::by(Mode::Subreaper, &["env", "--ignore-signal=TERM"]);
    let start = start
        .pid_file(pid_file)
        .args(["--notify", "--grace", "100ms"]);
    let hinit = start.script(&script).arg(&go).start();
    assert_eq!(hinit.line(), "first");
    has_pid(recorded(pid_file));
    fs::write(&go, "\n").unwrap();
    let hinit = hinit.ready();
    has_pid(recorded(pid_file));
    if number % 3 == 1 {
        hinit.kill_with_server();
    } else {
        kill(recorded(pid_file), SIGKILL);
        assert_eq!(hinit.end().code, 137);
    }
}

#[test]
fn no_reused_pid_is_healthy_or_gets_a_signal() {
    let (mut own, dir) = (OwnSystem::new(), TempDir::new());
    own.set("kernel/pid_max", "400");
    let pid_file = dir.join("pid");
    let (starts, ended) = (Starts::default(), AtomicUsize::new(0));
    let mut starts_of: HashMap<i32, Vec<usize>> = HashMap::new();
    let mut lives = 0;
    let (checked, sent) = thread::scope(|scope| {
        let bystanders: Vec<_> = (0..3)
            .map(|_| scope.spawn(|| start_bystanders(&ended)))
            .collect();
        let checks = scope.spawn(|| starts.check_until_done(&pid_file));
        let signals = scope.spawn(|| signal_until_done(&starts, &pid_file));
        let done = SetOnDrop(&starts.done);
        while lives < LIVES || ended.load(SeqCst) < PROCESSES {
            lives += 1;
            starts.begun.store(lives, SeqCst);
            live(lives, &pid_file, |pid| {
                starts_of.entry(pid).or_default().push(lives);
            });
            starts.over.store(lives, SeqCst);
        }
        drop(done);
        for bystander in bystanders {
            bystander.join().unwrap();
        }
        (checks.join().unwrap(), signals.join().unwrap())
    });
    let healthy = checked
        .iter()
        .filter(|check| check.is_healthy(&starts_of))
        .count();
    let pids = starts_of.len();
    assert!(
        healthy > 0 && sent > 0,
        "{healthy} checks were healthy, {sent} signals sent"
    );
    assert!(lives > pids / 2, "{lives} lives had {pids} PIDs");
}
