//! The stop: which processes get TERM, which are waited for, which are killed, and what hinit logs
//! in the end.

use std::fs;
use std::process::Command;

use nix::libc::{SIGHUP, SIGINT, SIGKILL, SIGQUIT, SIGTERM, SIGUSR1};
use nix::sys::signal::{Signal, kill as nix_kill};
use nix::unistd::Pid;

use crate::support::*;

mod hidden;
mod readers;
mod survivors;

/// hinit with a drain that is long enough for a machine under load.
fn with_long_drain(mode: Mode) -> Start {
    Start::new(mode).args(["--grace", "10m"])
}

/// A shell command for a process that the server leaves behind and that ignores SIGTERM.
const STUBBORN: &str = "(trap '' TERM; exec sleep 1000) &";

/// A shell command for a process that prints `$1` at SIGTERM and exits. The file exists when its
/// trap is set.
fn prints_at_term(dir: &TempDir, words: &str) -> String {
    let ready = dir.join("polite");
    let ready = ready.display();
    format!(
        "sh -c 'trap \"echo {words}; exit\" TERM; >{ready}; while :; do sleep 0.01; done' & \
         until test -e {ready}; do :; done;"
    )
}

/// The part of the last line on processes that were killed, or could not be.
fn leftovers_in(log: &str, verb: &str) -> Option<String> {
    let (_, rest) = log.split_once(&format!("; {verb} "))?;
    Some(rest.split('\n').next()?.to_owned())
}

in_both_modes!(
    leftovers_get_term_and_are_waited_for,
    daemons_in_other_sessions_and_stopped_ones_are_ended,
    a_process_that_starts_during_the_drain_gets_term,
    half_of_fifty_jobs_ignore_term_and_are_killed_after_the_grace_time,
    killed_leftovers_are_named_with_state_and_age,
    during_the_drain_the_pid_file_is_empty_and_locked,
    without_a_drain_no_process_is_waited_for,
    a_server_that_ignores_term_is_killed_with_its_descendants,
    during_the_stop_delay_the_server_runs_and_is_not_ready,
    signals_are_rewritten_or_dropped,
    a_normal_stop_can_have_exit_code_0,
    a_bomb_of_a_thousand_processes_ends,
    any_signals_at_any_phase_lead_to_an_end_without_a_pid_file
);

fn leftovers_get_term_and_are_waited_for(mode: Mode) {
    let dir = TempDir::new();
    let script = format!("{} exit 7", prints_at_term(&dir, "good bye"));
    let ended = with_long_drain(mode).no_pid_file().script(&script).run();
    assert_eq!((ended.code, ended.stdout.as_str()), (7, "good bye"));
    assert!(
        ended.log.contains("hinit: the server exited 7 after "),
        "{}",
        ended.log
    );
    assert_eq!(leftovers_in(&ended.log, "killed"), None, "{}", ended.log);
}

fn daemons_in_other_sessions_and_stopped_ones_are_ended(mode: Mode) {
    let dir = TempDir::new();
    let script = format!(
        "setsid sh -c \"$1\" & until test -e {0}; do :; done; kill -STOP $!; \
        until grep -q 'State:.T' /proc/$!/status; do :; done; exit 0",
        dir.join("polite").display()
    );
    let start = with_long_drain(mode).no_pid_file();
    let daemon = format!(
        "trap 'echo good bye; exit' TERM; >{}; while :; do sleep 0.01; done",
        dir.join("polite").display()
    );
    let ended = start.args(["--", "sh", "-c", &script, "sh", &daemon]).run();
    assert_eq!((ended.code, ended.stdout.as_str()), (0, "good bye"));
    assert_eq!(leftovers_in(&ended.log, "killed"), None, "{}", ended.log);
}

