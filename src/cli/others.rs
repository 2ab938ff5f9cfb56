//! The command lines of the small commands.

use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use nix::libc::c_int;

use super::invocation::Invocation;
use super::options::{SignalOptions, StatusOptions};
use super::{Command, PidFile, suggestions, values};
use crate::text;

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
    // A forgotten time takes the signal, and its mistake explains that.
    let wait = SignalOptions::wait(invocation);
    let operand = invocation.operand();
    let number = operand.to_str().and_then(values::SIGNAL.parse);
    if number.is_none() {
        let word = text::shown(operand.as_bytes());
        let misspelt = suggestions::misspelt_signal(&word);
        invocation.refuse(
            misspelt.unwrap_or_else(|| format!("`{word}` is not {}", values::SIGNAL.expected.text)),
        );
    }
    Command::Signal(Signal {
        number: number.unwrap_or_default(),
        pid_file: SignalOptions::pid_file(invocation),
        foreign: SignalOptions::foreign(invocation),
        wait,
    })
}

pub(super) fn status(invocation: &mut Invocation) -> Command {
    invocation.at_most(0);
    Command::Status(Status {
        pid_file: StatusOptions::pid_file(invocation),
        foreign: StatusOptions::foreign(invocation),
        json: StatusOptions::json(invocation),
        // Any value but an empty one (no-color.org).
        plain: (invocation.env.other)(b"NO_COLOR").is_some_and(|value| !value.is_empty()),
    })
}

pub(super) fn install(invocation: &mut Invocation) -> Command {
    Command::Install(invocation.operand().into())
}
