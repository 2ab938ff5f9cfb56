//! The command lines of other inits, for a hinit that is called by one of their names: each is a table,
//! and becomes the options of `hinit run`. Where one of them has a defect, hinit keeps its own way.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use nix::libc::{SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU};

use super::given::Given;
use super::options::{self, Opt, Topic};
use super::run;
use super::values::{self, Kind};
use super::{Command, Complaint, Exit, Leftovers, Manners, Rewrites, Run, Stop};
use crate::error::ExitCodes;
use crate::output::Verbosity;

/// Another init.
pub(super) struct Peer {
    names: &'static [&'static str],
    pub(super) topic: Topic,
    /// What it says of its version, as engines read it.
    version: &'static str,
    /// What it makes of its options.
    read: fn(&mut Given, &mut Run),
}

pub(super) static PEERS: [&Peer; 3] = [&TINI, &DUMB_INIT, &CATATONIT];

/// The init that has this name.
pub(super) fn peer(name: &OsStr) -> Option<&'static Peer> {
    let name = name.as_bytes().rsplit(|&byte| byte == b'/').next()?;
    let is_named = |peer: &&Peer| peer.names.iter().any(|one| one.as_bytes() == name);
    PEERS.into_iter().find(is_named)
}

/// How all of them complain of a command line.
pub(super) const FAILED: Complaint = Complaint::Exit(1);

impl Peer {
    pub(super) fn parse(&self, given: &mut Given) -> Command {
        if given.flag(&options::VERSION) {
            return Command::Help(format!("{}\n", self.version));
        }
        if given.flag(&LICENCE) {
            return Command::Help("hinit: MIT licence\n".into());
        }
        if given.flag(&PAUSE) {
            return Command::Pause;
        }
        let mut run = plain();
        (self.read)(given, &mut run);
        run.command = given.command();
        Command::Run(run)
    }
}

/// What all of them have in common.
fn plain() -> Run {
    Run {
        pid_file: None,
        mode: run::MODE,
        group: false,
        parent_death: None,
        rewrites: Rewrites::default(),
        stop: Stop {
            signals: run::STOP_SIGNALS,
            delay: std::time::Duration::ZERO,
            grace: None,
            leftovers: Leftovers::Leave,
        },
        exit: Exit::default(),
        notify: None,
        listen: Vec::new(),
        ready_when: None,
        user: None,
        keep_groups: false,
        umask: None,
        workdir: None,
        stale: Vec::new(),
        follow: Vec::new(),
        manners: Manners {
            subreaper: false,
            // By execvp(3).
            shell: true,
            ..Manners::OWN
        },
        verbosity: Verbosity::Warnings,
        quiet_success: false,
        command: Vec::new(),
    }
}

static LICENCE: Opt = Opt::new(
    "-L, -l\n\
     Print the licence",
);
static PAUSE: Opt = Opt::new(
    "-P\n\
     Run no command; exit on SIGTERM or SIGINT",
);
static GROUP: Opt = Opt::new(
    "-g\n\
     Pass signals to the process group",
);
static VERBOSE: Opt = Opt::new(
    "-v, --verbose\n\
     Log more; twice: also each signal and each orphan",
);
static SUBREAPER: Opt = Opt::new(
    "-s\n\
     Adopt orphans also where this is not PID 1",
);
static NAME_ORPHANS: Opt = Opt::new(
    "-w\n\
     Warn of each orphan that has exited",
);
static PARENT_DEATH: Opt = Opt::new(
    "-p SIGNAL\n\
     Signal that hinit gets when its parent process dies; not for PID 1",
);
static EXPECTED: Opt = Opt::new(
    "-e CODE\n\
     Exit with 0 instead of this code; may be repeated",
);
static SINGLE_CHILD: Opt = Opt::new(
    "-c, --single-child\n\
     No session; signals go to the command alone",
);
static REWRITE: Opt = Opt::new(
    "-r, --rewrite FROM:TO\n\
     Pass signal FROM on as TO, or drop it if TO is 0; may be repeated",
);

