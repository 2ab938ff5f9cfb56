//! The options of `hinit run`, and those that the commands share.

use super::{Opt, Topic};

pub(crate) static PID_FILE: Opt = Opt::new(
    "--pid-file FILE\n\
     The file that contains the server's PID\n\
     [default: /run/hinit.pid, else /tmp/hinit-UID-MNT.pid, else /dev/shm/hinit-UID-MNT.pid]\n\
     $",
);
pub(crate) static NO_PID_FILE: Opt = Opt::new(
    "--no-pid-file\n\
     Keep no PID file",
);
pub(crate) static PID_FILE_MODE: Opt = Opt::new(
    "--pid-file-mode MODE\n\
     Permissions of the PID file, in octal, whatever the umask\n\
     [default: 0644]",
);
pub(crate) static GROUP: Opt = Opt::new(
    "-g, --group\n\
     Pass signals to the whole process group of the server\n\
     $",
);
pub(crate) static PARENT_DEATH: Opt = Opt::new(
    "--parent-death SIGNAL\n\
     Signal that hinit gets when its parent process dies; not for PID 1\n\
     $",
);
pub(crate) static GRACE: Opt = Opt::new(
    "--grace DURATION\n\
     How long to wait after the stop signal before killing what is left\n\
     $",
);
pub(crate) static STOP_DELAY: Opt = Opt::new(
    "--stop-delay DURATION\n\
     On a stop signal, be unhealthy at once but pass the signal on only after this time\n\
     [default: 0s]\n\
     $",
);
pub(crate) static STOP_SIGNAL: Opt = Opt::new(
    "--stop-signal LIST\n\
     Signals that ask the server to stop, separated by commas\n\
     [default: TERM,INT,QUIT]\n\
     $",
);
pub(crate) static NO_DRAIN: Opt = Opt::new(
    "--no-drain\n\
     Exit as soon as the server has exited, and leave its descendants alone\n\
     $",
);
pub(crate) static REWRITE: Opt = Opt::new(
    "--rewrite FROM=TO\n\
     Pass signal FROM on as signal TO, or drop it if TO is empty; may be repeated\n\
     $",
);
pub(crate) static MAP_EXIT: Opt = Opt::new(
    "--map-exit FROM=TO\n\
     Exit with code TO instead of FROM, which is a code or the signal that killed the server; may be repeated\n\
     $",
);
pub(crate) static CLEAN_STOP: Opt = Opt::new(
    "--clean-stop\n\
     Exit with 0 if a signal that hinit passed on killed the server\n\
     $",
);
pub(crate) static NOTIFY: Opt = Opt::new(
    "--notify\n\
     Give the server a NOTIFY_SOCKET; it is ready once it says so, as with sd_notify(3)\n\
     $",
);
pub(crate) static WATCHDOG: Opt = Opt::new(
    "--watchdog DURATION\n\
     Be unhealthy when a ready server sends no WATCHDOG=1 for this time; implies --notify\n\
     $",
);
pub(crate) static WATCHDOG_SIGNAL: Opt = Opt::new(
    "--watchdog-signal SIGNAL\n\
     Also send the server this signal then, such as ABRT\n\
     $",
);
pub(crate) static LISTEN: Opt = Opt::new(
    "--listen ADDRESS\n\
     Answer GET /livez, /readyz and /status at 127.0.0.1:9101, [::]:9101 or unix:/run/hinit.sock; may be repeated\n\
     $",
);
pub(crate) static READY_WHEN: Opt = Opt::new(
    "--ready-when PROBE...\n\
     The server is ready once these probes of the health check are well, as in \
     `--ready-when \"--tcp 127.0.0.1:8000\"`; may be repeated\n\
     $",
);
pub(crate) static USER: Opt = Opt::new(
    "--user USER\n\
     Run the server as this user: NAME or UID, optionally with :GROUP or :GID\n\
     $",
);
pub(crate) static KEEP_GROUPS: Opt = Opt::new(
    "--keep-groups\n\
     With --user, also keep hinit's own supplementary groups (docker run --group-add)\n\
     $",
);
pub(crate) static UMASK: Opt = Opt::new(
    "--umask MODE\n\
     Umask of the server, in octal\n\
     $",
);
pub(crate) static WORKDIR: Opt = Opt::new(
    "--workdir DIR\n\
     Working directory of the server\n\
     $",
);
pub(crate) static REMOVE_STALE: Opt = Opt::new(
    "--remove-stale FILE\n\
     Before the start, remove the PID file that the server's last run left behind; may be repeated\n\
     $",
);
pub(crate) static FOLLOW: Opt = Opt::new(
    "--follow FILE\n\
     When the server exits, continue with the child that the server's own PID file names; may be repeated\n\
     $",
);
pub(crate) static VERBOSE: Opt = Opt::new(
    "-v, --verbose\n\
     Also log each signal and each orphan, as HINIT_LOG=verbose does",
);
pub(crate) static QUIET: Opt = Opt::new(
    "-q, --quiet\n\
     Log errors only, as HINIT_LOG=quiet does",
);
/// How much is logged, if no option sets it. It is a variable only, and so in no table.
pub(crate) static LOG: Opt = Opt::new("--log LEVEL\n$");
pub(crate) static QUIET_SUCCESS: Opt = Opt::new(
    "--quiet-success\n\
     Do not log how the server ended if hinit exits with 0: for images that are used as commands\n\
     $",
);
pub(crate) static HELP: Opt = Opt::new(
    "-h, --help\n\
     Print this help",
);
pub(crate) static VERSION: Opt = Opt::new(
    "-V, --version\n\
     Print the version",
);

pub(crate) static RUN: Topic = Topic {
    call: "hinit run",
    usage: "usage: hinit [run] [OPTIONS] [--] COMMAND [ARG...]",
    about: "\
Starts COMMAND, the server; passes signals to it; reaps orphans; keeps the
server's PID in the PID file.

Exits with the server's own code; 128+N if signal N killed it; 127 if COMMAND
was not found; 126 if it could not be executed; 125 if hinit itself failed.",
    mixed: false,
    clusters: false,
    options: &[
        &PID_FILE,
        &NO_PID_FILE,
        &PID_FILE_MODE,
        &REMOVE_STALE,
        &FOLLOW,
        &STOP_SIGNAL,
        &STOP_DELAY,
        &GRACE,
        &NO_DRAIN,
        &GROUP,
        &REWRITE,
        &PARENT_DEATH,
        &MAP_EXIT,
        &CLEAN_STOP,
        &NOTIFY,
        &WATCHDOG,
        &WATCHDOG_SIGNAL,
        &LISTEN,
        &READY_WHEN,
        &USER,
        &KEEP_GROUPS,
        &UMASK,
        &WORKDIR,
        &VERBOSE,
        &QUIET,
        &QUIET_SUCCESS,
        &HELP,
        &VERSION,
    ],
    titles: &[
        ("PID files", &PID_FILE),
        ("Signals and stop", &STOP_SIGNAL),
        ("Exit code", &MAP_EXIT),
        ("Readiness", &NOTIFY),
        ("The server's process", &USER),
        ("Output", &VERBOSE),
    ],
    examples: "
Commands, each with its own --help:
  run            Start a server; the word `run` may be omitted
  healthcheck    Check whether the server is healthy
  signal         Send the server a signal
  status         Show the state of the server
  install        Copy this program to a path

Examples:
  hinit --grace 8s -- nginx -g 'daemon off;'
  hinit --user www-data --listen 127.0.0.1:9101 -- gunicorn app:app
  hinit healthcheck --http http://127.0.0.1:8000/health

More: man hinit
",
};
