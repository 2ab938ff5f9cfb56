//! hinit by another init's name, beside that init itself as Debian has it: each situation is played
//! with both, and what is seen of it stands here once where they are alike, twice in `differences`.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::libc::SIGKILL;
use nix::sys::signal::{Signal, kill as nix_kill};
use nix::unistd::Pid;

use crate::support::*;

mod command_line;
mod differences;
mod ends;
mod orphans;
mod signals;
mod terminal;

/// What would change all that is seen, if hinit's own variables counted.
const HINITS_OWN: [(&str, &str); 9] = [
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

/// One of the two: an init as it is installed, or hinit by its name.
struct Init {
    program: PathBuf,
    dir: TempDir,
}

impl Init {
    /// None, and a word of it, where it is not installed; in CI it must be.
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

    /// The init with these words, to be started in this mode behind the words of others, if any.
    fn behind(&self, mode: Mode, others: &[&str], words: &[&str]) -> Start {
        let program = self.program.to_str().unwrap();
        let all: Vec<&str> = others
            .iter()
            .chain([&program])
            .chain(words)
            .copied()
            .collect();
        let mut command = command_in(mode, all[0]);
        command.args(&all[1..]);
        Start::of(mode, command).with(|command| self.set_environment(command))
    }

    fn with(&self, mode: Mode, words: &[&str]) -> Start {
        self.behind(mode, &[], words)
    }

    fn set_environment(&self, command: &mut Command) {
        command
            .envs(HINITS_OWN)
            .env("HINIT_PID_FILE", self.pid_file());
    }
}

impl Drop for Init {
    fn drop(&mut self) {
        let kept = self.pid_file().exists();
        assert!(!kept || std::thread::panicking(), "there is a PID file");
    }
}

/// Sees what the init of this name does, and what hinit does as it.
#[track_caller]
fn differ<T: Debug + PartialEq>(name: &str, observe: impl Fn(&Init) -> T, theirs: &T, ours: &T) {
    if let Some(init) = Init::installed(name) {
        assert_eq!(&observe(&init), theirs, "{name} itself");
    }
    assert_eq!(&observe(&Init::hinit_as(name)), ours, "hinit as {name}");
}

/// The same, where both do the same.
#[track_caller]
#[allow(clippy::needless_pass_by_value, reason = "it reads better")]
fn alike<T: Debug + PartialEq>(name: &str, observe: impl Fn(&Init) -> T, both: T) {
    differ(name, observe, &both, &both);
}

/// Which signals each member of a family has got.
type Told = BTreeMap<String, Vec<i32>>;

/// These members all of these signals, in their order; the others none.
fn told(members: &[&str], signals: &[i32]) -> Told {
    let mut signals = signals.to_vec();
    signals.sort_unstable();
    members
        .iter()
        .map(|&member| (member.to_owned(), signals.clone()))
        .collect()
}

/// An init with the fixture's family below it. Dropped, none of them is left.
struct Family {
    init: Option<Running>,
    server: i32,
    /// In the server's process group.
    child: i32,
    /// In other ones: that of the second is in another session.
    others: [i32; 2],
    told: Told,
}

impl Family {
    #[track_caller]
    fn start(start: Start) -> Self {
        let init = start.fixture(["family"]).start().ready();
        let server = init.server();
        let children = children_of(server);
        let one = |is_it: &dyn Fn(Place) -> bool| {
            let it = children.iter().copied().find(|&pid| is_it(place_of(pid)));
            it.unwrap()
        };
        let home = place_of(server);
        let child = one(&|place| place.group == home.group);
        let group = one(&|place| place.group != home.group && place.session == home.session);
        let session = one(&|place| place.session != home.session);
        Self {
            init: Some(init),
            server,
            child,
            others: [group, session],
            told: Told::new(),
        }
    }

    fn init(&self) -> &Running {
        self.init.as_ref().unwrap()
    }

    /// Sends the init these signals, and waits until the server has got the last. As that has the
    /// highest number, the init and the server have seen to the others before.
    #[track_caller]
    fn signal(&mut self, signals: &[i32]) {
        for &signal in signals {
            self.init().signal(signal);
        }
        let last = *signals.last().unwrap();
        self.expect("server", last);
    }

    /// Waits until this member has got that signal.
    #[track_caller]
    fn expect(&mut self, member: &str, signal: i32) {
        while !self
            .told
            .get(member)
            .is_some_and(|told| told.contains(&signal))
        {
            let line = self.init().line();
            note(&mut self.told, &line);
        }
    }

    /// Has all of them end.
    #[track_caller]
    fn end(self) -> Told {
        kill(self.server, 64);
        self.at_the_end()
    }

    /// Has the server end alone, and then, once the init is gone, the others.
    #[track_caller]
    fn server_ends(mut self) -> Told {
        kill(self.server, 63);
        assert_eq!(self.init.as_mut().unwrap().code(), 0);
        for pid in self.others.into_iter().chain([self.child]) {
            kill(pid, 64);
        }
        self.at_the_end()
    }

    /// What they have got, up to their end.
    #[track_caller]
    fn at_the_end(mut self) -> Told {
        let ended = self.init.take().unwrap().end();
        assert_eq!(ended.code, 0, "{ended:?}");
        let mut told = std::mem::take(&mut self.told);
        for line in ended.stdout.lines() {
            note(&mut told, line);
        }
        for signals in told.values_mut() {
            signals.sort_unstable();
        }
        told
    }
}

impl Drop for Family {
    fn drop(&mut self) {
        if self.init.is_some() {
            for pid in self.others.into_iter().chain([self.child, self.server]) {
                let _gone = nix_kill(Pid::from_raw(pid), Signal::SIGKILL);
            }
        }
    }
}

fn note(told: &mut Told, line: &str) {
    let (member, signal) = line.split_once(' ').unwrap();
    told.entry(member.to_owned())
        .or_default()
        .push(signal.parse().unwrap());
}

/// Where a process has its place (`/proc/PID/stat`, proc(5)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    group: i32,
    session: i32,
    has_terminal: bool,
    /// The process group in its terminal's foreground.
    foreground: i32,
}

fn place_of(pid: i32) -> Place {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let fields: Vec<&str> = fields.split(' ').collect();
    let number = |index: usize| fields[index].parse().unwrap();
    Place {
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
fn stops(pid: i32) {
    eventually("it stops", || is_stopped(pid)?.then_some(()));
}

/// Writes an executable file. By another process: whoever this one forks meanwhile must not have it
/// open.
fn write_program(path: &Path, text: &str) {
    let mut sh = Command::new("sh");
    sh.args(["-c", "printf %s \"$1\" >\"$0\"; chmod 755 \"$0\""]);
    assert!(sh.arg(path).arg(text).status().unwrap().success());
}

/// An init with these options under a parent that the test can kill. Returns that parent.
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