fn a_process_that_starts_during_the_drain_gets_term(mode: Mode) {
    // The first process, at SIGTERM, starts a second one as soon as hinit sleeps again. The second
    // is reparented to hinit when the first exits; or the first waits for it, and hinit gets no
    // signal about it.
    let asleep = "until grep -q ^State:.S /proc/$0/status; do :; done;";
    for then in ["", "wait;"] {
        let dir = TempDir::new();
        let first = dir.join("first");
        let script = format!(
            "sh -c 'trap \"{asleep} sleep 1000 & {then} exit\" TERM; >{0}; while :; do sleep \
             0.01; done' $PPID & \
            until test -e {0}; do :; done; exit 3",
            first.display()
        );
        let ended = with_long_drain(mode).no_pid_file().script(&script).run();
        assert_eq!(
            (ended.code, leftovers_in(&ended.log, "killed")),
            (3, None),
            "{}",
            ended.log
        );
    }
}

fn half_of_fifty_jobs_ignore_term_and_are_killed_after_the_grace_time(mode: Mode) {
    let script = "trap 'exit 7' TERM; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 \
                  21 22 23 24 25; do \
        (trap - TERM; exec sleep 1000) & (trap '' TERM; echo armed; exec sleep 1000) & done; \
        while :; do sleep 0.01; done";
    let hinit = Start::new(mode)
        .no_pid_file()
        .args(["--grace", "500ms"])
        .script(script)
        .start();
    for _ in 0..25 {
        assert_eq!(hinit.line(), "armed");
    }
    let ended = hinit.stop();
    assert_eq!(ended.code, 7, "{}", ended.log);
    let killed = leftovers_in(&ended.log, "killed").unwrap();
    assert!(killed.starts_with("25 leftovers: "), "{killed}");
    assert!(killed.ends_with(" and 17 more"), "{killed}");
}

fn killed_leftovers_are_named_with_state_and_age(mode: Mode) {
    let dir = TempDir::new();
    let pid_file = dir.join("pid");
    let script =
        format!("{STUBBORN} until grep -q sleep /proc/$!/comm; do :; done; echo $!; exit 3");
    let ended = Start::new(mode)
        .pid_file(&pid_file)
        .args(["--grace", "100ms"])
        .script(&script)
        .run();
    let (pid, killed) = (ended.stdout, leftovers_in(&ended.log, "killed").unwrap());
    let age = killed
        .strip_prefix(&format!("1 leftover: sleep (PID {pid}, sleeping, "))
        .unwrap();
    assert!(age.ends_with("s ago)"), "{age}");
    assert_eq!(ended.code, 3);
    assert!(!pid_file.exists());
}

fn during_the_drain_the_pid_file_is_empty_and_locked(mode: Mode) {
    let dir = TempDir::new();
    let (pid_file, go) = (dir.join("pid"), dir.join("go"));
    let script = format!(
        "trap 'exit 0' USR1; (trap '' TERM; echo ready; until test -e {}; do sleep 0.01; done) & \
        while :; do sleep 0.01; done",
        go.display()
    );
    let hinit = with_long_drain(mode)
        .pid_file(&pid_file)
        .script(&script)
        .start()
        .ready();
    hinit.signal(SIGUSR1);
    eventually("the server has ended", || {
        (hinit.verdict(&pid_file) == "unhealthy: the server has not started yet, or has ended")
            .then_some(())
    });
    assert_eq!(fs::read(&pid_file).unwrap(), b"");
    // The next one starts before the last one has exited.
    let next = Start::new(Mode::Subreaper)
        .pid_file(&pid_file)
        .args(["true"])
        .run();
    assert!(
        next.code == 125 && next.log.contains("another hinit has locked it"),
        "{}",
        next.log
    );
    // A stop signal finds no server, and does no harm.
    hinit.signal(SIGTERM);
    fs::write(&go, "").unwrap();
    let ended = hinit.end();
    assert_eq!(ended.code, 0, "{}", ended.log);
    assert!(!pid_file.exists());
}

