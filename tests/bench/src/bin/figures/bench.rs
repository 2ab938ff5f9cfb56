//! The measurements. Each method returns the rows of one measurement, with the bounds for hinit.

use std::net::SocketAddr;
use std::process::Command;
use std::{env, fs};

use nix::unistd::mkdtemp;

use crate::floor::FLOOR;
use crate::idle::IdleInits;
use crate::live::{Mode, Server};
use crate::program::{Program, Result};
use crate::rounds::{Costs, in_turn};
use crate::table::Bound::{AtMost, Is};
use crate::table::{Row, Value};

/// hinit's two builds.
pub(crate) const HINIT: &str = "hinit";
pub(crate) const TINY: &str = "hinit-tiny";

/// The build that only a health check over TLS needs.
pub(crate) const TLS: &str = "hinit-tls";

pub(crate) const YARDSTICK: &str = "tini-static";
pub(crate) const NO_OP: &str = "no-op";
pub(crate) const PID_CHECK: &str = "pidcheck";

pub(crate) struct Bench {
    pub(crate) rounds: usize,
    /// Whether to measure the largest steps too, which take long.
    full: bool,
    pub(crate) no_op: String,
    pub(crate) pid_check: String,
    pub(crate) load: String,
    pub(crate) inits: Vec<Init>,
    /// On a tmpfs, as the PID file of a container is.
    pub(crate) directory: String,
    pub(crate) idle_inits: Option<IdleInits>,
}

pub(crate) struct Init {
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) pid_file: String,
}

impl Init {
    pub(crate) fn is_hinit(&self) -> bool {
        self.name.starts_with(HINIT)
    }

    pub(crate) fn program(&self, arguments: &[&str]) -> Result<Program> {
        Program::new(&[&[self.path.as_str()], arguments].concat(), &self.pid_file)
    }

    /// The same init with another PID file, so that both can run at the same time.
    pub(crate) fn twin(&self, which: &str) -> Self {
        Self {
            name: self.name.clone(),
            path: self.path.clone(),
            pid_file: format!("{}.{which}", self.pid_file),
        }
    }

    pub(crate) fn other(&self, arguments: &[&str]) -> Result<Program> {
        self.twin("other").program(arguments)
    }

    /// A hinit with `--notify` and `--listen`, and its server.
    pub(crate) fn listening(&self, address: SocketAddr, server: &[&str]) -> Result<Program> {
        let address = address.to_string();
        let options = ["--notify", "--watchdog", "60m", "--listen", &address, "--"];
        self.other(&[&options, server].concat())
    }

    /// The init and its server. As a subreaper, tini gets the option that makes it one; the others need none or have
    /// none.
    pub(crate) fn server(&self, mode: Mode, server: &[&str]) -> Result<Program> {
        let tini = self.name.starts_with("tini");
        let options: &[&str] = match mode {
            Mode::Subreaper if tini => &["-s", "--"],
            _ => &["--"],
        };
        self.program(&[options, server].concat())
    }
}

impl Bench {
    pub(crate) fn new(rounds: usize, full: bool) -> Result<Self> {
        let (no_op, pid_check, load) = (sibling("noop")?, sibling("pidcheck")?, sibling("load")?);
        // The name always has the same length, because the instructions that are counted also handle paths.
        let directory = mkdtemp("/dev/shm/hinit-bench-XXXXXX")?;
        let directory = directory.to_string_lossy().into_owned();
        Ok(Self {
            rounds,
            full,
            no_op,
            pid_check,
            load,
            inits: Vec::new(),
            directory,
            idle_inits: None,
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
            let version = version.ok_or("no version")?;
            // dumb-init prints a letter before its version, catatonit a suffix after it.
            let version = version.trim_matches(|c: char| !c.is_ascii_digit());
            Ok(Value::Word(version.to_string()))
        })
    }

    /// The time that an init adds: that of the init which launches the no-op, less that of the no-op alone, in the same
    /// round and by the same static parent. Both are from before the spawn until that parent has reaped.
    pub(crate) fn launch(&self, figure: &str, hinit_options: &[&str]) -> Result<Vec<Row>> {
        let mut programs = vec![self.no_op()?];
        for init in &self.inits {
            let options = if init.is_hinit() { hinit_options } else { &[] };
            let words = [options, &["--", &self.no_op]].concat();
            programs.push((init.name.clone(), init.program(&words)?));
        }
        let Costs { times, faults, .. } = in_turn(&programs, self.rounds)?;
        let extra = times.compare(NO_OP, |with, without| with - without);
        let ratio = extra.compare(YARDSTICK, |one, other| one / other);
        let faults = faults.compare(NO_OP, |with, without| with - without);
        Ok(vec![
            Row::new(format!("{figure}: extra time, µs"), extra.cells()),
            Row::new(
                format!("{figure}: extra time over {YARDSTICK}'s"),
                ratio.cells(),
            )
            .bound(AtMost(0.6)),
            Row::new(format!("{figure}: extra minor page faults"), faults.cells()),
        ])
    }

