//! The options of `hinit run`, and those that the commands share.

use super::{Opt, Topic};

pub(crate) static PID_FILE: Opt = Opt::new(
    "--pid-file FILE\n\
     The PID file\n\
     [default: /run/hinit.pid, else /tmp/hinit-UID-MNT.pid, else /dev/shm/hinit-UID-MNT.pid]",
)
.env(c"HINIT_PID_FILE");
pub(crate) static NO_PID_FILE: Opt = Opt::new(
    "--no-pid-file\n\
     Keep no PID file",
);
pub(crate) static PID_FILE_MODE: Opt = Opt::new(
    "--pid-file-mode MODE\n\
     Permissions of the PID file in octal, whatever the umask\n\
     [default: 0644]",
);
pub(crate) static GROUP: Opt = Opt::new(
    "-g, --group\n\
     Pass signals to the server's process group",
)
.env(c"HINIT_GROUP");
pub(crate) static PARENT_DEATH: Opt = Opt::new(
    "--parent-death SIGNAL\n\
     If not PID 1, get this signal when the parent process dies",
)
.env(c"HINIT_PARENT_DEATH");
pub(crate) static GRACE: Opt = Opt::new(
    "--grace DURATION\n\
     Kill what is left so long after a stop signal was passed on, or else after the server's end",
)
.env(c"HINIT_GRACE");
pub(crate) static STOP_DELAY: Opt = Opt::new(
    "--stop-delay DURATION\n\
     Be unhealthy at once at a stop signal, but pass it on only after this time\n\
     [default: 0s]",
)
.env(c"HINIT_STOP_DELAY");
pub(crate) static STOP_SIGNAL: Opt = Opt::new(
    "--stop-signal LIST\n\
     The signals that ask for a stop, separated by commas\n\
     [default: TERM,INT,QUIT]",
)
.env(c"HINIT_STOP_SIGNAL");
pub(crate) static NO_DRAIN: Opt = Opt::new(
    "--no-drain\n\
     Leave as soon as the server has ended, and not only when all below hinit has",
)
.env(c"HINIT_NO_DRAIN");
pub(crate) static REWRITE: Opt = Opt::new(
    "--rewrite FROM=TO\n\
     Pass signal FROM on as TO, or not at all if TO is empty; may be repeated",
)
.env(c"HINIT_REWRITE");
pub(crate) static MAP_EXIT: Opt = Opt::new(
    "--map-exit FROM=TO\n\
     Exit with code TO in place of FROM, a code or the signal of a death; may be repeated",
)
.env(c"HINIT_MAP_EXIT");
pub(crate) static CLEAN_STOP: Opt = Opt::new(
    "--clean-stop\n\
     Exit with 0 if the server died of a signal that hinit passed on to it",
)
.env(c"HINIT_CLEAN_STOP");
pub(crate) static NOTIFY: Opt = Opt::new(
    "--notify\n\
     Give the server a NOTIFY_SOCKET: it is ready once it says so, as by sd_notify(3)",
)
.env(c"HINIT_NOTIFY");
pub(crate) static WATCHDOG: Opt = Opt::new(
    "--watchdog DURATION\n\
     Be unhealthy when the server, once ready, gives no WATCHDOG=1 for so long; implies --notify",
)
.env(c"HINIT_WATCHDOG");
pub(crate) static WATCHDOG_SIGNAL: Opt = Opt::new(
    "--watchdog-signal SIGNAL\n\
     Then also send the server this signal, as ABRT",
)
.env(c"HINIT_WATCHDOG_SIGNAL");
pub(crate) static LISTEN: Opt = Opt::new(
    "--listen ADDRESS\n\
     Answer GET /livez, /readyz and /status: 127.0.0.1:9101, [::]:9101 or unix:/run/hinit.sock; may be repeated",
)
.env(c"HINIT_LISTEN");
pub(crate) static USER: Opt = Opt::new(
    "--user USER\n\
     Run the server as this user: NAME or UID, or with :GROUP or :GID behind it",
)
.env(c"HINIT_USER");
pub(crate) static KEEP_GROUPS: Opt = Opt::new(
    "--keep-groups\n\
     With --user, also keep hinit's own supplementary groups (docker run --group-add)",
)
.env(c"HINIT_KEEP_GROUPS");
pub(crate) static UMASK: Opt = Opt::new(
    "--umask MODE\n\
     Set the server's umask, in octal",
)
.env(c"HINIT_UMASK");
pub(crate) static WORKDIR: Opt = Opt::new(
    "--workdir DIR\n\
     Run the server in this directory",
)
.env(c"HINIT_WORKDIR");
pub(crate) static REMOVE_STALE: Opt = Opt::new(
    "--remove-stale FILE\n\
     Remove the PID file that the server's own last run left behind; may be repeated",
)
.env(c"HINIT_REMOVE_STALE");
pub(crate) static FOLLOW: Opt = Opt::new(
    "--follow FILE\n\
     When the server ends, let the child that its own PID file names take its place; may be repeated",
)
.env(c"HINIT_FOLLOW");
pub(crate) static VERBOSE: Opt = Opt::new(
    "-v, --verbose\n\
     Also log each signal and each orphan, as HINIT_LOG=verbose does",
);
pub(crate) static QUIET: Opt = Opt::new(
    "-q, --quiet\n\
     Log errors only, as HINIT_LOG=quiet does",
);
/// How much is logged, where no option says it.
pub(crate) static LOG: Opt = Opt::new("").env(c"HINIT_LOG");
pub(crate) static QUIET_SUCCESS: Opt = Opt::new(
    "--quiet-success\n\
     Do not log how the server ended if hinit exits with 0: for images that are used as commands",
)
.env(c"HINIT_QUIET_SUCCESS");
pub(crate) static HELP: Opt = Opt::new(
    "-h, --help\n\
     Print this help",
);
pub(crate) static VERSION: Opt = Opt::new(
    "-V, --version\n\
     Print the version",
);

pub(crate) static RUN: Topic = Topic {
    name: "run",
    usage: "usage: hinit [run] [OPTIONS] [--] COMMAND [ARG...]",
    about: "\
Launches COMMAND, the server; passes it every signal but SIGCHLD; reaps orphans; keeps the
server's PID in the PID file. The other commands, each with a --help of its own: healthcheck, signal,
status, install.

Exits with the server's own code; 128+N if signal N killed it; 127 if COMMAND was not found;
126 if it could not be executed; 125 if hinit itself failed.",
    mixed: false,
    clusters: false,
    env: c"",
    options: &[
        &PID_FILE,
        &NO_PID_FILE,
        &PID_FILE_MODE,
        &GROUP,
        &STOP_SIGNAL,
        &STOP_DELAY,
        &GRACE,
        &NO_DRAIN,
        &REWRITE,
        &MAP_EXIT,
        &CLEAN_STOP,
        &NOTIFY,
        &WATCHDOG,
        &WATCHDOG_SIGNAL,
        &LISTEN,
        &USER,
        &KEEP_GROUPS,
        &UMASK,
        &WORKDIR,
        &REMOVE_STALE,
        &FOLLOW,
        &PARENT_DEATH,
        &VERBOSE,
        &QUIET,
        &QUIET_SUCCESS,
        &HELP,
        &VERSION,
    ],
};
