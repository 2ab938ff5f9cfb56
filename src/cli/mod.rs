//! Arguments and environment in, a [`Command`] out. Pure: nothing here asks the system.

use std::ffi::{CStr, OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;

use nix::sys::signal::Signal;
use pico_args::Arguments;

use crate::error::Error;
use crate::output::Verbosity;

pub(crate) mod options;
mod values;

use options::{Opt, Topic};
use values::{duration, permissions, signal};

/// What hinit is asked to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Run(Run),
    Healthcheck(Healthcheck),
    /// Print this text.
    Help(String),
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// None: keep no PID file.
    pub(crate) pid_file: Option<PidFile>,
    /// Its permissions.
    pub(crate) mode: u32,
    /// Pass signals to the server's process group.
    pub(crate) group: bool,
    /// The signal to get when the parent dies.
    pub(crate) parent_death: Option<Signal>,
    pub(crate) verbosity: Verbosity,
    /// The server and its arguments; at least one word.
    pub(crate) command: Vec<OsString>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Healthcheck {
    pub(crate) pid_file: PidFile,
    pub(crate) foreign: bool,
    pub(crate) timeout: Duration,
    pub(crate) quiet: bool,
}

/// Which PID file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PidFile {
    At(PathBuf),
    Default,
}

/// A command line that makes no sense: why, and for which command.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Misuse {
    Run(Error),
    Healthcheck(Error),
}

/// Looks up an environment variable.
pub(crate) type Env<'a> = &'a dyn Fn(&CStr) -> Option<OsString>;

const TIMEOUT: Duration = Duration::from_millis(900);
const MODE: u32 = 0o644;

/// Reads the command line (without the program's own name).
///
/// Only the first word can name a command of hinit's: whoever has a server called `healthcheck`
/// writes `hinit -- healthcheck`.
pub(crate) fn parse(mut words: Vec<OsString>, env: Env) -> Result<Command, Misuse> {
    let is = |name: &str| words.first().is_some_and(|word| word == name);
    let (run, healthcheck) = (is("run"), is("healthcheck"));
    if run || healthcheck {
        words.remove(0);
    }
    if healthcheck {
        parse_healthcheck(words, env).map_err(Misuse::Healthcheck)
    } else {
        parse_run(words, env).map_err(Misuse::Run)
    }
}

fn parse_run(words: Vec<OsString>, env: Env) -> Result<Command, Error> {
    let (mut options, command) = split(words, &options::RUN)?;
    if take_flag(&mut options, &options::HELP) {
        return Ok(Command::Help(options::RUN.help()));
    }
    if take_flag(&mut options, &options::VERSION) {
        return Ok(Command::Help(format!(
            "hinit {}\n",
            env!("CARGO_PKG_VERSION")
        )));
    }
    let path = take_value(&mut options, &options::PID_FILE);
    let mode = take_value(&mut options, &options::PID_FILE_MODE);
    let parent_death = take_value(&mut options, &options::PARENT_DEATH)
        .or_else(|| set_in(env, &options::PARENT_DEATH));
    let none = take_flag(&mut options, &options::NO_PID_FILE);
    if none && path.is_some() {
        return Err(contradiction(&options::PID_FILE, &options::NO_PID_FILE));
    }
    let verbose = take_flag(&mut options, &options::VERBOSE);
    let quiet = take_flag(&mut options, &options::QUIET);
    let verbosity = match (quiet, verbose) {
        (true, true) => return Err(contradiction(&options::VERBOSE, &options::QUIET)),
        (true, false) => Verbosity::Quiet,
        (false, false) => Verbosity::Normal,
        (false, true) => Verbosity::Verbose,
    };
    let group = take_flag(&mut options, &options::GROUP) || switch(&options::GROUP, env)?;
    if command.is_empty() {
        return Err(Error::Usage("no command given".into()));
    }
    Ok(Command::Run(Run {
        pid_file: (!none).then(|| pid_file(path, env)),
        mode: mode.map_or(Ok(MODE), |mode| {
            parse_value(
                &options::PID_FILE_MODE,
                &mode,
                permissions,
                "0600, 0604, 0640 or 0644",
            )
        })?,
        group,
        parent_death: parent_death
            .map(|name| {
                parse_value(
                    &options::PARENT_DEATH,
                    &name,
                    signal,
                    "a signal such as TERM or 15",
                )
            })
            .transpose()?,
        verbosity,
        command,
    }))
}

