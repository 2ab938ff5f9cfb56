//! The init ends with its command: the exit code, and what happens to leftovers.

use nix::libc::{SIGTERM, SIGUSR1};

use super::*;

/// The options with which each init logs nothing.
const QUIET: [(&str, &[&str]); 4] = [
    ("tini", &["-s"]),
    ("tini-static", &["-s"]),
    ("dumb-init", &[]),
    ("catatonit", &[]),
];

in_both_modes!(
    the_code_is_the_commands,
    a_death_by_a_signal_is_128_plus_its_number,
    a_normal_run_has_no_lines_and_no_pid_file,
    tini_maps_expected_codes_to_0,
    leftovers_are_not_waited_for
);

fn the_code_is_the_commands(mode: Mode) {
    for (name, arguments) in QUIET {
        for code in [0, 1, 2, 3, 77, 126, 127, 143, 255] {
            let run = |init: &Init| {
                let ended = init
                    .with(mode, arguments)
                    .fixture(["exit", &code.to_string()])
                    .run();
                (ended.code, ended.stdout, ended.log)
            };
            assert_alike(name, run, (code, String::new(), String::new()));
        }
    }
}

fn a_death_by_a_signal_is_128_plus_its_number(mode: Mode) {
    for (name, arguments) in QUIET {
        for signal in [1, 2, 3, 4, 6, 8, 9, 11, 13, 14, 15, 31, 35, 64] {
            let run = |init: &Init| {
                let ended = init
                    .with(mode, arguments)
                    .fixture(["die", &signal.to_string()])
                    .run();
                (ended.code, ended.stdout, ended.log)
            };
            assert_alike(name, run, (128 + signal, String::new(), String::new()));
        }
    }
}

fn a_normal_run_has_no_lines_and_no_pid_file(mode: Mode) {
    for (name, arguments) in QUIET {
        let run = |init: &Init| {
            let running = init
                .with(mode, arguments)
                .fixture(["signals"])
                .start()
                .ready();
            running.signal(SIGUSR1);
            assert_eq!(running.line(), "signal 10");
            assert!(!init.pid_file().exists());
            let ended = running.stop();
            (ended.code, ended.stdout, ended.log)
        };
        assert_alike(name, run, (0, "signal 15".into(), String::new()));
    }
}

fn tini_maps_expected_codes_to_0(mode: Mode) {
    let run = |arguments: &[&str], script: &str, code: i32| {
        let arguments: Vec<&str> = arguments.iter().chain(&["-s"]).copied().collect();
        assert_alike(
            "tini",
            |init| init.with(mode, &arguments).script(script).run().code,
            code,
        );
    };
    run(&["-e", "3"], "exit 3", 0);
    run(&["-e3"], "exit 4", 4);
    run(&["-e", "0"], "exit 1", 1);
    run(&["-e", "255", "-e", "1"], "exit 255", 0);
    run(&["-e", "255", "-e", "1"], "exit 1", 0);
    run(&["-e", "143"], "kill $$", 0);
    run(&["-e", "143"], "kill -9 $$", 137);
    run(&["-e", "143", "-e", "137"], "kill -9 $$", 0);
}

fn leftovers_are_not_waited_for(mode: Mode) {
    for (name, arguments) in QUIET {
        // The kernel kills the leftovers of PID 1; others must not outlive the test.
        let run = |init: &Init| {
            let start = init.with(mode, arguments);
            let script = "trap '' TERM; sleep 1000 >/dev/null 2>&1 & echo $!; exit 3";
            let mut running = start.script(script).start();
            let pid: i32 = running.line().parse().unwrap();
            let code = running.code();
            if mode == Mode::Subreaper {
                assert_eq!(is_stopped(pid), Some(false));
                kill(pid, SIGKILL);
            }
            code
        };
        assert_alike(name, run, 3);
    }
}

#[test]
fn leftovers_get_the_signal_of_each_init() {
    for (name, arguments, expected) in [
        ("tini", &["-s"][..], Received::new()),
        ("tini", &["-sg"], Received::new()),
        ("dumb-init", &[], received(&["child"], &[SIGTERM])),
        ("dumb-init", &["-r", "15:12"], received(&["child"], &[12])),
        ("dumb-init", &["-r", "15:0"], Received::new()),
        ("dumb-init", &["-c"], Received::new()),
        ("catatonit", &[], Received::new()),
        ("catatonit", &["-g"], Received::new()),
    ] {
        let run = |init: &Init| Family::start(init.with(Mode::Subreaper, arguments)).server_ends();
        assert_alike(name, run, expected);
    }
}
