//! Sessions, process groups and the terminal.

use std::process::Child;

use nix::libc::SIGUSR1;

use super::*;
use crate::terminal::interactive_bash;

/// Whether a command leads its session and its process group, has a terminal, and is in its
/// foreground.
type TerminalRole = [bool; 4];

fn terminal_role(pid: i32) -> TerminalRole {
    let place = terminal_state(pid);
    let is_foreground = place.has_terminal && place.foreground == place.group;
    [
        place.session == pid,
        place.group == pid,
        place.has_terminal,
        is_foreground,
    ]
}

/// A program that leads its process group, but no session.
const GROUP_LEADER: TerminalRole = [false, true, false, false];
const ITS_TERMINAL: TerminalRole = [false, true, true, true];

/// The init with these options and the fixture, started on a terminal by other programs.
fn command(init: &Init, mode: Mode, others: &[&str], arguments: &[&str], verb: &str) -> Command {
    let mut command = command_in(mode, others[0]);
    command
        .args(&others[1..])
        .arg(&init.program)
        .args(arguments);
    command.args([Path::new("--"), &fixture()]).arg(verb);
    init.set_environment(&mut command);
    command
}

/// The last two processes: each has one child, down to the command.
fn init_and_command(started: &Child) -> (i32, i32) {
    let (mut init, mut command) = (0, started.id().cast_signed());
    while let [below] = children_of(command)[..] {
        (init, command) = (command, below);
    }
    (init, command)
}

/// The session and group of the command when it is ready.
fn on_a_terminal(init: &Init, mode: Mode, others: &[&str], arguments: &[&str]) -> TerminalRole {
    let mut pty = Pty::new();
    let mut child = pty.start(&mut command(init, mode, others, arguments, "ready"));
    pty.expect("ready");
    let (_, command) = init_and_command(&child);
    let terminal_role = terminal_role(command);
    kill(command, SIGKILL);
    eventually("the process exits", || child.try_wait().unwrap());
    terminal_role
}

const LEADER: [&str; 2] = ["setsid", "--ctty"];
/// A shell that leads the session and waits.
const SCRIPT: [&str; 5] = ["setsid", "--ctty", "sh", "-c", "\"$0\" \"$@\"; :"];

in_both_modes!(
    without_a_terminal,
    leading_the_terminals_session,
    each_key_and_size_comes_once_and_nothing_else_does,
    the_hup_and_cont_of_a_left_terminal_are_dropped
);

fn without_a_terminal(mode: Mode) {
    for (name, arguments, place) in [
        ("tini", &["-s"][..], GROUP_LEADER),
        ("tini", &["-sg"], GROUP_LEADER),
        ("catatonit", &[], GROUP_LEADER),
        ("dumb-init", &[], [true, true, false, false]),
    ] {
        let run = |init: &Init| {
            let running = init
                .with(mode, arguments)
                .fixture(["ready"])
                .start()
                .ready();
            terminal_role(running.server())
        };
        assert_alike(name, run, place);
    }
}

fn leading_the_terminals_session(mode: Mode) {
    for (name, arguments, place) in [
        ("tini", &["-s"][..], ITS_TERMINAL),
        ("catatonit", &[], ITS_TERMINAL),
        // The init leaves the terminal to the command's session.
        ("dumb-init", &[], [true; 4]),
    ] {
        assert_alike(
            name,
            |init| on_a_terminal(init, mode, &LEADER, arguments),
            place,
        );
    }
}

fn each_key_and_size_comes_once_and_nothing_else_does(mode: Mode) {
    for (name, arguments) in [
        ("tini", &["-s"][..]),
        ("catatonit", &[]),
        ("dumb-init", &[]),
    ] {
        let run = |init: &Init| {
            let mut pty = Pty::new();
            let mut child = pty.start(&mut command(init, mode, &LEADER, arguments, "signals"));
            pty.expect("ready");
            let mut between = String::new();
            for (key, signal) in [("\x03", 2), ("\x1c", 3)] {
                pty.press(key);
                between += &pty.expect(&format!("signal {signal}"));
            }
            pty.resize(33, 99);
            between += &pty.expect("signal 28");
            drop(pty);
            eventually("the process exits", || child.try_wait().unwrap());
            between.matches("signal").count()
        };
        assert_alike(name, run, 0);
    }
}

// The kernel sends a session leader that gives up its terminal SIGHUP and SIGCONT (tty_ioctl(4)),
// which are not for the command.
fn the_hup_and_cont_of_a_left_terminal_are_dropped(mode: Mode) {
    let mut pty = Pty::new();
    let init = Init::hinit_as("dumb-init");
    let mut child = pty.start(&mut command(&init, mode, &LEADER, &["-v"], "signals"));
    let mut output = pty.expect("ready");
    // Pending signals are read in the order of their numbers.
    kill(init_and_command(&child).0, SIGUSR1);
    output += &pty.expect("signal 10");
    assert!(output.contains("hinit: SIGUSR1 from"), "{output}");
    assert!(!output.contains("SIGHUP"), "{output}");
    drop(pty);
    eventually("the process exits", || child.try_wait().unwrap());
}

#[test]
fn an_init_below_a_script_that_leads_the_session() {
    for (name, arguments, place) in [
        ("tini", &["-s"][..], ITS_TERMINAL),
        ("catatonit", &[], ITS_TERMINAL),
        // The terminal still belongs to the script's session.
        ("dumb-init", &[], [true, true, false, false]),
    ] {
        let run = |init: &Init| on_a_terminal(init, Mode::Subreaper, &SCRIPT, arguments);
        assert_alike(name, run, place);
    }
}

/// An interactive bash in its own session.
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
            // A process can read a terminal that is not its session's, and so take the input of the
            // shell.
            wait_for_stop(command);
            pty.command("fg");
            eventually("the process continues", || {
                (!is_stopped(command)?).then_some(())
            });
            pty.press(&format!("{round}\n"));
            pty.expect(&format!("got:{round}"));
        }
        pty.press("\x03");
        pty.command("exit $?");
        Ended::code_of(eventually("the shell exits", || shell.try_wait().unwrap()))
    };
    assert_alike("dumb-init", run, 130);
}
