//! A server on a real terminal: the shell's job control, and Docker's `-it`, where hinit leads the
//! session.

use std::process::{Child, Command};

use nix::sys::termios::{LocalFlags, SetArg, SpecialCharacterIndices, tcgetattr, tcsetattr};

use crate::support::*;

/// A server that answers each line, and so shows that it reads the terminal.
const ANSWERS: &str = "--no-pid-file sed -u s/^/got:/";

/// An interactive bash in its own session.
pub fn interactive_bash() -> Command {
    let mut command = Command::new("setsid");
    command.args([
        "--ctty",
        "bash",
        "--norc",
        "--noprofile",
        "--noediting",
        "-i",
    ]);
    command
}

/// The same, where `hinit` is the binary under test.
fn bash(pty: &Pty) -> Child {
    let mut command = interactive_bash();
    command.env("PATH", path_with_hinit());
    pty.start(&mut command)
}

fn path_with_hinit() -> std::ffi::OsString {
    let mut path = hinit().parent().unwrap().as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap());
    path
}

/// hinit as the leader of its own session, as with `docker run -it`.
fn session_leader(pty: &Pty, mode: Mode, arguments: &[&str]) -> Child {
    let mut command = command_in(mode, "setsid");
    command.arg("--ctty").arg(hinit()).args(arguments);
    pty.start(&mut command)
}

/// Waits until it exits, and returns the exit code.
#[track_caller]
fn code_of(mut child: Child) -> i32 {
    eventually("the process exits", || {
        child.try_wait().unwrap().map(Ended::code_of)
    })
}

#[test]
fn the_terminal_is_the_servers_and_then_the_callers_again() {
    let mut pty = Pty::new();
    let shell = bash(&pty);
    for (keys, code) in [("\x04", "0"), ("\x03", "130"), ("\x1c", "131")] {
        pty.command(&format!("hinit {ANSWERS}"));
        pty.press("one\n");
        pty.expect("got:one");
        pty.press(keys);
        // sed exits at the end of its input, and hinit with it; then the shell reads again.
        pty.command("echo code''$?");
        pty.expect(&format!("code{code}"));
    }
    pty.command("exit 7");
    assert_eq!(code_of(shell), 7);
}

#[test]
fn ctrl_z_fg_and_bg_affect_hinit_and_server() {
    let mut pty = Pty::new();
    let shell = bash(&pty);
    pty.command(&format!("hinit {ANSWERS}"));
    pty.press("one\n");
    pty.expect("got:one");
    for round in ["two", "three"] {
        pty.press("\x1a");
        pty.expect("Stopped");
        pty.command("fg");
        pty.press(&format!("{round}\n"));
        pty.expect(&format!("got:{round}"));
    }
    // A background process may not read the terminal: it stops again, and the shell gets SIGCHLD.
    pty.press("\x1a");
    pty.expect("Stopped");
    pty.command("bg; until jobs | grep -q Stopped; do sleep 0.01; done; echo stopped''again");
    pty.expect("stoppedagain");
    pty.command("fg");
    pty.press("four\n");
    pty.expect("got:four");
    // The same with SIGSTOP, which bash's `suspend` uses.
    pty.press("\x04");
    pty.command("hinit --no-pid-file bash --norc --noediting -i");
    pty.command("suspend");
    pty.expect("Stopped");
    pty.command("fg");
    pty.command("echo in''side $((6*7))");
    pty.expect("inside 42");
    pty.command("exit");
    pty.command("exit 7");
    assert_eq!(code_of(shell), 7);
}

#[test]
fn a_pipeline_stops_and_continues_as_a_whole() {
    let mut pty = Pty::new();
    let shell = bash(&pty);
    pty.command(&format!("hinit {ANSWERS} | sed -u s/^/and:/"));
    pty.press("one\n");
    pty.expect("and:got:one");
    pty.press("\x1a");
    pty.expect("Stopped");
    pty.command("fg");
    pty.press("two\n");
    pty.expect("and:got:two");
    pty.press("\x03");
    pty.command("exit 7");
    assert_eq!(code_of(shell), 7);
}

#[test]
fn a_background_job_takes_the_terminal_only_in_the_foreground() {
    let mut pty = Pty::new();
    let shell = bash(&pty);
    pty.command("hinit --no-pid-file sh -c 'echo u\"\"p; exec sed -u s/^/got:/' &");
    pty.expect("up");
    assert_eq!(pty.foreground(), shell.id().cast_signed());
    // It reads, and so it stops.
    pty.press("until jobs | grep -q Stopped; do sleep 0.01; done; echo still''mine\n");
    pty.expect("stillmine");
    pty.command("fg");
    pty.press("one\n");
    pty.expect("got:one");
    pty.press("\x03");
    // A server that runs until then gets no SIGCONT from the shell: hinit learns of it only by its
    // stop.
    let dir = TempDir::new();
    let go = dir.join("go");
    pty.command(&format!(
        "hinit --no-pid-file sh -c 'until test -e {}; do :; done; sed -u s/^/got:/' &",
        go.display()
    ));
    pty.command("fg");
    // bash prints the command that it puts into the foreground.
    pty.expect("\nhinit --no-pid-file");
    std::fs::write(&go, "").unwrap();
    pty.press("two\n");
    pty.expect("got:two");
    pty.press("\x03");
    pty.command("exit 7");
    assert_eq!(code_of(shell), 7);
}

