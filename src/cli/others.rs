//! The command lines of the small commands.

use std::time::Duration;

use nix::libc::c_int;

use super::given::Given;
use super::{Command, PidFile, options, pid_file, suggestions, values};

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

pub(super) fn signal(given: &mut Given) -> Command {
    let operand = given.operand();
    let number = operand.to_str().and_then(values::SIGNAL.parse);
    if number.is_none() {
        let why = suggestions::refusal(operand.to_str().unwrap_or_default(), values::SIGNAL.wanted);
        given.refuse(format!("`{}`: {why}", operand.display()));
    }
    Command::Signal(Signal {
        number: number.unwrap_or_default(),
        pid_file: pid_file(given),
        foreign: given.flag(&options::FOREIGN),
        wait: given.value(&options::WAIT, &values::TIMEOUT),
    })
}

pub(super) fn status(given: &mut Given) -> Command {
    given.at_most(0);
    Command::Status(Status {
        pid_file: pid_file(given),
        foreign: given.flag(&options::FOREIGN),
        json: given.flag(&options::JSON),
        // Set to anything (no-color.org).
        plain: (given.env)(c"NO_COLOR").is_some_and(|value| !value.is_empty()),
    })
}

pub(super) fn install(given: &mut Given) -> Command {
    Command::Install(given.operand().into())
}
