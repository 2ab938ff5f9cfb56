//! What hinit does while its calls fail: lives of a server, health checks, the small commands.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::faults::{Fault, traced};
use crate::judge::{life, small};
use crate::support::*;
use crate::world::World;
use crate::{Outcome, Result};

pub struct Scenario {
    pub name: &'static str,
    /// Whether, with no fault, it comes to a good end: the exit code of the server, or 0.
    pub is_well: bool,
    pub modes: &'static [Mode],
    pub play: fn(&Stage) -> Result,
}

/// What one play of a scenario needs.
pub struct Stage<'a> {
    pub world: &'a World,
    pub dir: TempDir,
    pub mode: Mode,
    /// What the tracer writes.
    pub trace: PathBuf,
    pub fault: Option<&'a Fault>,
}

impl<'a> Stage<'a> {
    pub fn new(world: &'a World, mode: Mode, fault: Option<&'a Fault>) -> Self {
        let dir = TempDir::new();
        let trace = dir.join("trace");
        Self {
            world,
            dir,
            mode,
            trace,
            fault,
        }
    }

    /// hinit, in which something fails.
    pub fn hinit(&self) -> Command {
        let mut command = traced(self.mode, &self.trace, self.fault);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("HINIT_")) {
            command.env_remove(name);
        }
        command
    }

    fn healthcheck(&self, file: &str, more: &[&str]) -> Command {
        let mut command = self.about(&["healthcheck", "--timeout", "3s"], file);
        command.args(more);
        command
    }

    /// One of the commands that go by a PID file.
    fn about(&self, words: &[&str], file: &str) -> Command {
        let mut command = self.hinit();
        command.args(words).arg("--pid-file");
        command.arg(self.world.dir.join(file));
        command
    }
}

/// Reports the server's end by an exit code that is nobody else's, and leaves a process and an orphan.
const SERVER: &str = "trap 'exit 7' TERM; (sleep 60 >/dev/null 2>&1 </dev/null &); (:&); echo ready; read never; exit 9";

const BOTH: &[Mode] = &[Mode::Subreaper, Mode::Pid1];