/// An interactive shell would take the terminal back by itself.
#[test]
fn a_caller_without_job_control_gets_the_terminal_back() {
    for (server, typed) in [("head -n 1", "one\n"), ("/no/such/file", "")] {
        let mut pty = Pty::new();
        let mut script = Command::new("setsid");
        script.args(["--ctty", "sh", "-c"]).arg(format!(
            "{} -q --no-pid-file {server}; read line; echo then:$line",
            hinit().display()
        ));
        let script = pty.start(&mut script);
        pty.press(typed);
        pty.press("two\n");
        pty.expect("then:two");
        assert_eq!(code_of(script), 0);
    }
}

#[test]
fn a_hang_up_reaches_the_server_and_ends_both() {
    let dir = TempDir::new();
    let pid_file = dir.join("pid");
    let mut pty = Pty::new();
    let mut shell = bash(&pty);
    pty.command(&format!(
        "hinit --pid-file {} sleep 1000",
        pid_file.display()
    ));
    let server = recorded(&pid_file);
    drop(pty);
    eventually("the shell exits", || shell.try_wait().unwrap());
    eventually("hinit exits", || (!pid_file.exists()).then_some(()));
    assert_eq!(status_of(server, "State"), None);
}

in_both_modes!(
    a_shell_under_hinit_has_full_job_control,
    without_a_shell_a_server_continues_after_ctrl_z,
    a_new_window_size_reaches_the_server,
    a_reader_of_the_terminal_is_never_stopped_at_its_start
);

fn a_shell_under_hinit_has_full_job_control(mode: Mode) {
    let mut pty = Pty::new();
    let arguments = [
        "--no-pid-file",
        "bash",
        "--norc",
        "--noprofile",
        "--noediting",
        "-i",
    ];
    let hinit = session_leader(&pty, mode, &arguments);
    pty.command("sed -u s/^/got:/");
    pty.press("one\n");
    pty.expect("got:one");
    pty.press("\x1a");
    pty.expect("Stopped");
    pty.command("jobs | sed s/sed/found/");
    pty.expect("found -u");
    pty.command("fg");
    pty.press("two\n");
    pty.expect("got:two");
    pty.press("\x03");
    pty.command("echo code''$?");
    pty.expect("code130");
    pty.resize(33, 99);
    pty.command("stty size");
    pty.expect("33 99");
    pty.command("exit 7");
    assert_eq!(code_of(hinit), 7);
}

fn without_a_shell_a_server_continues_after_ctrl_z(mode: Mode) {
    let mut pty = Pty::new();
    let hinit = session_leader(&pty, mode, &ANSWERS.split(' ').collect::<Vec<_>>());
    for line in ["one", "two", "three"] {
        pty.press(&format!("{line}\n"));
        pty.expect(&format!("got:{line}"));
        pty.press("\x1a");
        pty.expect(
            "hinit: SIGTSTP suspended the server; hinit continued it at once, since nothing \
                    else would",
        );
    }
    pty.press("\x03");
    assert_eq!(code_of(hinit), 130);
}

fn a_new_window_size_reaches_the_server(mode: Mode) {
    let mut pty = Pty::new();
    let fixture = fixture();
    let arguments = ["--no-pid-file", fixture.to_str().unwrap(), "signals"];
    let hinit = session_leader(&pty, mode, &arguments);
    pty.expect("ready");
    pty.resize(33, 99);
    pty.expect("signal 28");
    // Once, from the terminal; and from the keyboard each signal comes once as well.
    pty.press("\x03");
    pty.expect("signal 2");
    pty.press("\x1c");
    pty.expect("signal 3");
    drop(pty);
    drop(hinit);
}

fn a_reader_of_the_terminal_is_never_stopped_at_its_start(mode: Mode) {
    let fixture = fixture();
    for _ in 0..1000 {
        let mut pty = Pty::new();
        // With this mode a read returns at once, without a key.
        let mut settings = tcgetattr(&pty.line).unwrap();
        settings.local_flags.remove(LocalFlags::ICANON);
        settings.control_chars[SpecialCharacterIndices::VMIN as usize] = 0;
        tcsetattr(&pty.line, SetArg::TCSANOW, &settings).unwrap();
        let arguments = ["-v", "--no-pid-file", fixture.to_str().unwrap(), "read"];
        let hinit = session_leader(&pty, mode, &arguments);
        // A stop and a continue would show here.
        assert_eq!(pty.expect("exited 0 "), "hinit: the server ");
        assert_eq!(code_of(hinit), 0);
    }
}

#[test]
fn a_reader_is_never_stopped_at_its_start_by_a_shell_with_job_control() {
    let mut pty = Pty::new();
    let mut shell = Command::new("setsid");
    shell.args(["--ctty", "bash", "-c"]).arg(format!(
        "set -m; stty -icanon min 0 time 0; for i in {{1..1000}}; do {} -q --no-pid-file {} read \
         || exit 1; echo \"start $i.\"; done",
        hinit().display(),
        fixture().display()
    ));
    let shell = pty.start(&mut shell);
    for start in 1..=1000 {
        pty.expect(&format!("start {start}."));
    }
    assert_eq!(code_of(shell), 0);
}
