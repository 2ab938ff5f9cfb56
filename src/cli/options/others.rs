//! The options of the small commands.

use std::time::Duration;

use super::table::options;
use super::{FOREIGN, HELP, JSON, PID_FILE, Topic};
use crate::cli::{PidFile, values};

options! {
    /// What was given to `hinit signal`.
    SignalOptions {
        pid_file: PidFile = PID_FILE,
        foreign: bool = FOREIGN,
        wait: Option<Duration> = WAIT {
            ("--wait DURATION", "Wait up to this time for the server to exit; exit with 1 if it has not")
            parsed_once(values::WAIT)
        },
    }
}

options! {
    /// What was given to `hinit status`.
    StatusOptions {
        pid_file: PidFile = PID_FILE,
        foreign: bool = FOREIGN,
        json: bool = JSON,
    }
}

pub(crate) static SIGNAL: Topic = Topic {
    call: "hinit signal",
    usage: "usage: hinit signal [OPTIONS] SIGNAL",
    about: "\
Sends a signal, such as TERM, 15 or RTMIN+3, to the process that the PID file
names, and never to another one. Exits with 0; if that is not possible, says why
and exits with 1, or with 125 if the command line is wrong.",
    mixed: true,
    clusters: false,
    options: SignalOptions::OPTIONS,
    general: None,
    titles: SignalOptions::TITLES,
    examples: "",
};

pub(crate) static STATUS: Topic = Topic {
    call: "hinit status",
    usage: "usage: hinit status [OPTIONS]",
    about: "\
Shows what the server is and does, or why that cannot be found out. Exits with 0
if the server is healthy, else with 1; with 125 if the command line is wrong.",
    mixed: true,
    clusters: false,
    options: StatusOptions::OPTIONS,
    general: None,
    titles: StatusOptions::TITLES,
    examples: "",
};

pub(crate) static INSTALL: Topic = Topic {
    call: "hinit install",
    usage: "usage: hinit install PATH",
    about: "\
Copies this program to PATH, in one step and executable: for images that have
nothing to copy with. An existing file is replaced; anything else, also a
symlink, is refused. Exits with 0; with 125 if that fails, and says why.",
    mixed: true,
    clusters: false,
    options: &[&HELP],
    general: None,
    titles: &[],
    examples: "",
};
