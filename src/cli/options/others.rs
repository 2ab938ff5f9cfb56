//! The options of the small commands.

use super::{FOREIGN, HELP, JSON, Opt, PID_FILE, Topic};

pub(crate) static WAIT: Opt = Opt::new(
    "--wait DURATION\n\
     Wait so long for the server's end; exit with 1 if it has not ended",
);

pub(crate) static SIGNAL: Topic = Topic {
    name: "signal",
    usage: "usage: hinit signal [OPTIONS] SIGNAL",
    about: "\
Sends the server a signal, such as TERM, 15 or RTMIN+3: the process that the PID file names, and never
another one. Exits with 0; with 1 if that is not possible, and says why.",
    mixed: true,
    clusters: false,
    env: c"",
    options: &[&PID_FILE, &FOREIGN, &WAIT, &HELP],
};

pub(crate) static STATUS: Topic = Topic {
    name: "status",
    usage: "usage: hinit status [OPTIONS]",
    about: "\
Shows what the server is and does, or why that cannot be told. Exits with 0 if it is healthy, else with 1.",
    mixed: true,
    clusters: false,
    env: c"",
    options: &[&PID_FILE, &FOREIGN, &JSON, &HELP],
};

pub(crate) static INSTALL: Topic = Topic {
    name: "install",
    usage: "usage: hinit install PATH",
    about: "\
Copies this binary to PATH, in one step and executable: for images that have nothing to copy with. A
file that is there is replaced; anything else, a symlink too, is refused.",
    mixed: true,
    clusters: false,
    env: c"",
    options: &[&HELP],
};
