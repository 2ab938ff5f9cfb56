//! The options of `hinit healthcheck`.

use super::{HELP, Opt, PID_FILE, Topic};

pub(crate) static NO_PID: Opt = Opt::new(
    "--no-pid\n\
     Leave the PID file out: the probes alone decide",
)
.env(c"HINIT_NO_PID");
pub(crate) static READY: Opt = Opt::new(
    "--ready\n\
     Also ask hinit itself whether the server is ready; hinit must run with --notify or --listen",
)
.env(c"HINIT_READY");
pub(crate) static FOREIGN: Opt = Opt::new(
    "--foreign\n\
     Accept the PID file of another program: any owner, no lock",
)
.env(c"HINIT_FOREIGN");
pub(crate) static HTTP: Opt = Opt::new(
    "--http URL\n\
     Ask a web server: http://127.0.0.1:8000/health or http+unix:///run/app.sock:/health; may be repeated",
)
.env(c"HINIT_HTTP");
pub(crate) static METHOD: Opt = Opt::new(
    "--method METHOD\n\
     Of the request: GET or HEAD\n\
     [default: GET]",
)
.env(c"HINIT_METHOD");
pub(crate) static HEADER: Opt = Opt::new(
    "--header FIELD\n\
     A field of the request, as `Accept: text/plain`; may be repeated",
)
.env(c"HINIT_HEADER");
pub(crate) static EXPECT: Opt = Opt::new(
    "--expect CODES\n\
     Healthy status codes, as 200 or 200-299,304; may be repeated\n\
     [default: 200-399]",
)
.env(c"HINIT_EXPECT");
pub(crate) static CONTAINS: Opt = Opt::new(
    "--contains TEXT\n\
     What must stand in the first 64 KiB of the answer's body",
)
.env(c"HINIT_CONTAINS");
pub(crate) static GRPC: Opt = Opt::new(
    "--grpc ADDRESS\n\
     Ask a gRPC server's health service: 127.0.0.1:50051, or with /SERVICE behind it; may be repeated",
)
.env(c"HINIT_GRPC");
pub(crate) static TCP: Opt = Opt::new(
    "--tcp ADDRESS\n\
     Something must accept connections: 127.0.0.1:5432, [::1]:5432 or localhost:5432; may be repeated",
)
.env(c"HINIT_TCP");
pub(crate) static UNIX: Opt = Opt::new(
    "--unix PATH\n\
     The same for a Unix socket: a path, or @NAME for an abstract one; may be repeated",
)
.env(c"HINIT_UNIX");
pub(crate) static HEARTBEAT: Opt = Opt::new(
    "--heartbeat PATH\n\
     A file that the server must have touched within --max-age; may be repeated",
)
.env(c"HINIT_HEARTBEAT");
pub(crate) static MAX_AGE: Opt = Opt::new(
    "--max-age DURATION\n\
     How old a heartbeat may be",
)
.env(c"HINIT_MAX_AGE");
pub(crate) static TIMEOUT: Opt = Opt::new(
    "--timeout DURATION\n\
     For the whole check: 500ms, 2s, 1.5s, 1m; a bare number is seconds\n\
     [default: 900ms]",
)
.env(c"HINIT_TIMEOUT");
pub(crate) static JSON: Opt = Opt::new(
    "--json\n\
     Print one JSON object in place of the line",
)
.env(c"HINIT_JSON");
pub(crate) static NO_LINE: Opt = Opt::new(
    "-q, --quiet\n\
     Print nothing; the exit code tells",
)
.env(c"HINIT_QUIET");

pub(crate) static HEALTHCHECK: Topic = Topic {
    name: "healthcheck",
    usage: "usage: hinit healthcheck [OPTIONS]",
    about: "\
Checks that the PID file is valid and the process alive, and then whatever else is asked for; all of it
must be well. Prints the verdict in one line; exits 0 if the server is healthy, 1 if not.

HINIT_HEALTH may hold any of these options, as they stand on a command line; the other variables and the
command line itself beat it.",
    mixed: false,
    clusters: false,
    env: c"HINIT_HEALTH",
    options: &[
        &PID_FILE, &NO_PID, &READY, &FOREIGN, &HTTP, &METHOD, &HEADER, &EXPECT, &CONTAINS, &GRPC, &TCP, &UNIX,
        &HEARTBEAT, &MAX_AGE, &TIMEOUT, &JSON, &NO_LINE, &HELP,
    ],
};