fn without_a_drain_no_process_is_waited_for(mode: Mode) {
    for by_variable in [false, true] {
        let start = Start::new(mode).no_pid_file();
        let start = if by_variable {
            start.with(|command| {
                command.env("HINIT_NO_DRAIN", "1");
            })
        } else {
            start.args(["--no-drain"])
        };
        let ended = start.script("sleep 1000 >&- 2>&- & echo $!; exit 7").run();
        assert_eq!(ended.code, 7, "{}", ended.log);
        if mode == Mode::Subreaper {
            // The file still exists, and no process holds its lock.
            kill(ended.stdout.parse().unwrap(), SIGKILL);
        }
    }
}

fn a_server_that_ignores_term_is_killed_with_its_descendants(mode: Mode) {
    let dir = TempDir::new();
    let pid_file = dir.join("pid");
    let start = Start::new(mode).pid_file(&pid_file).with(|command| {
        command.env("HINIT_GRACE", "100ms");
    });
    let hinit = start
        .script(&format!(
            "trap '' TERM; {STUBBORN} echo ready; while :; do sleep 0.01; done"
        ))
        .start()
        .ready();
    let ended = hinit.stop();
    assert_eq!(ended.code, 137);
    let (start, end) = ended
        .log
        .split_once(" later (killed by SIGKILL when its grace time was over, up ")
        .unwrap();
    assert!(
        start.starts_with(&format!(
            "hinit: SIGTERM from {}; the server ended ",
            sender(mode)
        )),
        "{start}"
    );
    assert!(end.contains("s); killed "), "{end}");
    assert!(!pid_file.exists());
}

fn during_the_stop_delay_the_server_runs_and_is_not_ready(mode: Mode) {
    let dir = TempDir::new();
    let pid_file = dir.join("pid");
    let start = Start::new(mode)
        .pid_file(&pid_file)
        .args(["--stop-delay", "10m"]);
    let hinit = start.fixture(["signals"]).start().ready();
    let pid = recorded(&pid_file);
    assert_eq!(
        hinit.verdict(&pid_file),
        format!("healthy: process {pid} is alive")
    );
    hinit.signal(SIGTERM);
    eventually("health checks see the stop", || {
        (hinit.verdict(&pid_file) == format!("unhealthy: process {pid} is about to be stopped"))
            .then_some(())
    });
    // The file still names the PID, for other programs.
    assert_eq!(recorded(&pid_file), pid);
    // An engine with a shorter timeout would kill the container with no sign of the reason but this
    // line.
    let line = hinit.log_line();
    assert!(line.starts_with("hinit: SIGTERM from "), "{line}");
    assert!(
        line.ends_with(": unhealthy from now on, passed on in 600s"),
        "{line}"
    );
    // Any other signal passes at once; the same one ends the delay.
    for (signal, line) in [
        (SIGHUP, "signal 1"),
        (SIGINT, "signal 2"),
        (SIGTERM, "signal 15"),
    ] {
        hinit.signal(signal);
        assert_eq!(hinit.line(), line);
    }
    let ended = hinit.end();
    ended.assert_code_and_lines(0, 1);
    assert!(!pid_file.exists());
    // The delay also ends by itself.
    let start = Start::new(mode)
        .pid_file(&pid_file)
        .args(["--stop-delay", "50ms"]);
    let hinit = start.fixture(["signals"]).start().ready();
    hinit.signal(SIGQUIT);
    assert_eq!(hinit.line(), "signal 3");
    assert_eq!(hinit.stop().code, 0);
}

