//! The measurements. Each gives the rows of one of them, hinit's bounds with them.

use std::process::{Command, id};
use std::thread::sleep;
use std::time::Duration;
use std::{env, fs};

use crate::live::{Idle, Server};
use crate::program::{Program, Result};
use crate::rounds::in_turn;
use crate::table::Bound::{AtMost, Is};
use crate::table::{Row, Value};

const HINIT: &str = "hinit";
const YARDSTICK: &str = "tini-static";
const NO_OP: &str = "no-op";

pub(crate) struct Bench {
    rounds: usize,
    no_op: String,
    inits: Vec<Init>,
    /// On a tmpfs, where a container has its PID file.
    directory: String,
}

struct Init {
    name: String,
    path: String,
    pid_file: String,
}

impl Init {
    fn is_hinit(&self) -> bool {
        self.name.starts_with(HINIT)
    }

    fn program(&self, arguments: &[&str]) -> Result<Program> {
        Program::new(&[&[self.path.as_str()], arguments].concat(), &self.pid_file)
    }
}

impl Bench {
    pub(crate) fn new(rounds: usize) -> Result<Self> {
        let no_op = env::current_exe()?
            .with_file_name("noop")
            .to_string_lossy()
            .into_owned();
        let directory = format!("/dev/shm/hinit-bench-{}", id());
        fs::create_dir(&directory)?;
        Ok(Self {
            rounds,
            no_op,
            inits: Vec::new(),
            directory,
        })
    }

    pub(crate) fn add(&mut self, name: &str, path: &str) {
        let pid_file = format!("{}/{name}.pid", self.directory);
        self.inits.push(Init {
            name: name.to_string(),
            path: path.to_string(),
            pid_file,
        });
    }

    pub(crate) fn columns(&self) -> Vec<&str> {
        let mut names = vec![NO_OP];
        names.extend(self.inits.iter().map(|init| init.name.as_str()));
        names
    }

    pub(crate) fn versions(&self) -> Row {
        row("version", &self.inits, |init| {
            let output = Command::new(&init.path).arg("--version").output()?;
            let text = String::from_utf8([output.stdout, output.stderr].concat())?;
            let mut words = text.split_whitespace();
            let version = words.find(|word| word.contains(|c: char| c.is_ascii_digit()));
            Ok(Value::Word(version.ok_or("no version")?.to_string()))
        })
    }

    /// What an init adds: T(it is spawned and spawns the no-op) - T(the no-op is spawned), in the same round and by
    /// the same static parent, each from before the spawn until that parent has reaped.
    pub(crate) fn launch(&self, figure: &str, hinit_options: &[&str]) -> Result<[Row; 3]> {
        let mut programs = vec![self.no_op()?];
        for init in &self.inits {
            let options = if init.is_hinit() { hinit_options } else { &[] };
            let words = [options, &["--", &self.no_op]].concat();
            programs.push((init.name.clone(), init.program(&words)?));
        }
        let (times, faults) = in_turn(&programs, self.rounds)?;
        let extra = times.compare(NO_OP, |with, without| with - without);
        let ratio = extra.compare(YARDSTICK, |one, other| one / other);
        let faults = faults.compare(NO_OP, |with, without| with - without);
        Ok([
            Row::new(format!("{figure}: extra time, µs"), extra.cells()),
            Row::new(
                format!("{figure}: extra time over {YARDSTICK}'s"),
                ratio.cells(),
            )
            .bound(HINIT, AtMost(0.6)),
            Row::new(format!("{figure}: extra minor page faults"), faults.cells()),
        ])
    }

    /// The init's calls and its child's, both execve included. The parent's next one may come before the child's.
    pub(crate) fn calls_until_exec(&self) -> Row {
        let server = format!("execve(\"{}\"", self.no_op);
        row("launch: system calls until exec", &self.inits, |init| {
            let program = init.program(&["--", &self.no_op])?;
            let mut counts = Vec::new();
            for _ in 0..9 {
                let calls = program.system_calls(&self.log())?;
                let exec = calls.iter().position(|call| call.contains(&server));
                counts.push(1.0 + exec.ok_or("no exec")? as f64);
            }
            Ok(Value::spread(counts))
        })
    }

