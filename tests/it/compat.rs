//! hinit by another init's name, beside that init as Debian ships it: each situation runs with
//! both. One expected result means that they are alike; `differences` has two.

use std::fmt::Debug;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::libc::SIGKILL;

use crate::support::*;

mod command_line;
mod differences;
mod ends;
mod family;
mod orphans;
mod signals;
mod terminal;

use family::{Family, Received, received};

/// Variables of hinit that would change each result if they counted.
const HINIT_VARIABLES: [(&str, &str); 9] = [
    ("HINIT_GROUP", "1"),
    ("HINIT_GRACE", "0s"),
    ("HINIT_LISTEN", "nowhere"),
    ("HINIT_MAP_EXIT", "0=9,3=9,TERM=9"),
    ("HINIT_NOTIFY", "1"),
    ("HINIT_REWRITE", "TERM=KILL,HUP="),
    ("HINIT_UMASK", "0777"),
    ("HINIT_USER", "no-such-user"),
    ("HINIT_WORKDIR", "/no/such/directory"),
];

/// An init as it is installed, or hinit by its name.
struct Init {
    program: PathBuf,
    dir: TempDir,
}

impl Init {
    /// The installed init; None, with the line `skipped`, where it is missing. In CI it must be
    /// installed.
    fn installed(name: &str) -> Option<Self> {
        let program = Path::new("/usr/bin").join(name);
        if !program.exists() {
            assert!(std::env::var_os("CI").is_none(), "not installed: {name}");
            eprintln!("skipped: not installed: {name}");
            return None;
        }
        let dir = TempDir::new();
        Some(Self { program, dir })
    }

    fn hinit_as(name: &str) -> Self {
        let dir = TempDir::new();
        let program = dir.join(name);
        symlink(hinit(), &program).unwrap();
        Self { program, dir }
    }

    fn pid_file(&self) -> PathBuf {
        self.dir.join("pid")
    }

    /// The init with these arguments, started in this mode by other programs, if any.
    fn behind(&self, mode: Mode, others: &[&str], arguments: &[&str]) -> Start {
        let program = self.program.to_str().unwrap();
        let all: Vec<&str> = others
            .iter()
            .chain([&program])
            .chain(arguments)
            .copied()
            .collect();
        let mut command = command_in(mode, all[0]);
        command.args(&all[1..]);
        Start::of(mode, command).with(|command| self.set_environment(command))
    }

    fn with(&self, mode: Mode, arguments: &[&str]) -> Start {
        self.behind(mode, &[], arguments)
    }

    fn set_environment(&self, command: &mut Command) {
        command
            .envs(HINIT_VARIABLES)
            .env("HINIT_PID_FILE", self.pid_file());
    }
}

impl Drop for Init {
    fn drop(&mut self) {
        let kept = self.pid_file().exists();
        assert!(!kept || std::thread::panicking(), "there is a PID file");
    }
}

/// Compares the results of the init of this name and of hinit in its place.
#[track_caller]
fn assert_differ<T: Debug + PartialEq>(
    name: &str,
    observe: impl Fn(&Init) -> T,
    theirs: &T,
    ours: &T,
) {
    if let Some(init) = Init::installed(name) {
        assert_eq!(&observe(&init), theirs, "{name} itself");
    }
    assert_eq!(&observe(&Init::hinit_as(name)), ours, "hinit as {name}");
}

/// The same, where both results are equal.
#[track_caller]
#[allow(clippy::needless_pass_by_value, reason = "it reads better")]
fn assert_alike<T: Debug + PartialEq>(name: &str, observe: impl Fn(&Init) -> T, both: T) {
    assert_differ(name, observe, &both, &both);
}

/// The session, group and terminal of a process (`/proc/PID/stat`, proc(5)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct TerminalState {
    group: i32,
    session: i32,
    has_terminal: bool,
    /// The foreground process group of its terminal.
    foreground: i32,
}

fn terminal_state(pid: i32) -> TerminalState {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let fields: Vec<&str> = fields.split(' ').collect();
    let number = |index: usize| fields[index].parse().unwrap();
    TerminalState {
        group: number(2),
        session: number(3),
        has_terminal: fields[4] != "0",
        foreground: number(5),
    }
}

/// Whether a process is stopped.
fn is_stopped(pid: i32) -> Option<bool> {
    Some(status_of(pid, "State")?.starts_with('T'))
}

/// Waits until a process is stopped.
#[track_caller]
fn wait_for_stop(pid: i32) {
    eventually("the process stops", || is_stopped(pid)?.then_some(()));
}

/// Waits until a process has handled a signal, and returns its state (proc(5)).
fn state_after(pid: i32, signal: i32) -> char {
    eventually("the process handles a signal", || {
        // The process takes the signal while it runs, and sleeps when it has handled it: so check
        // the pending set first, then the state. (A signal that ends it may stay pending.)
        let pending = u64::from_str_radix(&status_of(pid, "ShdPnd")?, 16).unwrap();
        let is_pending = pending & 1 << (signal - 1) != 0;
        let state = status_of(pid, "State")?.chars().next()?;
        let is_done = state == 'Z' || !is_pending && "ST".contains(state);
        is_done.then_some(state)
    })
}

/// Writes an executable file by another process: a child that this one forks meanwhile must not
/// have it open (ETXTBSY).
fn write_program(path: &Path, text: &str) {
    let mut sh = Command::new("sh");
    sh.args(["-c", "printf %s \"$1\" >\"$0\"; chmod 755 \"$0\""]);
    assert!(sh.arg(path).arg(text).status().unwrap().success());
}

/// Starts an init with these options under a parent that the test can kill. Returns the parent.
fn under_a_parent(init: &Init, options: &str, server: &str) -> Running {
    let program = init.program.display();
    let script = format!(
        "{program} {options} -- {} {server} & wait",
        fixture().display()
    );
    let mut command = Command::new("sh");
    command.args(["-c", &script]);
    let start = Start::of(Mode::Subreaper, command);
    start
        .with(|command| init.set_environment(command))
        .start()
        .ready()
}
