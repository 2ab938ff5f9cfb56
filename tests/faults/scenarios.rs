//! The scenarios: runs of a server, health checks and the other commands of hinit.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::faults::{Fault, traced};
use crate::judge::{server_run, short_run};
use crate::support::*;
use crate::world::World;
use crate::{Outcome, Result};

pub struct Scenario {
    pub name: &'static str,
    /// Whether it exits without a fault with the exit code of the server, or with 0.
    pub succeeds: bool,
    pub modes: &'static [Mode],
    pub play: fn(&Stage) -> Result,
}

/// The environment of one play of a scenario.
pub struct Stage<'a> {
    pub world: &'a World,
    pub dir: TempDir,
    pub mode: Mode,
    /// The output of the tracer.
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

    /// hinit under the tracer, which injects the fault.
    pub fn hinit(&self) -> Command {
        let mut command = traced(self.mode, &self.trace, self.fault);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("HINIT_")) {
            command.env_remove(name);
        }
        command
    }

    fn healthcheck(&self, file: &str, more: &[&str]) -> Command {
        let mut command = self.by_pid_file(&["healthcheck", "--timeout", "3s"], file);
        command.args(more);
        command
    }

    /// A command that finds the server by a PID file of the world.
    fn by_pid_file(&self, words: &[&str], file: &str) -> Command {
        let mut command = self.hinit();
        command.args(words).arg("--pid-file");
        command.arg(self.world.dir.join(file));
        command
    }
}

/// Exits with a code that hinit does not use, and leaves a process and an orphan.
const SERVER: &str = "trap 'exit 7' TERM; (sleep 60 >/dev/null 2>&1 </dev/null &); (:&); echo ready; read never; exit 9";

const BOTH: &[Mode] = &[Mode::Subreaper, Mode::Pid1];

/// For commands that must see the servers of the world in their PID namespace.
const SHARED_PIDS: &[Mode] = &[Mode::Subreaper];

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "run",
        succeeds: true,
        modes: BOTH,
        play: |stage| server_run(stage, &[], &["sh", "-c", SERVER], |_| {}),
    },
    Scenario {
        name: "run, stop",
        succeeds: true,
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
            server_run(stage, &options, &["sh", "-c", SERVER], |_| {})
        },
    },
    Scenario {
        name: "run, user",
        succeeds: true,
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
            server_run(stage, &options, &["sh", "-c", SERVER], |_| {})
        },
    },
    Scenario {
        name: "run, notify",
        succeeds: true,
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
            server_run(stage, &options, &server, |mut check| {
                // After a fault there may be no answer.
                let _ignored = check.arg("--ready").output().unwrap();
                request_status(&socket);
            })
        },
    },
    Scenario {
        name: "check",
        succeeds: true,
        modes: SHARED_PIDS,
        play: |stage| short_run(&mut stage.healthcheck("alive", &[]), true),
    },
    Scenario {
        name: "check, ready",
        succeeds: true,
        modes: SHARED_PIDS,
        play: |stage| short_run(&mut stage.healthcheck("alive", &["--ready"]), true),
    },
    Scenario {
        name: "check, probes",
        succeeds: true,
        modes: SHARED_PIDS,
        play: |stage| {
            let (http, heartbeat) = (
                format!("http://{}/", stage.world.healthy),
                stage.world.dir.join("alive"),
            );
            let heartbeat = heartbeat.to_str().unwrap();
            let socket = stage.world.dir.join("socket");
            let probes = [
                "--http",
                &http,
                "--contains",
                "fine",
                "--tcp",
                &stage.world.healthy,
                "--unix",
                socket.to_str().unwrap(),
                "--heartbeat",
                heartbeat,
                "--max-age",
                "60m",
                "--json",
            ];
            short_run(&mut stage.healthcheck("alive", &probes), true)
        },
    },
    Scenario {
        name: "check, 500",
        succeeds: false,
        modes: SHARED_PIDS,
        play: |stage| {
            let http = format!("http://{}/", stage.world.unhealthy);
            short_run(&mut stage.healthcheck("alive", &["--http", &http]), false)
        },
    },
    Scenario {
        name: "check, dead",
        succeeds: false,
        modes: SHARED_PIDS,
        play: |stage| short_run(&mut stage.healthcheck("dead", &[]), false),
    },
    Scenario {
        name: "check, zombie",
        succeeds: false,
        modes: SHARED_PIDS,
        play: |stage| check_dead_or_stopped(stage, "zombie", &[]),
    },
    Scenario {
        name: "check, stopped",
        succeeds: false,
        modes: SHARED_PIDS,
        play: |stage| check_dead_or_stopped(stage, "stopped", &[]),
    },
    Scenario {
        name: "check, starting",
        succeeds: false,
        modes: SHARED_PIDS,
        play: |stage| short_run(&mut stage.healthcheck("starting", &["--ready"]), false),
    },
    Scenario {
        name: "check, foreign",
        succeeds: false,
        modes: SHARED_PIDS,
        play: |stage| check_dead_or_stopped(stage, "foreign", &["--foreign"]),
    },
    Scenario {
        name: "signal",
        succeeds: true,
        modes: SHARED_PIDS,
        play: |stage| short_run(stage.by_pid_file(&["signal"], "alive").arg("URG"), true),
    },
    Scenario {
        name: "signal, dead",
        succeeds: false,
        modes: SHARED_PIDS,
        play: |stage| short_run(stage.by_pid_file(&["signal"], "dead").arg("KILL"), false),
    },
    Scenario {
        name: "status",
        succeeds: true,
        modes: SHARED_PIDS,
        play: |stage| short_run(&mut stage.by_pid_file(&["status", "--json"], "alive"), true),
    },
    Scenario {
        name: "install",
        succeeds: true,
        modes: BOTH,
        play: install,
    },
];

/// The check of a server that is stopped, a zombie or dead, which only the kernel or /proc can show. It may be healthy
/// only if the fault hides /proc, and then the verdict says that the state is unknown.
fn check_dead_or_stopped(stage: &Stage, file: &str, more: &[&str]) -> Result {
    let hides = |fault: &Fault| ["EACCES", "ENOENT", "ENOTDIR", "EPERM"].contains(&fault.errno);
    let is_hidden = stage.fault.is_some_and(hides);
    let (outcome, output) = short_run(&mut stage.healthcheck(file, more), is_hidden)?;
    if outcome == Outcome::Continued && !output.ends_with("is alive (state unknown)") {
        return Err(output);
    }
    Ok((outcome, output))
}

/// The installed file either is the complete binary, or does not exist.
fn install(stage: &Stage) -> Result {
    let directory = stage.dir.join("bin");
    fs::create_dir(&directory).unwrap();
    let mut command = stage.hinit();
    let (outcome, output) = short_run(command.arg("install").arg(directory.join("hinit")), true)?;
    let installed = fs::read(directory.join("hinit")).ok();
    let is_whole = installed == fs::read(hinit()).ok();
    let others = fs::read_dir(&directory).unwrap().count() - usize::from(installed.is_some());
    if is_whole != (outcome == Outcome::Continued) || installed.is_some() && !is_whole {
        return Err(format!("installed: {is_whole}, but printed: {output}"));
    }
    if others > 0 && !output.contains(".hinit") {
        return Err(format!("another file is left beside it: {output}"));
    }
    Ok((outcome, output))
}

/// Sends the responder a request, and ignores the answer.
fn request_status(socket: &Path) {
    if let Ok(mut stream) = UnixStream::connect(socket) {
        let _ignored =
            stream.write_all(b"GET /status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let _ignored = stream.read_to_end(&mut Vec::new());
    }
}
