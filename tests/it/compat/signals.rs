//! Which process gets which signal.

use nix::libc::{SIGABRT, SIGBUS, SIGCHLD, SIGCONT, SIGFPE, SIGILL, SIGKILL, SIGPWR, SIGSEGV};
use nix::libc::{SIGINT, SIGQUIT, SIGSTOP, SIGSYS, SIGTERM, SIGTRAP, SIGTSTP, SIGTTIN, SIGTTOU};

use super::*;

/// The signals that all three pass on, in the order in which the kernel delivers them: SIGPWR comes
/// last.
fn passed_on() -> Vec<i32> {
    let others = [SIGKILL, SIGSTOP, SIGCHLD, SIGSYS];
    let at_a_terminal = [SIGTSTP, SIGTTIN, SIGTTOU];
    let of_faults = [SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV];
    let left_out = others.into_iter().chain(at_a_terminal).chain(of_faults);
    let left_out: Vec<i32> = left_out.collect();
    (1..=SIGPWR)
        .filter(|signal| !left_out.contains(signal))
        .collect()
}

/// Sends the init these signals, and returns which processes got them.
#[track_caller]
fn recipients(init: &Init, mode: Mode, arguments: &[&str], signals: &[i32]) -> Received {
    let (variables, arguments): (Vec<&str>, Vec<&str>) = arguments
        .iter()
        .partition(|w| w.starts_with(char::is_uppercase));
    let start = init.with(mode, &arguments).with(|command| {
        command.envs(
            variables
                .iter()
                .filter_map(|variable| variable.split_once('=')),
        );
    });
    let mut family = Family::start(start);
    family.signal(signals);
    family.end()
}

const SERVER: &[&str] = &["server"];
const GROUP: &[&str] = &["child", "server"];

in_both_modes!(
    signals_go_to_the_server_or_to_its_group,
    dumb_init_passes_on_signals_of_faults,
    tini_passes_ctrl_z_on,
    dumb_init_rewrites_and_drops,
    dumb_init_stops_and_goes_on_with_its_group,
    dumb_init_stops_even_if_the_signal_is_dropped
);

fn signals_go_to_the_server_or_to_its_group(mode: Mode) {
    let all = passed_on();
    // SIGCHLD is for the init alone.
    let sent: Vec<i32> = [SIGCHLD].into_iter().chain(all.iter().copied()).collect();
    for (name, arguments, members) in [
        ("tini", &[][..], SERVER),
        ("tini", &["-s"], SERVER),
        ("tini", &["-g"], GROUP),
        ("tini", &["TINI_KILL_PROCESS_GROUP="], GROUP),
        ("tini", &["TINI_KILL_PROCESS_GROUP=0"], GROUP),
        ("tini-static", &["-sg"], GROUP),
        ("dumb-init", &[], GROUP),
        ("dumb-init", &["-c"], SERVER),
        ("dumb-init", &["--single-child"], SERVER),
        ("dumb-init", &["DUMB_INIT_SETSID=0"], SERVER),
        ("dumb-init", &["DUMB_INIT_SETSID=1"], GROUP),
        ("catatonit", &[], SERVER),
        ("catatonit", &["-g"], GROUP),
    ] {
        assert_alike(
            name,
            |init| recipients(init, mode, arguments, &sent),
            received(members, &all),
        );
    }
}

fn dumb_init_passes_on_signals_of_faults(mode: Mode) {
    let sent = [
        SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGSYS, SIGPWR,
    ];
    assert_alike(
        "dumb-init",
        |init| recipients(init, mode, &[], &sent),
        received(GROUP, &sent),
    );
}

fn tini_passes_ctrl_z_on(mode: Mode) {
    let sent = [SIGTSTP, SIGPWR];
    assert_alike(
        "tini",
        |init| recipients(init, mode, &[], &sent),
        received(SERVER, &sent),
    );
}

fn dumb_init_rewrites_and_drops(mode: Mode) {
    let sent = [1, SIGINT, SIGQUIT, SIGTERM, SIGPWR];
    for (arguments, got) in [
        (&["-r", "15:10"][..], &[1, 2, 3, 10, 30][..]),
        (&["-r", "15:10", "-r", "1:0"], &[2, 3, 10, 30]),
        (
            &["-r15:10", "--rewrite", "2:0", "--rewrite=3:31"],
            &[1, 10, 30, 31],
        ),
        // The last one counts, and nothing is rewritten twice.
        (
            &["-r", "15:10", "-r", "15:12", "-r", "12:1"],
            &[1, 2, 3, 12, 30],
        ),
    ] {
        assert_alike(
            "dumb-init",
            |init| recipients(init, mode, arguments, &sent),
            received(GROUP, got),
        );
    }
    // The whole family gets the signal, also one that cannot be caught.
    let killed = |init: &Init| {
        let mut init = init
            .with(mode, &["-r", "1:9"])
            .fixture(["ready"])
            .start()
            .ready();
        init.signal(1);
        init.code()
    };
    assert_alike("dumb-init", killed, 137);
}

/// Waits until the init has sent itself SIGSTOP, which it does last. No signal can stop PID 1, but
/// this one would discard a SIGCONT that is pending.
fn init_stops_or_sleeps(pid: i32, mode: Mode, signal: i32) {
    match mode {
        Mode::Subreaper => wait_for_stop(pid),
        Mode::Pid1 => assert_eq!(state_after(pid, signal), 'S'),
    }
}

fn dumb_init_stops_and_goes_on_with_its_group(mode: Mode) {
    for signal in [SIGTSTP, SIGTTIN, SIGTTOU] {
        let stop_and_go = |init: &Init| {
            let mut family = Family::start(init.with(mode, &[]));
            let pid = family.init().pid();
            family.init().signal(signal);
            [family.server, family.child]
                .into_iter()
                .for_each(wait_for_stop);
            init_stops_or_sleeps(pid, mode, signal);
            let others = family.others.map(|pid| is_stopped(pid).unwrap());
            family.init().signal(SIGCONT);
            family.expect("server", SIGCONT);
            for pid in [pid, family.server, family.child] {
                eventually("the process continues", || {
                    (!is_stopped(pid)?).then_some(())
                });
            }
            (others, family.end())
        };
        assert_alike(
            "dumb-init",
            stop_and_go,
            ([false; 2], received(GROUP, &[SIGCONT])),
        );
    }
}

fn dumb_init_stops_even_if_the_signal_is_dropped(mode: Mode) {
    for (arguments, members, got) in [
        (&["-r", "20:12"][..], GROUP, Some(12)),
        (&["-r", "20:0"], GROUP, None),
        // This command ignores stop signals.
        (&["-r", "20:20"], GROUP, Some(SIGTSTP)),
        (&["-c"], SERVER, Some(SIGTSTP)),
        (&["-c", "-r", "20:0"], SERVER, None),
    ] {
        let stop_and_go = |init: &Init| {
            let mut family = Family::start(init.with(mode, arguments));
            let pid = family.init().pid();
            family.init().signal(SIGTSTP);
            // SIGCONT would discard it while it is pending.
            if let Some(signal) = got {
                for member in members {
                    family.expect(member, signal);
                }
            }
            init_stops_or_sleeps(pid, mode, SIGTSTP);
            family.init().signal(SIGCONT);
            family.expect("server", SIGCONT);
            family.end()
        };
        let all: Vec<i32> = got.into_iter().chain([SIGCONT]).collect();
        assert_alike("dumb-init", stop_and_go, received(members, &all));
    }
}
