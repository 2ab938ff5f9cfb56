//! Races between real processes.

use std::collections::HashMap;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;

use crate::support::*;

/// Two hinits start at once on one path: one owns it, the other names the owner.
#[test]
fn two_hinits_never_own_one_path() {
    let dir = TempDir::new();
    let path = dir.join("pid");
    for _ in 0..200 {
        let start = || {
            Start::new(Mode::Subreaper)
                .pid_file(&path)
                .fixture(["ready"])
                .start()
        };
        let (one, other) = (start(), start());
        let pid = recorded(&path);
        let owner_is_one = children_of(one.pid()) == [pid];
        let (owner, loser) = if owner_is_one {
            (one, other)
        } else {
            (other, one)
        };
        let loser = loser.end();
        assert_eq!(loser.code, 125, "{}", loser.log);
        assert!(
            loser
                .log
                .contains(&format!("another hinit has locked it, for process {pid};")),
            "{}",
            loser.log
        );
        assert_eq!(loser.stdout, "");
        let owner = owner.ready();
        assert_eq!(recorded(&path), pid);
        assert_eq!(owner.stop().code, 143);
    }
}

/// How often a server is started and stopped, and how many threads run health checks meanwhile.
const CYCLES: usize = 500;
const CHECKS: usize = 8;

#[test]
fn no_health_check_is_wrong_or_stops_a_start() {
    let dir = TempDir::new();
    let path = dir.join("pid");
    let starts = Starts::default();
    // A PID may be reused within the test where pid_max is small.
    let mut starts_of: HashMap<i32, Vec<usize>> = HashMap::new();
    let checked: Vec<Checked> = thread::scope(|scope| {
        let check = || starts.check_until_done(&path);
        let checks: Vec<_> = (0..CHECKS).map(|_| scope.spawn(check)).collect();
        let done = SetOnDrop(&starts.done);
        for number in 1..=CYCLES {
            starts.begun.store(number, SeqCst);
            let hinit = start_fixture(Mode::Subreaper, &path, "ready");
            starts_of.entry(recorded(&path)).or_default().push(number);
            let ended = hinit.stop();
            assert_eq!(ended.code, 143, "{}", ended.log);
            starts.over.store(number, SeqCst);
        }
        drop(done);
        checks
            .into_iter()
            .flat_map(|check| check.join().unwrap())
            .collect()
    });
    let name = path.to_str().unwrap();
    let mut healthy = 0;
    for check in checked {
        if check.is_healthy(&starts_of) {
            healthy += 1;
            continue;
        }
        let expected = [
            "the server has not started yet, or has ended",
            "PID file P does not exist",
            // The file exists and is not locked yet.
            "PID file P is empty",
            "PID file P was replaced meanwhile",
            // hinit ended after the check had opened the file and before it tested the lock.
            "PID file P is stale: no hinit has locked it",
        ];
        let verdict = &check.verdict;
        let what = verdict
            .strip_prefix("unhealthy: ")
            .unwrap()
            .replace(name, "P");
        let zombie = what.starts_with("process ") && what.ends_with(" is a zombie");
        assert!(expected.contains(&what.as_str()) || zombie, "{verdict}");
    }
    assert!(
        healthy > 0,
        "no health check was healthy, so the test proves nothing"
    );
}
