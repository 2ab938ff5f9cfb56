//! The command lines of the small commands.

use std::ffi::OsString;
use std::time::Duration;

use nix::libc::c_int;

use super::given::{Env, Given, unknown};
use super::options::{self, Topic};
use super::{Command, PidFile, pid_file, values};
use crate::error::Error;

/// A signal for the server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Signal {
    pub(crate) number: c_int,
    pub(crate) pid_file: PidFile,
    pub(crate) foreign: bool,
    /// How long to wait for the server's end.
    pub(crate) wait: Option<Duration>,
}

/// What to show of the server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) pid_file: PidFile,
    pub(crate) foreign: bool,
    pub(crate) json: bool,
    /// Colours are not wanted (`NO_COLOR`).
    pub(crate) plain: bool,
}

pub(super) fn signal(words: Vec<OsString>, env: Env) -> Result<Command, Error> {
    let (mut given, operands) = Given::split_all(words, &options::SIGNAL, env)?;
    if given.flag(&options::HELP)? {
        return Ok(Command::Help(options::SIGNAL.help()));
    }
    let operand = one(operands, &options::SIGNAL)?;
    let number = operand.to_str().and_then(values::SIGNAL.parse);
    let Some(number) = number else {
        let why = format!("`{}`: not {}", operand.display(), values::SIGNAL.wanted);
        return Err(Error::usage(why));
    };
    Ok(Command::Signal(Signal {
        number,
        pid_file: pid_file(&mut given),
        foreign: given.flag(&options::FOREIGN)?,
        wait: given.value(&options::WAIT, &values::TIMEOUT)?,
    }))
}

pub(super) fn status(words: Vec<OsString>, env: Env) -> Result<Command, Error> {
    let (mut given, operands) = Given::split_all(words, &options::STATUS, env)?;
    if given.flag(&options::HELP)? {
        return Ok(Command::Help(options::STATUS.help()));
    }
    if let Some(word) = operands.first() {
        return Err(unexpected(word, &options::STATUS));
    }
    Ok(Command::Status(Status {
        pid_file: pid_file(&mut given),
        foreign: given.flag(&options::FOREIGN)?,
        json: given.flag(&options::JSON)?,
        // Set to anything (no-color.org).
        plain: env(c"NO_COLOR").is_some_and(|value| !value.is_empty()),
    }))
}

pub(super) fn install(words: Vec<OsString>, env: Env) -> Result<Command, Error> {
    let (mut given, operands) = Given::split_all(words, &options::INSTALL, env)?;
    if given.flag(&options::HELP)? {
        return Ok(Command::Help(options::INSTALL.help()));
    }
    let path = one(operands, &options::INSTALL)?;
    Ok(Command::Install(path.into()))
}

/// The one operand that there must be.
fn one(operands: Vec<OsString>, topic: &Topic) -> Result<OsString, Error> {
    let mut operands = operands.into_iter();
    let operand = operands
        .next()
        .ok_or_else(|| Error::usage(format!("`hinit {}` needs one more word", topic.name)))?;
    match operands.next() {
        Some(word) => Err(unexpected(&word, topic)),
        None => Ok(operand),
    }
}

fn unexpected(word: &OsString, topic: &Topic) -> Error {
    let nearest = topic.nearest(&word.to_string_lossy());
    unknown("unexpected word", word, nearest)
}
