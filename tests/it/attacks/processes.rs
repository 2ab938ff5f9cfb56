//! What a server of another user can do to the process hinit, and what it can forge.

use nix::libc::{SIGCHLD, SIGHUP};

use super::*;
use crate::signals::queue;

in_both_modes!(
    a_server_of_another_user_cannot_harm_hinit,
    a_forged_sigchld_does_not_end_hinit
);

// It tries every signal by every system call, with forged senders and codes; ptrace, limits,
// memory, descriptors.
fn a_server_of_another_user_cannot_harm_hinit(mode: Mode) {
    if !can_attack() {
        return;
    }
    let dir = TempDir::new();
    let (program, path) = (fixture_for_all(&dir), dir.join("pid"));
    let user = ATTACKER.to_string();
    let script = format!("exec {} attack $PPID", program.display());
    let start = Start::new(mode)
        .pid_file(&path)
        .args(["-v", "--user", &user]);
    // `ready` is printed after all attempts.
    let hinit = start.script(&script).start().ready();
    let pid = recorded(&path);
    assert_eq!(
        hinit.verdict(&path),
        format!("healthy: process {pid} is alive")
    );
    let ended = hinit.stop();
    assert_eq!((ended.code, ended.stdout.as_str()), (143, ""));
    // All that reached hinit: SIGCONT, which the kernel allows within one session (kill(2)).
    let others = ended
        .log
        .lines()
        .filter(|line| line.contains(&format!("of UID {user}")));
    assert!(
        others
            .clone()
            .all(|line| line.starts_with("hinit: SIGCONT from ")),
        "{}",
        ended.log
    );
}

// A process that may signal hinit can also forge the sender and the code.
fn a_forged_sigchld_does_not_end_hinit(mode: Mode) {
    let dir = TempDir::new();
    let path = dir.join("pid");
    let hinit = start_fixture(mode, &path, "signals");
    let pid = recorded(&path);
    for value in [0, usize::try_from(pid).unwrap(), usize::MAX] {
        queue(hinit.pid(), SIGCHLD, value);
    }
    kill(hinit.pid(), SIGCHLD);
    // When this signal has arrived, the forged ones have arrived before.
    hinit.signal(SIGHUP);
    assert_eq!(hinit.line(), "signal 1");
    assert_eq!(
        hinit.verdict(&path),
        format!("healthy: process {pid} is alive")
    );
    hinit.signal(SIGTERM);
    assert_eq!(hinit.line(), "signal 15");
    assert_eq!(hinit.end().code, 0);
}