fn parse_healthcheck(words: Vec<OsString>, env: Env) -> Result<Command, Error> {
    let (mut options, operands) = split(words, &options::HEALTHCHECK)?;
    if take_flag(&mut options, &options::HELP) {
        return Ok(Command::Help(options::HEALTHCHECK.help()));
    }
    let path = take_value(&mut options, &options::PID_FILE);
    let timeout = take_value(&mut options, &options::TIMEOUT);
    if let Some(word) = operands.first() {
        let nearest = options::HEALTHCHECK.nearest(&word.to_string_lossy());
        return Err(unknown("unexpected word", word, nearest));
    }
    Ok(Command::Healthcheck(Healthcheck {
        pid_file: pid_file(path, env),
        foreign: take_flag(&mut options, &options::FOREIGN),
        timeout: timeout.map_or(Ok(TIMEOUT), |timeout| {
            parse_value(
                &options::TIMEOUT,
                &timeout,
                duration,
                "a time such as 500ms, 2s or 1m",
            )
        })?,
        quiet: take_flag(&mut options, &options::NO_LINE),
    }))
}

/// Cuts the words at the first operand or `--`: what stands behind it is the server's, even where
/// it looks like an option of ours, so pico-args, which scans all it is given, must not see it.
/// `--name=value` becomes two words.
fn split(words: Vec<OsString>, topic: &Topic) -> Result<(Arguments, Vec<OsString>), Error> {
    let mut options = Vec::new();
    let mut words = words.into_iter();
    let mut operands = Vec::new();
    while let Some(word) = words.next() {
        if word == "--" {
            break;
        }
        if !word.as_bytes().starts_with(b"-") || word == "-" {
            operands.push(word);
            break;
        }
        let (name, joined) = match word.as_bytes().iter().position(|&byte| byte == b'=') {
            Some(at) => {
                let (name, value) = word.as_bytes().split_at(at);
                let value = value.get(1..).unwrap_or_default();
                (
                    OsStr::from_bytes(name),
                    Some(OsStr::from_bytes(value).to_owned()),
                )
            }
            None => (word.as_os_str(), None),
        };
        let text = name.to_string_lossy();
        let Some(option) = topic.option(&text) else {
            return Err(unknown("unknown option", name, topic.nearest(&text)));
        };
        options.push(option.long.into());
        match (option.takes_value(), joined) {
            (false, None) => {}
            (false, Some(_)) => {
                return Err(Error::Usage(format!("`{}` takes no value", option.long)));
            }
            (true, joined) => options.push(value_of(option, joined.or_else(|| words.next()))?),
        }
    }
    operands.extend(words);
    Ok((Arguments::from_vec(options), operands))
}

/// An option's value: any word, but for one that looks like an option, since that is far more
/// often a value forgotten. (A file that really has such a name is `./-x`.)
fn value_of(option: &Opt, word: Option<OsString>) -> Result<OsString, Error> {
    match word {
        Some(word) if !word.is_empty() && !word.as_bytes().starts_with(b"-") => Ok(word),
        _ => Err(Error::Usage(format!(
            "`{}` needs a value: {}",
            option.long, option.value
        ))),
    }
}

/// The last value given for an option: a command line may repeat what an image has set.
fn take_value(options: &mut Arguments, option: &Opt) -> Option<OsString> {
    let copy = |value: &OsStr| Ok::<_, std::convert::Infallible>(value.to_owned());
    let mut last = None;
    while let Ok(Some(value)) = options.opt_value_from_os_str(option.long, copy) {
        last = Some(value);
    }
    last
}

fn take_flag(options: &mut Arguments, option: &Opt) -> bool {
    let given = options.contains(option.long);
    while options.contains(option.long) {}
    given
}

fn pid_file(flag: Option<OsString>, env: Env) -> PidFile {
    let set = flag.or_else(|| set_in(env, &options::PID_FILE));
    set.map_or(PidFile::Default, |path| PidFile::At(path.into()))
}

/// An option's environment variable; an empty one is as good as none.
fn set_in(env: Env, option: &Opt) -> Option<OsString> {
    env(option.env).filter(|value| !value.is_empty())
}

/// A flag's environment variable: 1 is on; 0, empty or missing is off.
fn switch(option: &Opt, env: Env) -> Result<bool, Error> {
    let value = set_in(env, option).unwrap_or_default();
    match value.as_bytes() {
        b"1" => Ok(true),
        b"" | b"0" => Ok(false),
        _ => Err(Error::Usage(format!(
            "`{}={}`: neither 0 nor 1",
            option.env_name(),
            value.display()
        ))),
    }
}

fn parse_value<T>(
    option: &Opt,
    value: &OsStr,
    parse: fn(&str) -> Option<T>,
    wanted: &str,
) -> Result<T, Error> {
    value.to_str().and_then(parse).ok_or_else(|| {
        let value = value.display();
        Error::Usage(format!("`{} {value}`: not {wanted}", option.long))
    })
}

fn contradiction(one: &Opt, other: &Opt) -> Error {
    Error::Usage(format!(
        "`{}` and `{}` contradict each other",
        one.long, other.long
    ))
}

fn unknown(what: &str, word: &OsStr, nearest: &str) -> Error {
    Error::Usage(format!(
        "{what} `{}`; the nearest is `{nearest}`",
        word.display()
    ))
}

#[cfg(test)]
mod tests;
