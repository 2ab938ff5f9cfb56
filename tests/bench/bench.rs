//! The measurements. Each gives the rows of one of them, hinit's bounds with them.

use std::net::SocketAddr;
use std::process::{Command, id};
use std::thread::sleep;
use std::time::Duration;
use std::{env, fs};

use crate::live::{Live, Mode, Server};
use crate::program::{Program, Result};
use crate::rounds::in_turn;
use crate::table::Bound::{AtMost, Is};
use crate::table::{Row, Value};

pub(crate) const HINIT: &str = "hinit";
pub(crate) const YARDSTICK: &str = "tini-static";
pub(crate) const NO_OP: &str = "no-op";

pub(crate) struct Bench {
    pub(crate) rounds: usize,
    no_op: String,
    pub(crate) load: String,
    pub(crate) inits: Vec<Init>,
    /// On a tmpfs, where a container has its PID file.
    pub(crate) directory: String,
}

pub(crate) struct Init {
    pub(crate) name: String,
    pub(crate) path: String,
    pid_file: String,
}

impl Init {
    fn is_hinit(&self) -> bool {
        self.name.starts_with(HINIT)
    }

    pub(crate) fn program(&self, arguments: &[&str]) -> Result<Program> {
        Program::new(&[&[self.path.as_str()], arguments].concat(), &self.pid_file)
    }

    /// The same with another PID file, so that both may run.
    pub(crate) fn other(&self, arguments: &[&str]) -> Result<Program> {
        let pid_file = format!("{}.other", self.pid_file);
        Program::new(&[&[self.path.as_str()], arguments].concat(), &pid_file)
    }

    /// A hinit that hears its server and answers probes, and the server.
    pub(crate) fn listening(&self, address: SocketAddr, server: &[&str]) -> Result<Program> {
        let address = address.to_string();
        let options = ["--notify", "--watchdog", "1m", "--listen", &address, "--"];
        self.other(&[&options, server].concat())
    }

    /// It and its server. Where orphans do not come by themselves it is told to adopt them, if it has a word for that.
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
    pub(crate) fn new(rounds: usize) -> Result<Self> {
        let (no_op, load) = (beside("noop")?, beside("load")?);
        let directory = format!("/dev/shm/hinit-bench-{}", id());
        fs::create_dir(&directory)?;
        Ok(Self {
            rounds,
            no_op,
            load,
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
    pub(crate) fn launch(&self, figure: &str, hinit_options: &[&str]) -> Result<Vec<Row>> {
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
        Ok(vec![
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
    pub(crate) fn health_check(&self) -> Result<Vec<Row>> {
        let mut programs = vec![self.no_op()?];
        let mut servers = Vec::new();
        for init in self.hinits() {
            let check = init.program(&["healthcheck"])?;
            servers.push(Server::start(
                &init.program(&["--", "sleep", "infinity"])?,
                &check,
            )?);
            programs.push((init.name.clone(), check));
        }
        let (times, faults) = in_turn(&programs, self.rounds)?;
        let ratio = times.compare(NO_OP, |check, no_op| check / no_op);
        let calls = row("health check: system calls", self.hinits(), |init| {
            let calls = init.program(&["healthcheck"])?.system_calls(&self.log())?;
            Ok(Value::one(calls.len() as f64))
        });
        Ok(vec![
            Row::new("health check: time, µs", times.cells()),
            Row::new("health check: time over the no-op's", ratio.cells())
                .bound(HINIT, AtMost(1.5)),
            Row::new("health check: minor page faults", faults.cells()),
            calls.bound(HINIT, AtMost(30.0)),
        ])
    }

    /// As PID 1, with nothing to do.
    pub(crate) fn idle(&self) -> Result<Vec<Row>> {
        let start = |init: &Init| Live::idle(&init.program(&["--", "sleep", "infinity"])?);
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
        Ok(vec![
            pss.bound(HINIT, AtMost(400.0)),
            wake_ups.bound(HINIT, AtMost(0.0)),
        ])
    }

    pub(crate) fn file(&self) -> Vec<Row> {
        let size = row("file: size, KiB", &self.inits, |init| {
            Ok(Value::one(fs::metadata(&init.path)?.len() as f64 / 1024.0))
        });
        let linked = row("file: linked", &self.inits, |init| linked(&init.path));
        vec![
            size.bound(HINIT, AtMost(560.0)),
            linked.bound(HINIT, Is("static-pie")),
        ]
    }

    pub(crate) fn hinits(&self) -> impl Iterator<Item = &Init> {
        self.inits.iter().filter(|init| init.is_hinit())
    }

    pub(crate) fn no_op(&self) -> Result<(String, Program)> {
        Ok((NO_OP.to_string(), Program::new(&[&self.no_op], "")?))
    }

    pub(crate) fn log(&self) -> String {
        format!("{}/strace", self.directory)
    }
}

/// How it is linked, in the word of file(1).
pub(crate) fn linked(path: &str) -> Result<Value> {
    let output = Command::new("file").args(["-bL", path]).output()?;
    let text = String::from_utf8(output.stdout)?;
    let word = text
        .split(", ")
        .find_map(|part| part.strip_suffix(" linked"));
    Ok(Value::Word(word.ok_or(text.as_str())?.to_string()))
}

/// The path of a program that `tests/bench/run` has put beside this one.
pub(crate) fn beside(name: &str) -> Result<String> {
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

fn row<'a>(
    figure: &str,
    inits: impl IntoIterator<Item = &'a Init>,
    measure: impl Fn(&Init) -> Result<Value>,
) -> Row {
    Row::new(figure, of_each(figure, inits, measure))
}

/// One thing of each init, by its name. What cannot be measured is said and left out.
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

/// Measures each of those once more. One that cannot be is said and left out, from then on.
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