    /// Of a live server.
    pub(crate) fn health_check(&self) -> Result<[Row; 4]> {
        let mut programs = vec![self.no_op()?];
        let mut servers = Vec::new();
        let hinits = || self.inits.iter().filter(|init| init.is_hinit());
        for init in hinits() {
            let check = init.program(&["healthcheck"])?;
            servers.push(Server::start(
                &init.program(&["--", "sleep", "infinity"])?,
                &check,
            )?);
            programs.push((init.name.clone(), check));
        }
        let (times, faults) = in_turn(&programs, self.rounds)?;
        let ratio = times.compare(NO_OP, |check, no_op| check / no_op);
        let calls = row("health check: system calls", hinits(), |init| {
            let calls = init.program(&["healthcheck"])?.system_calls(&self.log())?;
            Ok(Value::one(calls.len() as f64))
        });
        Ok([
            Row::new("health check: time, µs", times.cells()),
            Row::new("health check: time over the no-op's", ratio.cells())
                .bound(HINIT, AtMost(1.5)),
            Row::new("health check: minor page faults", faults.cells()),
            calls.bound(HINIT, AtMost(30.0)),
        ])
    }

    /// As PID 1, with nothing to do.
    pub(crate) fn idle(&self) -> Result<[Row; 2]> {
        let start = |init: &Init| Idle::start(&init.program(&["--", "sleep", "infinity"])?);
        // One at a time: a page that two share would count half for each. And several times: which pages the kernel
        // maps around a page fault depends on where the program happens to be loaded.
        let pss = row("idle: PSS, KB", &self.inits, |init| {
            let samples: Result<Vec<u64>> = (0..9).map(|_| start(init)?.pss()).collect();
            Ok(Value::spread(samples?.into_iter().map(|kb| kb as f64)))
        });
        let idles = self
            .inits
            .iter()
            .filter_map(|init| Some((&init.name, start(init).ok()?)));
        let idles: Vec<_> = idles
            .map(|(name, idle)| (name, idle.switches(), idle))
            .collect();
        sleep(Duration::from_secs(10));
        let mut wake_ups = Vec::new();
        for (name, before, idle) in idles {
            wake_ups.push((
                name.clone(),
                Value::one((idle.switches()? - before?) as f64),
            ));
        }
        let wake_ups = Row::new("idle: wake-ups in 10 s", wake_ups);
        Ok([
            pss.bound(HINIT, AtMost(400.0)),
            wake_ups.bound(HINIT, AtMost(0.0)),
        ])
    }

    pub(crate) fn file(&self) -> [Row; 2] {
        let size = row("file: size, KiB", &self.inits, |init| {
            Ok(Value::one(fs::metadata(&init.path)?.len() as f64 / 1024.0))
        });
        let linked = row("file: linked", &self.inits, |init| {
            let output = Command::new("file").args(["-bL", &init.path]).output()?;
            let text = String::from_utf8(output.stdout)?;
            let word = text
                .split(", ")
                .find_map(|part| part.strip_suffix(" linked"));
            Ok(Value::Word(word.ok_or(text.as_str())?.to_string()))
        });
        [
            size.bound(HINIT, AtMost(480.0)),
            linked.bound(HINIT, Is("static-pie")),
        ]
    }

    fn no_op(&self) -> Result<(String, Program)> {
        Ok((NO_OP.to_string(), Program::new(&[&self.no_op], "")?))
    }

    fn log(&self) -> String {
        format!("{}/strace", self.directory)
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// What cannot be measured is said and left out.
fn row<'a>(
    figure: &str,
    inits: impl IntoIterator<Item = &'a Init>,
    measure: impl Fn(&Init) -> Result<Value>,
) -> Row {
    let mut cells = Vec::new();
    for init in inits {
        match measure(init) {
            Ok(value) => cells.push((init.name.clone(), value)),
            Err(error) => println!("skipped: {figure} of {}: {error}", init.name),
        }
    }
    Row::new(figure, cells)
}