static TINI: Peer = Peer {
    names: &["tini", "tini-static", "docker-init"],
    topic: Topic {
        call: "tini",
        usage: "usage: tini [OPTIONS] [--] COMMAND [ARG...]",
        about: "\
hinit, named tini; it reads TINI_SUBREAPER, TINI_KILL_PROCESS_GROUP and
TINI_VERBOSITY",
        mixed: false,
        clusters: true,
        env: c"",
        options: &[
            &SUBREAPER,
            &GROUP,
            &PARENT_DEATH,
            &EXPECTED,
            &NAME_ORPHANS,
            &VERBOSE,
            &LICENCE,
            &options::HELP,
            &options::VERSION,
        ],
        titles: &[],
        examples: "",
    },
    version: "tini version 0.19.0 - git.hinit",
    read: |given, run| {
        const EXIT_CODE: Kind<(u8, u8)> = Kind {
            // By the reader that the verbosity needs as well: one more would be 280 bytes.
            parse: |text| Some((u8::try_from(text.parse::<usize>().ok()?).ok()?, 0)),
            wanted: "an exit code up to 255",
        };
        let env = given.env;
        let is_set = |name| env(name).is_some();
        let verbosity = env(c"TINI_VERBOSITY").and_then(|text| text.to_str()?.parse().ok());
        run.group = given.flag(&GROUP) || is_set(c"TINI_KILL_PROCESS_GROUP");
        run.parent_death = given.value(&PARENT_DEATH, &values::STANDARD_SIGNAL);
        run.exit.map = given.values(&EXPECTED, &EXIT_CODE);
        run.manners.subreaper = given.flag(&SUBREAPER) || is_set(c"TINI_SUBREAPER");
        run.manners.names_orphans = given.flag(&NAME_ORPHANS);
        run.manners.exit_codes = ExitCodes([1, 126, 127]);
        run.verbosity = match verbosity.unwrap_or(1) + given.count(&VERBOSE) {
            0 => Verbosity::Quiet,
            1 => Verbosity::Warnings,
            2 => Verbosity::Normal,
            _ => Verbosity::Verbose,
        };
    },
};

static DUMB_INIT: Peer = Peer {
    names: &["dumb-init"],
    topic: Topic {
        call: "dumb-init",
        usage: "usage: dumb-init [OPTIONS] [--] COMMAND [ARG...]",
        about: "hinit, named dumb-init; it reads DUMB_INIT_SETSID and DUMB_INIT_DEBUG",
        mixed: false,
        clusters: true,
        env: c"",
        options: &[
            &SINGLE_CHILD,
            &REWRITE,
            &VERBOSE,
            &options::HELP,
            &options::VERSION,
        ],
        titles: &[],
        examples: "",
    },
    version: "dumb-init v1.2.5 (hinit)",
    read: |given, run| {
        let env = given.env;
        let has = |name, value: &str| env(name).is_some_and(|text| text == value);
        if !(given.flag(&SINGLE_CHILD) || has(c"DUMB_INIT_SETSID", "0")) {
            run.group = true;
            run.manners.session = true;
            run.stop.leftovers = Leftovers::Tell;
            let job_control = [SIGTSTP, SIGTTOU, SIGTTIN];
            run.rewrites.0 = job_control.map(|signal| (signal, Some(SIGSTOP))).to_vec();
        }
        let rewrites = given.values(&REWRITE, &values::REWRITE_BY_COLON);
        run.rewrites.0.extend(rewrites);
        run.manners.stops = true;
        run.manners.exit_codes = ExitCodes([1, 2, 2]);
        if given.flag(&VERBOSE) || has(c"DUMB_INIT_DEBUG", "1") {
            run.verbosity = Verbosity::Verbose;
        }
    },
};

static CATATONIT: Peer = Peer {
    names: &["catatonit", "podman-init"],
    topic: Topic {
        call: "catatonit",
        usage: "usage: catatonit [OPTIONS] [--] COMMAND [ARG...]",
        about: "hinit, named catatonit; it reads CATATONIT_DEBUG",
        mixed: false,
        clusters: true,
        env: c"",
        options: &[&GROUP, &PAUSE, &LICENCE, &options::HELP, &options::VERSION],
        titles: &[],
        examples: "",
    },
    version: "tini version 0.1.7_catatonit - git.hinit",
    read: |given, run| {
        run.group = given.flag(&GROUP);
        run.manners.subreaper = true;
        run.manners.exit_codes = ExitCodes([1; 3]);
        if (given.env)(c"CATATONIT_DEBUG").is_some() {
            run.verbosity = Verbosity::Verbose;
        }
    },
};

#[cfg(test)]
mod tests;
