//! No signal is lost at any instant after hinit has blocked them all.

use std::process::Stdio;

use nix::libc::SIGTERM;

use crate::support::*;

/// How often each test sends SIGTERM, at different instants of a start.
const TRIES: u64 = 1000;

in_both_modes!(
    a_term_at_any_instant_ends_the_server,
    a_term_at_any_instant_ends_the_group
);

fn a_term_at_any_instant_ends_the_server(mode: Mode) {
    term_at_any_instant(mode, &[]);
}

fn a_term_at_any_instant_ends_the_group(mode: Mode) {
    term_at_any_instant(mode, &["-g"]);
}

fn term_at_any_instant(mode: Mode, options: &[&str]) {
    for attempt in 0..TRIES {
        let mut command = command_in(mode, hinit());
        command
            .args(["-q", "--no-pid-file"])
            .args(options)
            .args(["sleep", "1000"]);
        let mut child = command.stdin(Stdio::null()).spawn().unwrap();
        let started = child.id().cast_signed();
        let hinit = match mode {
            // Before hinit blocks SIGTERM, its default action ends hinit, so it is not lost.
            Mode::Subreaper => started,
            // The kernel drops a signal that PID 1 neither blocks nor handles, so wait until it is
            // blocked.
            Mode::Pid1 => eventually("hinit blocks all signals", || {
                let pid = children_of(started).pop()?;
                let blocked = status_of(pid, "SigBlk")?;
                (blocked == "fffffffffffbfeff").then_some(pid)
            }),
        };
        // A loop of work, not a clock, decides when the signal is sent. The factor is prime, so
        // that there is no pattern.
        for _ in 0..attempt * 7919 % 4000 {
            std::hint::black_box(nix::unistd::getppid());
        }
        kill(hinit, SIGTERM);
        let mut end = || child.try_wait().unwrap().map(Ended::code_of);
        let code = eventually("the signal reaches the server", &mut end);
        assert_eq!(code, 143, "attempt {attempt}");
    }
}
