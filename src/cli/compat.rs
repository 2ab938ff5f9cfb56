//! The command lines of other inits, for a hinit that runs under the name of one of them. Each is a table, and is
//! turned into the options of `hinit run`. hinit does not copy their defects.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use nix::libc::{SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU};

use super::invocation::{Invocation, Separators};
use super::options::{self, Opt, Topic};
use super::run;
use super::values::{self, ValueParser};
use super::{Command, ErrorOutput, Exit, InitProfile, Leftovers, Rewrites, Run, Stop};
use crate::error::FailureCodes;
use crate::output::Verbosity;

/// Another init.
pub(super) struct Peer {
    names: &'static [&'static str],
    pub(super) topic: Topic,
    /// The output of `--version`, which engines parse.
    version: &'static str,
    /// Turns its options into those of `hinit run`.
    translate: fn(&mut Invocation, &mut Run),
}

pub(super) static PEERS: [&Peer; 3] = [&TINI, &DUMB_INIT, &CATATONIT];

/// The init that has this name.
pub(super) fn peer(name: &OsStr) -> Option<&'static Peer> {
    let name = name.as_bytes().rsplit(|&byte| byte == b'/').next()?;
    let is_named = |peer: &&Peer| peer.names.iter().any(|one| one.as_bytes() == name);
    PEERS.into_iter().find(is_named)
}

/// How all of them report a usage error.
pub(super) const FAILED: ErrorOutput = ErrorOutput::Exit(1);

impl Peer {
    pub(super) fn parse(&self, invocation: &mut Invocation) -> Command {
        if invocation.flag(&options::VERSION) {
            return Command::Help(format!("{}\n", self.version));
        }
        if invocation.flag(&LICENCE) {
            return Command::Help("hinit: MIT licence\n".into());
        }
        if invocation.flag(&PAUSE) {
            return Command::Pause;
        }
        let mut run = base();
        (self.translate)(invocation, &mut run);
        run.command = invocation.command();
        Command::Run(run)
    }
}

/// The options that all of them have in common.
fn base() -> Run {
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
        profile: InitProfile {
            subreaper: false,
            // By execvp(3).
            shell: true,
            ..InitProfile::OWN
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
    translate: |invocation, run| {
        const EXIT_CODE: ValueParser<(u8, u8)> = ValueParser {
            // The verbosity is parsed as usize too: a second parser would take 280 bytes.
            parse: |text| Some((u8::try_from(text.parse::<usize>().ok()?).ok()?, 0)),
            expected: "an exit code up to 255",
        };
        let env = invocation.env.get;
        let is_set = |name| env(name).is_some();
        let verbosity = env(c"TINI_VERBOSITY").and_then(|text| text.to_str()?.parse().ok());
        run.group = invocation.flag(&GROUP) || is_set(c"TINI_KILL_PROCESS_GROUP");
        run.parent_death = invocation.value(&PARENT_DEATH, &values::STANDARD_SIGNAL);
        run.exit.map = invocation.values(&EXPECTED, Separators::BlanksOrCommas, &EXIT_CODE);
        run.profile.subreaper = invocation.flag(&SUBREAPER) || is_set(c"TINI_SUBREAPER");
        run.profile.names_orphans = invocation.flag(&NAME_ORPHANS);
        run.profile.exit_codes = FailureCodes([1, 126, 127]);
        run.verbosity = match verbosity.unwrap_or(1) + invocation.count(&VERBOSE) {
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
    translate: |invocation, run| {
        let env = invocation.env.get;
        let has = |name, value: &str| env(name).is_some_and(|text| text == value);
        if !(invocation.flag(&SINGLE_CHILD) || has(c"DUMB_INIT_SETSID", "0")) {
            run.group = true;
            run.profile.session = true;
            run.stop.leftovers = Leftovers::Tell;
            let job_control = [SIGTSTP, SIGTTOU, SIGTTIN];
            run.rewrites.0 = job_control.map(|signal| (signal, Some(SIGSTOP))).to_vec();
        }
        let rewrites = invocation.values(
            &REWRITE,
            Separators::BlanksOrCommas,
            &values::REWRITE_BY_COLON,
        );
        run.rewrites.0.extend(rewrites);
        run.profile.stops = true;
        run.profile.exit_codes = FailureCodes([1, 2, 2]);
        if invocation.flag(&VERBOSE) || has(c"DUMB_INIT_DEBUG", "1") {
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
        options: &[&GROUP, &PAUSE, &LICENCE, &options::HELP, &options::VERSION],
        titles: &[],
        examples: "",
    },
    version: "tini version 0.1.7_catatonit - git.hinit",
    translate: |invocation, run| {
        run.group = invocation.flag(&GROUP);
        run.profile.subreaper = true;
        run.profile.exit_codes = FailureCodes([1; 3]);
        if (invocation.env.get)(c"CATATONIT_DEBUG").is_some() {
            run.verbosity = Verbosity::Verbose;
        }
    },
};

#[cfg(test)]
mod tests;
