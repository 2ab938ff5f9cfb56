//! A crash at any instant leaves a state from which the next start goes on by itself.

use std::process::{Command, Stdio};

use nix::libc::{SIGKILL, SIGTERM};

use crate::support::*;

/// Kills hinit at ever later moments of its start, until it has the server running.
#[test]
fn killed_at_any_instant_of_a_start_the_next_one_works() {
    let dir = TempDir::new();
    let path = dir.join("pid");
    for attempt in 0..200_u64 {
        let mut command = Command::new(hinit());
        command.arg("-q").arg("--pid-file").arg(&path);
        // A server that outlives hinit ends by itself when this test lets go of its input.
        let mut child = command.arg("cat").stdin(Stdio::piped()).spawn().unwrap();
        // Work, and not a clock, decides how far it gets.
        for _ in 0..attempt * 20 {
            std::hint::black_box(nix::unistd::getppid());
        }
        kill(child.id().cast_signed(), SIGKILL);
        child.wait().unwrap();
        let verdict = verdict(&path);
        assert!(verdict.starts_with("unhealthy: "), "{verdict}");
        let next = Start::new(Mode::Subreaper)
            .pid_file(&path)
            .fixture(["ready"])
            .start()
            .ready();
        next.signal(SIGTERM);
        assert_eq!(next.end().code, 143);
    }
}
