//! Sessions, process groups and the terminal.

use std::process::Child;

use nix::libc::SIGUSR1;

use super::*;
use crate::terminal::interactive_bash;

/// Where a command is: whether it leads its session, and its process group; whether it has a terminal,
/// and is in the foreground there.
type Seen = [bool; 4];

fn seen(pid: i32) -> Seen {
    let place = place_of(pid);
    let is_foreground = place.has_terminal && place.foreground == place.group;
    [
        place.session == pid,
        place.group == pid,
        place.has_terminal,
        is_foreground,
    ]
}

/// One that leads its process group, but no session.
const GROUP_LEADER: Seen = [false, true, false, false];
const ITS_TERMINAL: Seen = [false, true, true, true];

/// The init with these words and the fixture, started on a terminal by other words.
fn command(init: &Init, mode: Mode, others: &[&str], words: &[&str], verb: &str) -> Command {
    let mut command = command_in(mode, others[0]);
    command.args(&others[1..]).arg(&init.program).args(words);
    command.args([Path::new("--"), &fixture()]).arg(verb);
    init.set_environment(&mut command);
    command
}

/// The last two: whoever was started has one child each, down to the command.
fn init_and_command(started: &Child) -> (i32, i32) {
    let (mut init, mut command) = (0, started.id().cast_signed());
    while let [below] = children_of(command)[..] {
        (init, command) = (command, below);
    }
    (init, command)
}

/// Where the command is once it is ready.
fn on_a_terminal(init: &Init, mode: Mode, others: &[&str], words: &[&str]) -> Seen {
    let mut pty = Pty::new();
    let mut child = pty.start(&mut command(init, mode, others, words, "ready"));
    pty.expect("ready");
    let (_, command) = init_and_command(&child);
    let seen = seen(command);
    kill(command, SIGKILL);
    eventually("it ends", || child.try_wait().unwrap());
    seen
}

const LEADER: [&str; 2] = ["setsid", "--ctty"];
/// A shell that leads the session, and waits.
const SCRIPT: [&str; 5] = ["setsid", "--ctty", "sh", "-c", "\"$0\" \"$@\"; :"];

in_both_modes!(
    without_a_terminal,
    leading_the_terminals_session,
    each_key_and_size_comes_once_and_nothing_else_does,
    the_hup_and_cont_of_a_left_terminal_are_dropped
);

fn without_a_terminal(mode: Mode) {
    for (name, words, place) in [
        ("tini", &["-s"][..], GROUP_LEADER),
        ("tini", &["-sg"], GROUP_LEADER),
        ("catatonit", &[], GROUP_LEADER),
        ("dumb-init", &[], [true, true, false, false]),
    ] {
        let run = |init: &Init| {
            let running = init.with(mode, words).fixture(["ready"]).start().ready();
            seen(running.server())
        };
        alike(name, run, place);
    }
}

fn leading_the_terminals_session(mode: Mode) {
    for (name, words, place) in [
        ("tini", &["-s"][..], ITS_TERMINAL),
        ("catatonit", &[], ITS_TERMINAL),
        // It leaves its terminal to the command's session.
        ("dumb-init", &[], [true; 4]),
    ] {
        alike(
            name,
            |init| on_a_terminal(init, mode, &LEADER, words),
            place,
        );
    }
}

fn each_key_and_size_comes_once_and_nothing_else_does(mode: Mode) {
    for (name, words) in [
        ("tini", &["-s"][..]),
        ("catatonit", &[]),
        ("dumb-init", &[]),
    ] {
        let run = |init: &Init| {
            let mut pty = Pty::new();
            let mut child = pty.start(&mut command(init, mode, &LEADER, words, "signals"));
            pty.expect("ready");
            let mut between = String::new();
            for (key, signal) in [("\x03", 2), ("\x1c", 3)] {
                pty.press(key);
                between += &pty.expect(&format!("signal {signal}"));
            }
            pty.resize(33, 99);
            between += &pty.expect("signal 28");
            drop(pty);
            eventually("it ends", || child.try_wait().unwrap());
            between.matches("signal").count()
        };
        alike(name, run, 0);
    }
}

// The kernel sends one that gives its terminal up a SIGHUP and a SIGCONT, which are no news for the command.
fn the_hup_and_cont_of_a_left_terminal_are_dropped(mode: Mode) {
    let mut pty = Pty::new();
    let init = Init::hinit_as("dumb-init");
    let mut child = pty.start(&mut command(&init, mode, &LEADER, &["-v"], "signals"));
    let mut said = pty.expect("ready");
    // What waits is read in the order of the numbers.
    kill(init_and_command(&child).0, SIGUSR1);
    said += &pty.expect("signal 10");
    assert!(said.contains("hinit: SIGUSR1 from"), "{said}");
    assert!(!said.contains("SIGHUP"), "{said}");
    drop(pty);
    eventually("it ends", || child.try_wait().unwrap());
}

#[test]
fn an_init_below_a_script_that_leads_the_session() {
    for (name, words, place) in [
        ("tini", &["-s"][..], ITS_TERMINAL),
        ("catatonit", &[], ITS_TERMINAL),
        // The terminal still is the script's.
        ("dumb-init", &[], [true, true, false, false]),
    ] {
        let run = |init: &Init| on_a_terminal(init, Mode::Subreaper, &SCRIPT, words);
        alike(name, run, place);
    }
}

/// An interactive bash of a session of its own.
pub fn bash(init: &Init, pty: &Pty) -> Child {
    let mut command = interactive_bash();
    init.set_environment(&mut command);
    pty.start(&mut command)
}

#[test]
fn dumb_init_stops_at_ctrl_z_and_goes_on() {
    let run = |init: &Init| {
        let mut pty = Pty::new();
        let mut shell = bash(init, &pty);
        pty.command(&format!("{} sed -u s/^/got:/", init.program.display()));
        pty.press("one\n");
        pty.expect("got:one");
        let only_child = |pid| children_of(pid)[0];
        let command = only_child(only_child(shell.id().cast_signed()));
        for round in ["two", "three"] {
            pty.press("\x1a");
            pty.expect("Stopped");
            // It reads what it likes of a terminal that is not its session's: also what is the shell's.
            stops(command);
            pty.command("fg");
            eventually("it goes on", || (!is_stopped(command)?).then_some(()));
            pty.press(&format!("{round}\n"));
            pty.expect(&format!("got:{round}"));
        }
        pty.press("\x03");
        pty.command("exit $?");
        Ended::code_of(eventually("the shell ends", || shell.try_wait().unwrap()))
    };
    alike("dumb-init", run, 130);
}
