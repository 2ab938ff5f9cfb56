//! The command lines of other inits, for a hinit that is called by one of their names: each is a table,
//! and becomes the options of `hinit run`. Where one of them has a defect, hinit keeps its own way.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use nix::libc::{SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU};

use super::given::{Env, Given};
use super::options::{Opt, Topic};
use super::run;
use super::values::{self, Kind};
use super::{Command, Complaint, Exit, Leftovers, Manners, Misuse, Rewrites, Run, Stop};
use crate::error::{Error, ExitCodes};
use crate::output::Verbosity;

/// Another init.
pub(super) struct Peer {
    names: &'static [&'static str],
    topic: Topic,
    /// What it says of its version, as engines read it.
    version: &'static str,
    read: fn(&mut Given, Env) -> Result<Run, Error>,
}

static PEERS: [&Peer; 3] = [&TINI, &DUMB_INIT, &CATATONIT];

/// The init that has this name.
pub(super) fn peer(name: &OsStr) -> Option<&'static Peer> {
    let name = Path::new(name).file_name()?.to_str()?;
    PEERS.into_iter().find(|peer| peer.names.contains(&name))
}

pub(super) fn parse(peer: &Peer, words: Vec<OsString>, env: Env) -> Result<Command, Misuse> {
    let words = spread(words, &peer.topic);
    read(peer, words, env).map_err(|why| Misuse {
        why,
        usage: peer.topic.usage,
        // All of them have this one.
        complaint: Complaint::Exit(1),
    })
}

fn read(peer: &Peer, words: Vec<OsString>, env: Env) -> Result<Command, Error> {
    let (mut given, command) = Given::split(words, &peer.topic, env)?;
    if given.count(&HELP) > 0 {
        return Ok(Command::Help(peer.topic.help()));
    }
    if given.count(&VERSION) > 0 {
        return Ok(Command::Help(format!("{}\n", peer.version)));
    }
    if given.count(&LICENCE) > 0 {
        return Ok(Command::Help("hinit: MIT licence\n".into()));
    }
    if given.count(&PAUSE) > 0 {
        return Ok(Command::Pause);
    }
    let run = (peer.read)(&mut given, env)?;
    run::with_command(Run { command, ..run })
}

/// Takes letters apart that stand behind one dash, and what stands behind a letter that takes a value:
/// `-vvgp TERM` and `-pTERM` (getopt(3)).
fn spread(words: Vec<OsString>, topic: &Topic) -> Vec<OsString> {
    let mut spread = Vec::new();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let letters = match word.as_bytes() {
            [b'-', b'-', _, ..] => {
                let option = word.to_str().and_then(|name| topic.option(name));
                let value = option.filter(|option| option.takes_value());
                spread.push(word);
                spread.extend(value.and_then(|_| words.next()));
                continue;
            }
            [b'-', letters @ ..] if !letters.is_empty() && letters != b"-" => letters,
            // Here the command begins.
            _ => {
                spread.push(word);
                break;
            }
        };
        let mut letters = letters.iter();
        while let Some(letter) = letters.next() {
            let name = format!("-{}", char::from(*letter));
            let takes_value = topic.option(&name).is_some_and(Opt::takes_value);
            spread.push(name.into());
            if takes_value {
                let joined = letters.as_slice();
                let next = || words.next().map(OsString::into_vec);
                let value = (!joined.is_empty()).then(|| joined.to_vec()).or_else(next);
                spread.extend(value.map(OsString::from_vec));
                break;
            }
        }
    }
    spread.extend(words);
    spread
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
            delay: std::time::Duration::ZERO,
            grace: None,
            leftovers: Leftovers::Leave,
        },
        exit: Exit::default(),
        notify: None,
        listen: Vec::new(),
        user: None,
        workdir: None,
        stale: Vec::new(),
        manners: Manners {
            subreaper: false,
            // By execvp(3).
            shell: true,
            ..Manners::OWN
        },
        verbosity: Verbosity::Warnings,
        command: Vec::new(),
    }
}

static HELP: Opt = Opt::flag("-h", "--help", "Print this help");
static VERSION: Opt = Opt::flag("-V", "--version", "Print the version");
static LICENCE: Opt = Opt::flag("-L", "-l", "Print the licence");
static PAUSE: Opt = Opt::flag("", "-P", "Run no command; end at SIGTERM or SIGINT");
static GROUP: Opt = Opt::flag("", "-g", "Pass signals to the process group");
static VERBOSE: Opt = Opt::flag(
    "-v",
    "--verbose",
    "Log more; twice: also each signal and each orphan",
);
static SUBREAPER: Opt = Opt::flag(
    "",
    "-s",
    "Let orphans come here also where this is not PID 1",
);
static NAME_ORPHANS: Opt = Opt::flag("", "-w", "Warn of each orphan that has ended");
static PARENT_DEATH: Opt = Opt::value(
    "-p",
    "SIGNAL",
    "If not PID 1, get this signal when the parent process dies",
);
static EXPECTED: Opt = Opt::value(
    "-e",
    "CODE",
    "Exit with 0 in place of this code; may be repeated",
);
static SINGLE_CHILD: Opt = Opt::flag(
    "-c",
    "--single-child",
    "No session, and signals for the command alone",
);
static REWRITE: Opt = Opt {
    short: "-r",
    ..Opt::value(
        "--rewrite",
        "FROM:TO",
        "Pass signal FROM on as TO, or not at all if TO is 0; may be repeated",
    )
};

