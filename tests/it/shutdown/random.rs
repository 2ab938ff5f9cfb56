//! Random signals at any time.

use std::fs;

use nix::sys::signal::{Signal, kill as nix_kill};
use nix::unistd::Pid;

use super::STUBBORN;
use crate::support::*;

in_both_modes!(any_signals_at_any_phase_lead_to_an_end_without_a_pid_file);

fn any_signals_at_any_phase_lead_to_an_end_without_a_pid_file(mode: Mode) {
    let dir = TempDir::new();
    let pid_file = dir.join("pid");
    let go = dir.join("go");
    let servers = [
        "sleep 1000".to_owned(),
        "trap 'exit 3' TERM INT QUIT HUP; while :; do sleep 0.001; done".to_owned(),
        format!("{STUBBORN} sleep 1000 & wait"),
        format!("trap '' TERM INT QUIT HUP; {STUBBORN} sleep 1000 & while :; do sleep 0.001; done"),
        format!(
            "{STUBBORN} until test -e {}; do sleep 0.001; done",
            go.display()
        ),
    ];
    let mut random = Random::new(1);
    for round in 0..150 {
        let server = &servers[random.below(servers.len())];
        let mut options = vec!["-q", "--grace", "50ms"];
        options.extend([&[][..], &["--stop-delay", "20ms"], &["-g"]][random.below(3)]);
        let hinit = Start::by(mode, &["prlimit", "--core=0"])
            .pid_file(&pid_file)
            .args(&options)
            .script(server)
            .start();
        // From here on hinit has blocked the signals; tests/it/window.rs has signals before that.
        let pid = Pid::from_raw(hinit.pid());
        recorded(&pid_file);
        fs::write(&go, "").unwrap();
        for _ in 0..random.below(5) {
            for _ in 0..random.below(20_000) {
                std::hint::black_box(nix::unistd::getppid());
            }
            // hinit may have exited by now.
            let _gone = nix_kill(
                pid,
                [
                    Signal::SIGTERM,
                    Signal::SIGTERM,
                    Signal::SIGTERM,
                    Signal::SIGINT,
                    Signal::SIGQUIT,
                    Signal::SIGHUP,
                ][random.below(6)],
            );
        }
        // Now it gets a stop signal at the latest, twice because there may be a delay.
        for _ in 0..2 {
            let _gone = nix_kill(pid, Signal::SIGTERM);
        }
        let ended = hinit.end();
        fs::remove_file(&go).unwrap();
        assert!(
            !pid_file.exists(),
            "round {round}: {server}, {options:?}: {ended:?}"
        );
    }
}
