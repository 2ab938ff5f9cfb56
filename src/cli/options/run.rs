//! The options of `hinit run`, and those that the commands share.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use nix::libc::{SIGINT, SIGQUIT, SIGTERM, c_int};
use nix::sys::signal::Signal as StandardSignal;

use super::table::{option, options};
use super::{Topic, Typed};
use crate::cli::values::{self, Separators, Written};
use crate::cli::{Address, PidFile, User, probes};
use crate::output::Verbosity;
use crate::sys::SignalSet;

pub(crate) const PID_FILE: Typed<PidFile> = option!(
    (
        "--pid-file FILE",
        "The file that contains the server's PID",
        default "/run/hinit.pid, else /tmp/hinit-UID-MNT.pid, else /dev/shm/hinit-UID-MNT.pid",
        variable, expanded
    )
    pid_file()
);
/// The default permissions of a PID file.
pub(crate) const MODE: u32 = 0o644;
/// The signals that ask for a stop by default.
pub(crate) const STOP_SIGNALS: SignalSet = SignalSet::NONE.with(SIGTERM).with(SIGINT).with(SIGQUIT);

pub(crate) const VERSION: Typed<bool> = option!(
    ("-V, --version", "Print the version; with --verbose also the commit and how hinit was built")
    flag()
);

options! {
    /// What was given to `hinit run`.
    RunOptions {
        ["PID files"]
        pid_file: PidFile = PID_FILE,
        no_pid_file: bool = NO_PID_FILE {
            ("--no-pid-file", "Keep no PID file")
            flag()
        },
        pid_file_mode: u32 = PID_FILE_MODE {
            (
                "--pid-file-mode MODE",
                "Permissions of the PID file, in octal, whatever the umask",
                default "0644"
            )
            value_or(&values::PERMISSIONS, MODE)
        },
        remove_stale: Vec<PathBuf> = REMOVE_STALE {
            (
                "--remove-stale FILE",
                "Before the start, remove the PID file that the server's last run left behind; may be repeated",
                variable
            )
            values(Separators::Lines, &probes::PATH)
        },
        follow: Vec<PathBuf> = FOLLOW {
            (
                "--follow FILE",
                "When the server exits, the child that its own PID file names becomes the server; may be repeated",
                variable
            )
            values(Separators::Lines, &probes::PATH)
        },

        ["Signals and stop"]
        stop_signal: SignalSet = STOP_SIGNAL {
            (
                "--stop-signal LIST",
                "Signals that ask the server to stop, separated by commas",
                default "TERM,INT,QUIT",
                variable
            )
            value_or(&values::STOP_SIGNALS, STOP_SIGNALS)
        },
        stop_delay: Duration = STOP_DELAY {
            (
                "--stop-delay DURATION",
                "On a stop signal, be unhealthy at once but pass the signal on only after this time",
                default "0s",
                variable
            )
            value_or(&values::DURATION, Duration::ZERO)
        },
        grace: Option<Duration> = GRACE {
            (
                "--grace DURATION",
                "Kill the server and its descendants this long after the stop signal",
                variable
            )
            value(&values::DURATION)
        },
        no_drain: bool = NO_DRAIN {
            (
                "--no-drain",
                "Exit as soon as the server has exited, and leave its descendants alone",
                variable
            )
            flag()
        },
        group: bool = GROUP {
            ("-g, --group", "Pass signals to the whole process group of the server", variable)
            flag()
        },
        rewrite: Vec<(c_int, Option<c_int>)> = REWRITE {
            (
                "--rewrite FROM=TO",
                "Pass signal FROM on as signal TO, or drop it if TO is empty; may be repeated",
                variable
            )
            values(Separators::BlanksOrCommas, &values::REWRITE)
        },
        parent_death: Option<StandardSignal> = PARENT_DEATH {
            (
                "--parent-death SIGNAL",
                "Signal that hinit gets when its parent process dies; not for PID 1",
                variable
            )
            value(&values::STANDARD_SIGNAL)
        },

        ["Exit code"]
        map_exit: Vec<(u8, u8)> = MAP_EXIT {
            (
                "--map-exit FROM=TO",
                "Exit with code TO instead of FROM, which is a code or the signal that killed the server; may be \
                 repeated",
                variable
            )
            values(Separators::BlanksOrCommas, &values::EXIT_CODES)
        },
        clean_stop: bool = CLEAN_STOP {
            ("--clean-stop", "Exit with 0 if a signal that hinit passed on killed the server", variable)
            flag()
        },

        ["Readiness"]
        notify: bool = NOTIFY {
            (
                "--notify",
                "Give the server a NOTIFY_SOCKET; it is ready once it sends READY=1 (sd_notify(3))",
                variable
            )
            flag()
        },
        watchdog: Option<Duration> = WATCHDOG {
            (
                "--watchdog DURATION",
                "Be unhealthy when a ready server sends no WATCHDOG=1 for this time; implies --notify",
                variable
            )
            value(&values::TIMEOUT)
        },
        watchdog_signal: Option<c_int> = WATCHDOG_SIGNAL {
            ("--watchdog-signal SIGNAL", "Signal to send when the watchdog expires, such as ABRT", variable)
            value(&values::SIGNAL)
        },
        listen: Vec<Written<Address>> = LISTEN {
            (
                "--listen ADDRESS",
                "Answer GET /livez, /readyz and /status at 127.0.0.1:9101, [::]:9101 or unix:/run/hinit.sock; may \
                 be repeated",
                variable, expanded
            )
            parsed(Separators::BlanksOrCommas, probes::LISTEN)
        },
        ready_when: Option<(String, OsString)> = READY_WHEN {
            (
                "--ready-when PROBE...",
                "The server is ready once these probes of the health check pass, as in \
                 `--ready-when \"--tcp 127.0.0.1:8000\"`; may be repeated",
                variable
            )
            joined("hinit healthcheck")
        },

        ["The server's process"]
        user: Option<User> = USER {
            (
                "--user USER",
                "Run the server as this user: NAME or UID, optionally with :GROUP or :GID",
                variable
            )
            value(&values::USER)
        },
        keep_groups: bool = KEEP_GROUPS {
            (
                "--keep-groups",
                "With --user, also keep hinit's own supplementary groups (docker run --group-add)",
                variable
            )
            flag()
        },
        umask: Option<u32> = UMASK {
            ("--umask MODE", "Umask of the server, in octal", variable)
            value(&values::UMASK)
        },
        workdir: Option<OsString> = WORKDIR {
            ("--workdir DIR", "Working directory of the server", variable)
            word()
        },

        ["Output"]
        verbose: bool = VERBOSE {
            ("-v, --verbose", "Also log each signal and each orphan")
            flag()
        },
        quiet: bool = QUIET {
            ("-q, --quiet", "Log errors only")
            flag()
        },
        log: Option<Verbosity> = LOG {
            ("HINIT_LOG LEVEL", "How much to log without -v and -q: quiet, normal or verbose", variable)
            value(&values::VERBOSITY)
        },
        quiet_success: bool = QUIET_SUCCESS {
            (
                "--quiet-success",
                "Do not log how the server ended if hinit exits with 0: for images that are used as commands",
                variable
            )
            flag()
        },
        version: bool = VERSION,
    }
}

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
    options: RunOptions::OPTIONS,
    general: None,
    titles: RunOptions::TITLES,
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