static TINI: Peer = Peer {
    names: &["tini", "tini-static", "docker-init"],
    topic: Topic {
        name: "tini",
        usage: "usage: tini [OPTIONS] [--] COMMAND [ARG...]",
        about: "This is hinit, as tini. Environment: TINI_SUBREAPER, TINI_KILL_PROCESS_GROUP, TINI_VERBOSITY",
        options: &[
            &SUBREAPER,
            &GROUP,
            &PARENT_DEATH,
            &EXPECTED,
            &NAME_ORPHANS,
            &VERBOSE,
            &LICENCE,
            &HELP,
            &VERSION,
        ],
    },
    version: "tini version 0.19.0 - git.hinit",
    read: |given, env| {
        const EXIT_CODE: Kind<(u8, u8)> = Kind {
            parse: |text| Some((text.parse().ok()?, 0)),
            wanted: "an exit code up to 255",
        };
        let is_set = |name| env(name).is_some();
        let verbosity = env(c"TINI_VERBOSITY").and_then(|text| text.to_str()?.parse().ok());
        let plain = plain();
        Ok(Run {
            group: given.count(&GROUP) > 0 || is_set(c"TINI_KILL_PROCESS_GROUP"),
            parent_death: given.value(&PARENT_DEATH, &values::STANDARD_SIGNAL)?,
            exit: Exit {
                clean_stop: false,
                map: given.values(&EXPECTED, &EXIT_CODE)?,
            },
            manners: Manners {
                subreaper: given.count(&SUBREAPER) > 0 || is_set(c"TINI_SUBREAPER"),
                names_orphans: given.count(&NAME_ORPHANS) > 0,
                exit_codes: ExitCodes([1, 126, 127]),
                ..plain.manners
            },
            verbosity: match verbosity.unwrap_or(1) + given.count(&VERBOSE) {
                0 => Verbosity::Quiet,
                1 => Verbosity::Warnings,
                2 => Verbosity::Normal,
                _ => Verbosity::Verbose,
            },
            ..plain
        })
    },
};

static DUMB_INIT: Peer = Peer {
    names: &["dumb-init"],
    topic: Topic {
        name: "dumb-init",
        usage: "usage: dumb-init [OPTIONS] [--] COMMAND [ARG...]",
        about: "This is hinit, as dumb-init. Environment: DUMB_INIT_SETSID, DUMB_INIT_DEBUG",
        options: &[&SINGLE_CHILD, &REWRITE, &VERBOSE, &HELP, &VERSION],
    },
    version: "dumb-init v1.2.5 (hinit)",
    read: |given, env| {
        let has = |name, value: &str| env(name).is_some_and(|text| text == value);
        let single = given.count(&SINGLE_CHILD) > 0 || has(c"DUMB_INIT_SETSID", "0");
        let is_verbose = given.count(&VERBOSE) > 0 || has(c"DUMB_INIT_DEBUG", "1");
        let job_control = [SIGTSTP, SIGTTOU, SIGTTIN].map(|signal| (signal, Some(SIGSTOP)));
        let mut rewrites = if single {
            Vec::new()
        } else {
            job_control.to_vec()
        };
        rewrites.extend(given.values(&REWRITE, &values::REWRITE_BY_COLON)?);
        let mut plain = plain();
        plain.stop.leftovers = if single {
            Leftovers::Leave
        } else {
            Leftovers::Tell
        };
        Ok(Run {
            group: !single,
            rewrites: Rewrites(rewrites),
            manners: Manners {
                session: !single,
                stops: true,
                exit_codes: ExitCodes([1, 2, 2]),
                ..plain.manners
            },
            verbosity: if is_verbose {
                Verbosity::Verbose
            } else {
                plain.verbosity
            },
            ..plain
        })
    },
};

static CATATONIT: Peer = Peer {
    names: &["catatonit", "podman-init"],
    topic: Topic {
        name: "catatonit",
        usage: "usage: catatonit [OPTIONS] [--] COMMAND [ARG...]",
        about: "This is hinit, as catatonit. Environment: CATATONIT_DEBUG",
        options: &[&GROUP, &PAUSE, &LICENCE, &HELP, &VERSION],
    },
    version: "tini version 0.1.7_catatonit - git.hinit",
    read: |given, env| {
        let plain = plain();
        Ok(Run {
            group: given.count(&GROUP) > 0,
            manners: Manners {
                subreaper: true,
                exit_codes: ExitCodes([1; 3]),
                ..plain.manners
            },
            verbosity: match env(c"CATATONIT_DEBUG") {
                Some(_) => Verbosity::Verbose,
                None => plain.verbosity,
            },
            ..plain
        })
    },
};

#[cfg(test)]
mod tests;
