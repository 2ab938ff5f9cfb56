//! The command lines of the small commands.

use std::time::Duration;

use nix::libc::c_int;

use super::invocation::{Invocation, Separators};
use super::values::{self, ParseError};
use super::{Command, PidFile, options, pid_file, suggestions};

/// A signal for the server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Signal {
    pub(crate) number: c_int,
    pub(crate) pid_file: PidFile,
    pub(crate) foreign: bool,
    /// How long to wait for the server to exit.
    pub(crate) wait: Option<Duration>,
}

/// What to show of the server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) pid_file: PidFile,
    pub(crate) foreign: bool,
    pub(crate) json: bool,
    /// Print no colours (`NO_COLOR`).
    pub(crate) plain: bool,
}

pub(super) fn signal(invocation: &mut Invocation) -> Command {
    let mut wait = None;
    invocation.each(&options::WAIT, Separators::None, &mut |text| {
        wait = (values::TIMEOUT.parse)(text);
        if wait.is_none() && (values::SIGNAL.parse)(text).is_some() {
            let why = "this is taken as the time; write `--wait 10s |`";
            return Err(ParseError::Because(why, text));
        }
        values::require(wait.is_some(), values::TIMEOUT.expected)
    });
    let operand = invocation.operand();
    let number = operand.to_str().and_then(values::SIGNAL.parse);
    if number.is_none() {
        let word = operand.to_string_lossy();
        let misspelt = suggestions::misspelt_signal(&word);
        invocation.refuse(
            misspelt.unwrap_or_else(|| format!("`{word}` is not {}", values::SIGNAL.expected)),
        );
    }
    Command::Signal(Signal {
        number: number.unwrap_or_default(),
        pid_file: pid_file(invocation),
        foreign: invocation.flag(&options::FOREIGN),
        wait,
    })
}

pub(super) fn status(invocation: &mut Invocation) -> Command {
    invocation.at_most(0);
    Command::Status(Status {
        pid_file: pid_file(invocation),
        foreign: invocation.flag(&options::FOREIGN),
        json: invocation.flag(&options::JSON),
        // Any value but an empty one (no-color.org).
        plain: (invocation.env.get)(c"NO_COLOR").is_some_and(|value| !value.is_empty()),
    })
}

pub(super) fn install(invocation: &mut Invocation) -> Command {
    Command::Install(invocation.operand().into())
}
