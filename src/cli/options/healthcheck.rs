//! The options of `hinit healthcheck`.

use std::ffi::CStr;

use super::{HELP, Opt, PID_FILE, Topic};

pub(crate) static NO_PID: Opt = Opt::new(
    "--no-pid\n\
     Do not look at the PID file; only the probes decide\n\
     $",
);
pub(crate) static READY: Opt = Opt::new(
    "--ready\n\
     Also ask hinit whether the server is ready; hinit must run with --notify, --listen or --ready-when\n\
     $",
);
pub(crate) static FOREIGN: Opt = Opt::new(
    "--foreign\n\
     Accept the PID file of another program: any owner, no lock\n\
     $",
);
pub(crate) static HTTP: Opt = Opt::new(
    "--http URL\n\
     Ask a web server: http://127.0.0.1:8000/health or http+unix:///run/app.sock:/health; may be repeated\n\
     $",
);
pub(crate) static METHOD: Opt = Opt::new(
    "--method METHOD\n\
     Method of the HTTP request: GET or HEAD\n\
     [default: GET]\n\
     $",
);
pub(crate) static HEADER: Opt = Opt::new(
    "--header FIELD\n\
     Header field to send, such as `Accept: text/plain`, or metadata of gRPC; may be repeated\n\
     $",
);
pub(crate) static EXPECT: Opt = Opt::new(
    "--expect CODES\n\
     HTTP status codes that are healthy, such as 200 or 200-299,304; may be repeated\n\
     [default: 200-399]\n\
     $",
);
pub(crate) static CONTAINS: Opt = Opt::new(
    "--contains TEXT\n\
     Text that the first 64 KiB of the body must contain; may be repeated\n\
     $",
);
pub(crate) static GRPC: Opt = Opt::new(
    "--grpc ADDRESS\n\
     Ask the health service of a gRPC server: 127.0.0.1:50051, optionally with /SERVICE; may be repeated\n\
     $",
);
pub(crate) static TCP: Opt = Opt::new(
    "--tcp ADDRESS\n\
     Connect to this address: 127.0.0.1:5432, [::1]:5432 or localhost:5432; may be repeated\n\
     $",
);
pub(crate) static UNIX: Opt = Opt::new(
    "--unix PATH\n\
     Connect to this Unix socket: a path, or @NAME for an abstract one; may be repeated\n\
     $",
);
pub(crate) static HEARTBEAT: Opt = Opt::new(
    "--heartbeat PATH\n\
     File that the server must have touched within --max-age; may be repeated\n\
     $",
);
pub(crate) static MAX_AGE: Opt = Opt::new(
    "--max-age DURATION\n\
     How old the heartbeat file may be\n\
     $",
);
pub(crate) static TIMEOUT: Opt = Opt::new(
    "--timeout DURATION\n\
     Time limit for the whole check: 500ms, 2s, 1.5s, 1m; a bare number is seconds\n\
     [default: 900ms]\n\
     $",
);
pub(crate) static JSON: Opt = Opt::new(
    "--json\n\
     Print one JSON object instead of text\n\
     $",
);
pub(crate) static NO_LINE: Opt = Opt::new(
    "-q, --quiet\n\
     Print nothing; only the exit code tells\n\
     $",
);

/// The variable that may contain any of these options.
pub(crate) const HEALTH: &CStr = c"HINIT_HEALTH";

pub(crate) static HEALTHCHECK: Topic = Topic {
    call: "hinit healthcheck",
    usage: "usage: hinit healthcheck [OPTIONS]",
    about: "\
Checks the PID file and its process, and then each probe that is given; all must
be well. Prints the verdict in one line; exits with 0 if the server is healthy,
else with 1.

HINIT_HEALTH may contain any of these options, as on a command line; the other
variables and the command line itself override it.",
    mixed: false,
    clusters: false,
    options: &[
        &PID_FILE, &NO_PID, &READY, &FOREIGN, &HTTP, &GRPC, &TCP, &UNIX, &HEARTBEAT, &MAX_AGE,
        &METHOD, &HEADER, &EXPECT, &CONTAINS, &TIMEOUT, &JSON, &NO_LINE, &HELP,
    ],
    titles: &[
        ("The process", &PID_FILE),
        ("Probes", &HTTP),
        ("What --http sends and expects", &METHOD),
        ("Time and output", &TIMEOUT),
    ],
    examples: "
Examples:
  hinit healthcheck
  hinit healthcheck --http http://127.0.0.1:8000/health --contains ok
  hinit healthcheck --no-pid --tcp 127.0.0.1:5432 --timeout 2s
",
};