fn signals_are_rewritten_or_dropped(mode: Mode) {
    let rules = [
        "--rewrite",
        "HUP=",
        "--rewrite",
        "INT=RTMIN+3",
        "--rewrite=SIGUSR1=USR2",
        "--rewrite",
        "RTMIN+1=10",
    ];
    let hinit = Start::new(mode)
        .no_pid_file()
        .args(rules)
        .fixture(["signals"])
        .start()
        .ready();
    hinit.signal(SIGHUP);
    for (signal, line) in [
        (SIGINT, "signal 37"),
        (SIGUSR1, "signal 12"),
        (35, "signal 10"),
        (SIGTERM, "signal 15"),
    ] {
        hinit.signal(signal);
        assert_eq!(hinit.line(), line);
    }
    let ended = hinit.end();
    assert_eq!(ended.code, 0);
    // The signal that was received counts, not the one it is rewritten to.
    assert!(
        ended.log.starts_with("hinit: SIGINT from "),
        "{}",
        ended.log
    );
}

fn a_normal_stop_can_have_exit_code_0(mode: Mode) {
    for (options, signal, code) in [
        (&[][..], SIGTERM, 143),
        (&["--clean-stop"], SIGTERM, 0),
        // Killed by the signal that it got after the rewriting.
        (&["--clean-stop", "--rewrite", "TERM=QUIT"], SIGTERM, 0),
        (&["--map-exit", "TERM=0"], SIGTERM, 0),
        (&["--map-exit", "143=7"], SIGTERM, 7),
        (&["--map-exit", "TERM=0"], SIGINT, 130),
    ] {
        // No core files in the working directory.
        let start = Start::by(mode, &["prlimit", "--core=0"])
            .no_pid_file()
            .args(options);
        let hinit = start.fixture(["ready"]).start().ready();
        hinit.signal(signal);
        assert_eq!(hinit.end().code, code, "{options:?}");
    }
    // Death by a signal that hinit did not pass on is no clean stop.
    let hinit = Start::new(mode)
        .no_pid_file()
        .args(["--clean-stop"])
        .fixture(["ready"])
        .start()
        .ready();
    kill(hinit.server(), SIGTERM);
    assert_eq!(hinit.end().code, 143);
}

fn a_bomb_of_a_thousand_processes_ends(mode: Mode) {
    let ended = Start::new(mode)
        .no_pid_file()
        .args(["--grace", "1s"])
        .fixture(["bomb", "1000"])
        .run();
    assert_eq!(ended.code, 0);
    let killed = leftovers_in(&ended.log, "killed").unwrap();
    let count: u32 = killed.split(' ').next().unwrap().parse().unwrap();
    assert!(
        count > 1 && killed.contains(" leftovers: fixture (PID "),
        "{killed}"
    );
    assert!(!ended.log.contains("could not end"), "{}", ended.log);
}

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
    let mut random = Random(1);
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

/// A generator (xorshift) that gives the same numbers each time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(bound).unwrap()).unwrap()
    }
}

/// As `docker exec` does: a process of the same PID namespace that is not a descendant of hinit.
#[test]
fn an_unrelated_process_in_the_same_pid_namespace_is_left_alone() {
    let dir = TempDir::new();
    let go = dir.join("go");
    // The leftover gets TERM, prints it, and stays for a while.
    let leftover = format!(
        "(trap 'echo told' TERM; echo ready; until test -e {}; do sleep 0.01; done) &",
        go.display()
    );
    let hinit = with_long_drain(Mode::Pid1).no_pid_file();
    let hinit = hinit.script(&format!("{leftover} wait")).start().ready();
    let mut stranger = hinit.nsenter();
    let script = "trap 'echo told' TERM; trap 'echo alive' USR1; echo ready; \
        while :; do sleep 0.01; done";
    stranger.args(["sh", "-c", script]);
    let stranger = Start::of(Mode::Subreaper, stranger).start().ready();
    hinit.signal(SIGTERM);
    assert_eq!(hinit.line(), "told");
    // `nsenter` has forked to get into the namespace.
    kill(children_of(stranger.pid())[0], SIGUSR1);
    assert_eq!(stranger.line(), "alive");
    fs::write(&go, "").unwrap();
    // The end of PID 1 kills the other process as well, but by KILL.
    assert_eq!(hinit.end().code, 143);
    assert_eq!(stranger.end().stdout, "");
}
