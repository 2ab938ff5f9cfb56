//! A crash at any instant leaves a state from which the next start goes on by itself.

use std::fs;
use std::process::{Command, Stdio};

use nix::libc::{SIGKILL, SIGTERM};

use crate::support::*;

/// Kills hinit at ever later moments of its start, until several have come after its claim.
#[test]
fn killed_at_any_instant_of_a_start_the_next_one_works() {
    let dir = TempDir::new();
    let path = dir.join("pid");
    let (mut work, mut claimed) = (0_u64, 0);
    while claimed < 20 {
        let mut command = Command::new(hinit());
        command.arg("-q").arg("--pid-file").arg(&path);
        // A server that outlives hinit ends by itself when this test lets go of its input.
        let mut child = command.arg("cat").stdin(Stdio::piped()).spawn().unwrap();
        // Work, and not a clock, decides how far it gets. However slow the machine, steps that
        // grow with the work come to the end of the start.
        for _ in 0..work {
            std::hint::black_box(nix::unistd::getppid());
        }
        work += 20 + work / 16;
        kill(child.id().cast_signed(), SIGKILL);
        child.wait().unwrap();
        claimed += u32::from(fs::read(&path).is_ok_and(|written| !written.is_empty()));
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
