//! The command lines of the small commands.

use std::time::Duration;

use nix::libc::c_int;

use super::invocation::Invocation;
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
    /// Colours are not expected (`NO_COLOR`).
    pub(crate) plain: bool,
}

pub(super) fn signal(invocation: &mut Invocation) -> Command {
    let operand = invocation.operand();
    let number = operand.to_str().and_then(values::SIGNAL.parse);
    if number.is_none() {
        let why = suggestions::refusal(
            operand.to_str().unwrap_or_default(),
            values::SIGNAL.expected,
        );
        invocation.refuse(format!("`{}`: {why}", operand.display()));
    }
    Command::Signal(Signal {
        number: number.unwrap_or_default(),
        pid_file: pid_file(invocation),
        foreign: invocation.flag(&options::FOREIGN),
        wait: invocation.value(&options::WAIT, &values::TIMEOUT),
    })
}

pub(super) fn status(invocation: &mut Invocation) -> Command {
    invocation.at_most(0);
    Command::Status(Status {
        pid_file: pid_file(invocation),
        foreign: invocation.flag(&options::FOREIGN),
        json: invocation.flag(&options::JSON),
        // Set to anything (no-color.org).
        plain: (invocation.env)(c"NO_COLOR").is_some_and(|value| !value.is_empty()),
    })
}

pub(super) fn install(invocation: &mut Invocation) -> Command {
    Command::Install(invocation.operand().into())
}