/// What looks for a process must see it.
const AMONG_OTHERS: &[Mode] = &[Mode::Subreaper];

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "run",
        is_well: true,
        modes: BOTH,
        play: |stage| life(stage, &[], &["sh", "-c", SERVER], |_| {}),
    },
    Scenario {
        name: "run, stop",
        is_well: true,
        modes: BOTH,
        play: |stage| {
            let options = [
                "--group",
                "--stop-delay",
                "20ms",
                "--grace",
                "5s",
                "--rewrite",
                "INT=TERM",
            ];
            life(stage, &options, &["sh", "-c", SERVER], |_| {})
        },
    },
    Scenario {
        name: "run, user",
        is_well: true,
        modes: BOTH,
        play: |stage| {
            let stale = stage.dir.join("stale");
            fs::write(&stale, "4194303\n").unwrap();
            let options = [
                "--user",
                "nobody",
                "--keep-groups",
                "--umask",
                "0022",
                "--workdir",
                "/",
                "--remove-stale",
                stale.to_str().unwrap(),
            ];
            life(stage, &options, &["sh", "-c", SERVER], |_| {})
        },
    },
    Scenario {
        name: "run, notify",
        is_well: true,
        modes: BOTH,
        play: |stage| {
            let socket = stage.dir.join("socket");
            let listen = format!("unix:{}", socket.display());
            let options = [
                "--notify",
                "--watchdog",
                "60s",
                "--listen",
                &listen,
                "--map-exit",
                "TERM=7",
            ];
            let fixture = fixture();
            let server = [
                fixture.to_str().unwrap(),
                "notifies",
                "READY=1",
                "RELOADING=1",
            ];
            life(stage, &options, &server, |mut check| {
                // Whatever fails there may leave the other end without an answer.
                let _any = check.arg("--ready").output().unwrap();
                ask(&socket);
            })
        },
    },
    Scenario {
        name: "check",
        is_well: true,
        modes: AMONG_OTHERS,
        play: |stage| small(&mut stage.healthcheck("alive", &[]), true),
    },
    Scenario {
        name: "check, ready",
        is_well: true,
        modes: AMONG_OTHERS,
        play: |stage| small(&mut stage.healthcheck("alive", &["--ready"]), true),
    },
    Scenario {
        name: "check, probes",
        is_well: true,
        modes: AMONG_OTHERS,
        play: |stage| {
            let (http, heartbeat) = (
                format!("http://{}/", stage.world.well),
                stage.world.dir.join("alive"),
            );
            let heartbeat = heartbeat.to_str().unwrap();
            let socket = stage.world.dir.join("socket");
            let probes = [
                "--http",
                &http,
                "--contains",
                "well",
                "--tcp",
                &stage.world.well,
                "--unix",
                socket.to_str().unwrap(),
                "--heartbeat",
                heartbeat,
                "--max-age",
                "60m",
                "--json",
            ];
            small(&mut stage.healthcheck("alive", &probes), true)
        },
    },
    Scenario {
        name: "check, ill",
        is_well: false,
        modes: AMONG_OTHERS,
        play: |stage| {
            let http = format!("http://{}/", stage.world.ill);
            small(&mut stage.healthcheck("alive", &["--http", &http]), false)
        },
    },
    Scenario {
        name: "check, dead",
        is_well: false,
        modes: AMONG_OTHERS,
        play: |stage| small(&mut stage.healthcheck("dead", &[]), false),
    },
    Scenario {
        name: "check, zombie",
        is_well: false,
        modes: AMONG_OTHERS,
        play: |stage| hidden(stage, "zombie", &[]),
    },
    Scenario {
        name: "check, stopped",
        is_well: false,
        modes: AMONG_OTHERS,
        play: |stage| hidden(stage, "stopped", &[]),
    },
    Scenario {
        name: "check, starting",
        is_well: false,
        modes: AMONG_OTHERS,
        play: |stage| small(&mut stage.healthcheck("starting", &["--ready"]), false),
    },
    Scenario {
        name: "check, foreign",
        is_well: false,
        modes: AMONG_OTHERS,
        play: |stage| hidden(stage, "foreign", &["--foreign"]),
    },
    Scenario {
        name: "signal",
        is_well: true,
        modes: AMONG_OTHERS,
        play: |stage| small(stage.about(&["signal"], "alive").arg("URG"), true),
    },
    Scenario {
        name: "signal, dead",
        is_well: false,
        modes: AMONG_OTHERS,
        play: |stage| small(stage.about(&["signal"], "dead").arg("KILL"), false),
    },
    Scenario {
        name: "status",
        is_well: true,
        modes: AMONG_OTHERS,
        play: |stage| small(&mut stage.about(&["status", "--json"], "alive"), true),
    },
    Scenario {
        name: "install",
        is_well: true,
        modes: BOTH,
        play: install,
    },
];

/// The check of a server that is no good, as only the kernel or /proc can tell: healthy, only if the kernel
/// says that it is there and /proc is hidden or not there at all, and then it says that.
fn hidden(stage: &Stage, file: &str, more: &[&str]) -> Result {
    let hides = |fault: &Fault| ["EACCES", "ENOENT", "ENOTDIR", "EPERM"].contains(&fault.errno);
    let is_hidden = stage.fault.is_some_and(hides);
    let (outcome, said) = small(&mut stage.healthcheck(file, more), is_hidden)?;
    if outcome == Outcome::WentOn && !said.ends_with("is alive (state unknown)") {
        return Err(said);
    }
    Ok((outcome, said))
}

/// There is the whole binary at its place, or nothing at all.
fn install(stage: &Stage) -> Result {
    let place = stage.dir.join("bin");
    fs::create_dir(&place).unwrap();
    let mut command = stage.hinit();
    let (outcome, said) = small(command.arg("install").arg(place.join("hinit")), true)?;
    let installed = fs::read(place.join("hinit")).ok();
    let is_whole = installed == fs::read(hinit()).ok();
    let others = fs::read_dir(&place).unwrap().count() - usize::from(installed.is_some());
    if is_whole != (outcome == Outcome::WentOn) || installed.is_some() && !is_whole {
        return Err(format!("installed: {is_whole}, but: {said}"));
    }
    if others > 0 && !said.contains(".hinit") {
        return Err(format!("something is left beside it: {said}"));
    }
    Ok((outcome, said))
}

/// Asks the responder, and takes whatever it says.
fn ask(socket: &Path) {
    if let Ok(mut stream) = UnixStream::connect(socket) {
        let _any =
            stream.write_all(b"GET /status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let _any = stream.read_to_end(&mut Vec::new());
    }
}