    /// The system calls of the init and its child up to and including the exec of the server. The next call of the
    /// parent may come before that.
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
        .bound(AtMost(32.0))
    }

    /// A health check of a server that lives.
    pub(crate) fn health_check(&self) -> Result<Vec<Row>> {
        let first = self.hinits().next().ok_or("no hinit to check")?;
        let mut programs = self.lesser_checks(first)?;
        let mut servers = Vec::new();
        for init in self.hinits() {
            let check = init.program(&["healthcheck"])?;
            servers.push(Server::start(
                &init.program(&["--", "sleep", "infinity"])?,
                &check,
            )?);
            programs.push((init.name.clone(), check));
        }
        let Costs { times, faults, .. } = in_turn(&programs, self.rounds)?;
        let ratio = times.compare(NO_OP, |check, no_op| check / no_op);
        let over_floor = times.compare(FLOOR, |check, floor| check / floor);
        let calls = row("health check: system calls", self.hinits(), |init| {
            let calls = init.program(&["healthcheck"])?.system_calls(&self.log())?;
            Ok(Value::one(calls.len() as f64))
        });
        Ok(vec![
            Row::new("health check: time, µs", times.cells()),
            Row::new("health check: time over the no-op's", ratio.cells())
                .bounds(AtMost(1.5), AtMost(1.5)),
            // The goal is 1.10.
            Row::new("health check: time over the floor's", over_floor.cells())
                .bounds(AtMost(1.3), AtMost(1.3)),
            Row::new("health check: minor page faults", faults.cells()),
            calls.bound(AtMost(25.0)),
        ])
    }

    pub(crate) fn file(&self) -> Vec<Row> {
        let size = row("file: size, KiB", &self.inits, |init| {
            Ok(Value::one(fs::metadata(&init.path)?.len() as f64 / 1024.0))
        });
        let linked = row("file: linked", &self.inits, |init| linked(&init.path));
        vec![
            size.bounds(AtMost(269.0), AtMost(230.0)),
            linked.bound(Is("static-pie")),
        ]
    }

    pub(crate) fn hinits(&self) -> impl Iterator<Item = &Init> {
        self.inits.iter().filter(|init| init.is_hinit())
    }

    pub(crate) fn no_op(&self) -> Result<(String, Program)> {
        Ok((NO_OP.to_string(), Program::new(&[&self.no_op], "")?))
    }

    /// The steps of a growing work to measure: all with `--full`, otherwise all but the last.
    pub(crate) fn steps<'a>(&self, all: &'a [usize]) -> &'a [usize] {
        match all.split_last() {
            Some((_, others)) if !self.full => others,
            _ => all,
        }
    }

    pub(crate) fn log(&self) -> String {
        format!("{}/strace", self.directory)
    }
}

/// How a program is linked, as file(1) prints it.
pub(crate) fn linked(path: &str) -> Result<Value> {
    let output = Command::new("file").args(["-bL", path]).output()?;
    let text = String::from_utf8(output.stdout)?;
    let word = text
        .split(", ")
        .find_map(|part| part.strip_suffix(" linked"));
    Ok(Value::Word(word.ok_or(text.as_str())?.to_string()))
}

/// The path of a program that `tests/bench/run` has copied into the directory of this one.
pub(crate) fn sibling(name: &str) -> Result<String> {
    let path = env::current_exe()?.with_file_name(name);
    if !path.exists() {
        return Err(format!("`{}` does not exist", path.display()).into());
    }
    Ok(path.to_string_lossy().into_owned())
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

pub(crate) fn row<'a>(
    figure: &str,
    inits: impl IntoIterator<Item = &'a Init>,
    measure: impl Fn(&Init) -> Result<Value>,
) -> Row {
    Row::new(figure, of_each(figure, inits, measure))
}

/// One value of each init, with its name. An init that cannot be measured is reported and omitted.
pub(crate) fn of_each<'a, T>(
    what: &str,
    inits: impl IntoIterator<Item = &'a Init>,
    mut measure: impl FnMut(&Init) -> Result<T>,
) -> Vec<(String, T)> {
    let mut each = Vec::new();
    for init in inits {
        match measure(init) {
            Ok(value) => each.push((init.name.clone(), value)),
            Err(error) => println!("skipped: {what} of {}: {error}", init.name),
        }
    }
    each
}

/// Measures each of them once more. One that cannot be measured is reported and dropped.
pub(crate) fn once_each<T>(
    what: &str,
    each: &mut Vec<(String, T)>,
    mut measure: impl FnMut(&mut T) -> Result<()>,
) {
    each.retain_mut(|(name, one)| {
        let result = measure(one);
        if let Err(error) = &result {
            println!("skipped: {what} of {name}: {error}");
        }
        result.is_ok()
    });
}
