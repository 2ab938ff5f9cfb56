//! One run of one program: its time, its page faults, its system calls, its instructions.

use std::env;
use std::error::Error;
use std::ffi::{CString, NulError, OsString};
use std::fmt::{self, Display};
use std::fs;
use std::process::{Command, Stdio};
use std::time::Instant;

use nix::fcntl::OFlag;
use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, posix_spawn};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::stat::Mode;
use nix::sys::time::TimeValLike;
use nix::sys::wait::{WaitStatus, waitpid};
use pico_args::Arguments;

pub(crate) type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

/// What one run cost, with the children that it reaped.
pub(crate) struct Cost {
    /// The microseconds from before the spawn until it was reaped.
    pub(crate) time: f64,
    /// The microseconds of processor time.
    pub(crate) cpu: f64,
    /// The minor page faults.
    pub(crate) faults: f64,
}

impl Cost {
    /// Of all children of this process so far.
    fn of_children() -> Result<Self> {
        let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
        let cpu = usage.user_time() + usage.system_time();
        Ok(Self {
            time: 0.0,
            cpu: cpu.num_microseconds() as f64,
            faults: usage.minor_page_faults() as f64,
        })
    }
}

/// A command line and its environment.
pub(crate) struct Program {
    words: Vec<String>,
    environment: Vec<(&'static str, String)>,
}

impl Program {
    /// `words`: the path of a program, then its arguments.
    pub(crate) fn new(words: &[&str], pid_file: &str) -> Result<Self> {
        let words = words.iter().map(ToString::to_string).collect();
        let environment = vec![
            ("PATH", env::var("PATH")?),
            ("HINIT_PID_FILE", pid_file.to_string()),
        ];
        Ok(Self { words, environment })
    }

    /// The same with these variables.
    pub(crate) fn with(mut self, variables: &[(&'static str, &str)]) -> Self {
        let variables = variables.iter();
        let variables = variables.map(|(name, value)| (*name, (*value).to_string()));
        self.environment.extend(variables);
        self
    }

    /// The command that runs it by a wrapper.
    pub(crate) fn under(&self, wrapper: &str, options: &[&str]) -> Command {
        let mut command = Command::new(wrapper);
        command
            .args(options)
            .args(&self.words)
            .env_clear()
            .envs(self.environment.clone());
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    /// Runs it once. `posix_spawn` uses vfork, so the size of this process has no influence.
    pub(crate) fn run(&self) -> Result<Cost> {
        let argv = c_strings(self.words.iter().cloned())?;
        let environment = self
            .environment
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        let environment = c_strings(environment)?;
        let path = argv.first().ok_or("an empty command line")?;
        let attributes = PosixSpawnAttr::init()?;
        let mut files = PosixSpawnFileActions::init()?;
        files.add_open(0, "/dev/null", OFlag::O_RDWR, Mode::empty())?;
        files.add_dup2(0, 1)?;
        files.add_dup2(0, 2)?;

        let before = Cost::of_children()?;
        let start = Instant::now();
        let pid = posix_spawn(path.as_c_str(), &files, &attributes, &argv, &environment)?;
        let end = waitpid(pid, None)?;
        let elapsed = start.elapsed();

        // A program that fails early would look fast.
        if end != WaitStatus::Exited(pid, 0) {
            return Err(format!("{self} ended with {end:?}").into());
        }
        let after = Cost::of_children()?;
        Ok(Cost {
            time: elapsed.as_secs_f64() * 1e6,
            cpu: after.cpu - before.cpu,
            faults: after.faults - before.faults,
        })
    }

    /// The system calls of the program and its descendants, one line each, in the order in which they start (strace).
    /// The first is the execve of the program.
    pub(crate) fn system_calls(&self, log: &str) -> Result<Vec<String>> {
        let options = ["-f", "-qq", "-e", "signal=none", "-s", "4096", "-o", log];
        let status = self.under("strace", &options).status()?;
        if !status.success() {
            return Err(format!("{self} ended with {status} under strace").into());
        }
        let log = fs::read_to_string(log)?;
        let starts = log.lines().filter(|line| !line.contains(" resumed>"));
        Ok(starts.map(str::to_string).collect())
    }

    /// The number of instructions that it executes, without those of its children (callgrind).
    pub(crate) fn instructions(&self, log: &str) -> Result<f64> {
        let options = ["--tool=callgrind", "--callgrind-out-file=/dev/null"];
        let log_option = format!("--log-file={log}");
        let status = self
            .under("valgrind", &[&options[..], &[&log_option]].concat())
            // The directory and the PATH of the caller must not change the count.
            .current_dir("/")
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .status()
            .map_err(|error| format!("cannot run valgrind: {error}"))?;
        if !status.success() {
            return Err(format!("{self} ended with {status} under valgrind").into());
        }
        let log = fs::read_to_string(log)?;
        let count = log.lines().find_map(|line| line.split_once("Collected : "));
        let (_, count) = count.ok_or("valgrind counted nothing")?;
        Ok(count.parse()?)
    }
}

impl Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "`{}`", self.words.join(" "))
    }
}

/// The remaining arguments, NAME=PATH...
pub(crate) fn named(arguments: Arguments) -> Result<Vec<(String, String)>> {
    let one = |word: OsString| {
        let word = word.to_string_lossy();
        let named = word.split_once('=');
        let (name, path) = named.ok_or(format!("`{word}` is not NAME=PATH"))?;
        Ok((name.to_string(), path.to_string()))
    };
    arguments.finish().into_iter().map(one).collect()
}

fn c_strings(words: impl Iterator<Item = String>) -> Result<Vec<CString>, NulError> {
    words.map(CString::new).collect()
}
