//! The attacker swaps the files at the path of the PID file, and at that of its directory, as fast
//! as it can, while hinit starts and stops.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::Instant;

use super::paths::facts;
use super::*;

/// The minimum of starts and stops.
const CYCLES: usize = 200;

/// Symlinks to the victims' files, a copy of their contents, and no file, in turns; and the
/// directory moved away and back, with a symlink to the victims' directory in its place.
const SWAP: &str = r#"
cd "$1"; mkdir work 2>/dev/null || :
echo ready
while :; do
    ln -s "$2/pid" link && mv -fT link own/pid; ln "$2/pid" own/pid 2>/dev/null || :
    mv -fT own/pid own/old; ln -s "$2/other" own/pid; rm -f own/pid
    echo "$3" >own/new; mv -fT own/new own/pid; mv -fT own/pid own/pid.sock; rm -f own/pid.sock own/old
    mv -T own away; ln -s "$2" own; rm own; mv -T away own
done 2>/dev/null
"#;

#[test]
fn no_wrong_file_or_process_is_used_while_names_are_swapped() {
    if !can_attack() {
        return;
    }
    let dir = TempDir::new();
    let parent = attackers_directory(&dir, "parent");
    assert!(
        by_attacker("mkdir")
            .arg(parent.join("own"))
            .status()
            .unwrap()
            .success()
    );
    let path = parent.join("own/pid");
    let victim = TestProcess::sleeping();
    let victims = dir.join("victims");
    fs::create_dir(&victims).unwrap();
    // Two PID files of root: that of a running hinit, and one without a lock.
    let _held = locked_pid_file(&victims.join("other"), victim.pid().to_string());
    fs::write(victims.join("pid"), format!("{}\n", victim.pid())).unwrap();
    let files = ["pid", "other"].map(|name| victims.join(name));
    let before = files.clone().map(|file| facts(&file));
    let mut swap = by_attacker("sh");
    swap.args(["-c", SWAP, "sh"])
        .args([&parent, &victims])
        .arg(victim.pid().to_string());
    let swap = Start::of(Mode::Subreaper, swap).start().ready();
    let is_over = AtomicBool::new(false);
    let victims_line = format!("process {} ", victim.pid());
    let verdicts = thread::scope(|scope| {
        let check = || {
            let mut verdicts = 0;
            while !is_over.load(SeqCst) {
                let verdict = verdict(&path);
                assert!(!verdict.contains(&victims_line), "{verdict}");
                let arguments = ["signal", "KILL", "--pid-file", path.to_str().unwrap()];
                let ended = run_hinit(arguments);
                assert!(!ended.stdout.contains(&victims_line), "{ended:?}");
                verdicts += 1;
            }
            verdicts
        };
        let checks = scope.spawn(check);
        let (mut codes, mut cycle, begun) = (BTreeSet::new(), 0, Instant::now());
        // Both results must have occurred: a launch, and a refusal.
        while cycle < CYCLES || !codes.is_superset(&BTreeSet::from([0, 125])) {
            assert!(begun.elapsed() < bound(), "only {codes:?}");
            cycle += 1;
            let start = Start::with_notify(Mode::Subreaper, &path);
            let start = start
                .arg("--remove-stale")
                .arg(&path)
                .fixture(["exit", "0"]);
            let ended = start.run();
            // The server is launched or refused, or was killed by the check with its own file.
            assert!([0, 125, 137].contains(&ended.code), "{ended:?}");
            codes.insert(ended.code);
        }
        is_over.store(true, SeqCst);
        checks.join().unwrap()
    });
    assert!(verdicts > 0);
    drop(swap);
    assert_eq!(files.map(|file| facts(&file)), before);
    assert_eq!(fs::read_dir(&victims).unwrap().count(), 2);
    victim.wait_for_state('S');
}
