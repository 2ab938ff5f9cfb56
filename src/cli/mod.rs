//! Arguments and environment in, a [`Command`] out. Pure: nothing here asks the system.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use nix::libc::c_int;
use nix::sys::signal::Signal as StandardSignal;

use crate::error::{Error, ExitCodes, exit_code};
use crate::output::Verbosity;

mod compat;
mod given;
mod healthcheck;
pub(crate) mod options;
mod others;
mod probes;
mod values;

use given::{Env, Given, contradiction};
use options::Topic;

pub(crate) use healthcheck::{Answer, Healthcheck, Http, Probe};
pub(crate) use others::{Signal, Status};
pub(crate) use probes::{Address, Endpoint, Url};

/// What hinit is asked to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Run(Run),
    Healthcheck(Healthcheck),
    Signal(Signal),
    Status(Status),
    /// Copy this binary there.
    Install(PathBuf),
    /// Run no server, until a signal comes.
    Pause,
    /// Print this text.
    Help(String),
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// None: keep no PID file.
    pub(crate) pid_file: Option<PidFile>,
    /// Its permissions.
    pub(crate) mode: u32,
    /// Pass signals to the server's process group.
    pub(crate) group: bool,
    /// The signal to get when the parent dies.
    pub(crate) parent_death: Option<StandardSignal>,
    pub(crate) rewrites: Rewrites,
    pub(crate) stop: Stop,
    pub(crate) exit: Exit,
    pub(crate) notify: Option<Notify>,
    /// Where to answer probes.
    pub(crate) listen: Vec<Address>,
    pub(crate) user: Option<User>,
    pub(crate) workdir: Option<PathBuf>,
    /// PID files of the server's own.
    pub(crate) stale: Vec<PathBuf>,
    pub(crate) manners: Manners,
    pub(crate) verbosity: Verbosity,
    /// The server and its arguments; at least one word.
    pub(crate) command: Vec<OsString>,
}

/// Which signals are passed on as others: from, to. To None: it is dropped.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Rewrites(pub(crate) Vec<(c_int, Option<c_int>)>);

impl Rewrites {
    /// As what a signal is passed on; None, if it is not. The last rule for a signal counts.
    pub(crate) fn apply(&self, signal: c_int) -> Option<c_int> {
        let rule = self.0.iter().rev().find(|(from, _)| *from == signal);
        rule.map_or(Some(signal), |(_, to)| *to)
    }
}

/// How a stop goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stop {
    /// How long a stop signal waits before it is passed on.
    pub(crate) delay: Duration,
    /// When to kill what is left.
    pub(crate) grace: Option<Duration>,
    pub(crate) leftovers: Leftovers,
}

/// What becomes of those whom the server leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leftovers {
    /// They are told to end, and waited for.
    Drain,
    /// Those in the server's process group are told to end, and left.
    Tell,
    Leave,
}

/// What the exit code is made of.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Exit {
    /// 0, if the server died of a signal that was passed on to it.
    pub(crate) clean_stop: bool,
    /// Exit codes, and those to give in their place.
    pub(crate) map: Vec<(u8, u8)>,
}

/// What the server is to tell of itself, besides that it is ready.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Notify {
    /// How long it may be silent, and the signal that it gets then.
    pub(crate) watchdog: Option<Duration>,
    pub(crate) signal: Option<c_int>,
}

/// As whom the server runs: names, or numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) user: String,
    pub(crate) group: Option<String>,
}

/// In what an init can differ from others, and hinit does as it is called: see `compat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each has a meaning of its own, and all go together"
)]
pub(crate) struct Manners {
    /// The server leads a session of its own, and has the terminal of standard input.
    pub(crate) session: bool,
    /// Orphans come to it also where it is not PID 1.
    pub(crate) subreaper: bool,
    /// TSTP, TTIN and TTOU stop it as well, where no shell at a terminal has its jobs stop.
    pub(crate) stops: bool,
    /// A script without `#!` is /bin/sh's.
    pub(crate) shell: bool,
    /// It warns of each orphan that has ended.
    pub(crate) names_orphans: bool,
    pub(crate) exit_codes: ExitCodes,
}

impl Manners {
    const OWN: Self = Self {
        session: false,
        subreaper: true,
        stops: false,
        shell: false,
        names_orphans: false,
        exit_codes: ExitCodes::OWN,
    };
}

/// Which PID file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PidFile {
    At(PathBuf),
    Default,
}

/// A command line that makes no sense.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Misuse {
    pub(crate) why: Error,
    pub(crate) usage: &'static str,
    pub(crate) complaint: Complaint,
}

/// How to complain of a command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Complaint {
    /// In the log, and by this exit code.
    Exit(u8),
    /// A health check always has a verdict.
    Verdict,
}

const MODE: u32 = 0o644;
const MOST_LISTEN: usize = 8;

/// One of hinit's own commands: its table, how its words are read, and how to complain of them.
type Own = (
    &'static Topic,
    fn(Vec<OsString>, Env) -> Result<Command, Error>,
    Complaint,
);

const RUN: Own = (&options::RUN, parse_run, FAILED);
const FAILED: Complaint = Complaint::Exit(exit_code::HINIT_FAILED);
const OTHERS: [Own; 4] = [
    (
        &options::HEALTHCHECK,
        healthcheck::parse,
        Complaint::Verdict,
    ),
    (&options::SIGNAL, others::signal, FAILED),
    (&options::STATUS, others::status, FAILED),
    (&options::INSTALL, others::install, FAILED),
];

/// Reads the command line.
///
/// Only the first word behind the program's own name can name a command of hinit's: whoever has a
/// server called `healthcheck` writes `hinit -- healthcheck`. Called by the name of another init, it
/// takes that one's command line.
pub(crate) fn parse(arguments: Vec<OsString>, env: Env) -> Result<Command, Misuse> {
    let mut words = VecDeque::from(arguments);
    let name = words.pop_front().unwrap_or_default();
    if let Some(peer) = compat::peer(&name) {
        return compat::parse(peer, words.into(), env);
    }
    let is_named = |own: &Own| words.front().is_some_and(|word| word == own.0.name);
    let named = [RUN].into_iter().chain(OTHERS).find(is_named);
    if named.is_some() {
        words.pop_front();
    }
    let (topic, parse, complaint) = named.unwrap_or(RUN);
    parse(words.into(), env).map_err(|why| Misuse {
        why,
        usage: topic.usage,
        complaint,
    })
}

fn parse_run(words: Vec<OsString>, env: Env) -> Result<Command, Error> {
    let (mut given, command) = Given::split(words, &options::RUN, env)?;
    if given.flag(&options::HELP)? {
        return Ok(Command::Help(options::RUN.help()));
    }
    if given.flag(&options::VERSION)? {
        let version = env!("CARGO_PKG_VERSION");
        return Ok(Command::Help(format!("hinit {version}\n")));
    }
    let run = Run {
        pid_file: own_pid_file(&mut given)?,
        mode: given
            .value(&options::PID_FILE_MODE, &values::PERMISSIONS)?
            .unwrap_or(MODE),
        group: given.flag(&options::GROUP)?,
        parent_death: given.value(&options::PARENT_DEATH, &values::STANDARD_SIGNAL)?,
        rewrites: Rewrites(given.values(&options::REWRITE, &values::REWRITE)?),
        stop: Stop {
            delay: given
                .value(&options::STOP_DELAY, &values::DURATION)?
                .unwrap_or_default(),
            grace: given.value(&options::GRACE, &values::DURATION)?,
            leftovers: if given.flag(&options::NO_DRAIN)? {
                Leftovers::Leave
            } else {
                Leftovers::Drain
            },
        },
        exit: Exit {
            clean_stop: given.flag(&options::CLEAN_STOP)?,
            map: given.values(&options::MAP_EXIT, &values::EXIT_CODES)?,
        },
        notify: notify(&mut given)?,
        listen: listen(&mut given)?,
        user: given.value(&options::USER, &values::USER)?,
        workdir: given.word(&options::WORKDIR).map(PathBuf::from),
        stale: given.lines(&options::REMOVE_STALE, &probes::PATH)?,
        manners: Manners::OWN,
        verbosity: verbosity(&mut given)?,
        command,
    };
    with_command(run)
}

fn with_command(run: Run) -> Result<Command, Error> {
    if run.command.is_empty() {
        return Err(Error::Usage("no command given".into()));
    }
    Ok(Command::Run(run))
}

fn own_pid_file(given: &mut Given) -> Result<Option<PidFile>, Error> {
    let path = given.argument(&options::PID_FILE);
    match (given.flag(&options::NO_PID_FILE)?, path) {
        (true, None) => Ok(None),
        (true, Some(_)) => Err(contradiction(&options::PID_FILE, &options::NO_PID_FILE)),
        (false, Some(path)) => Ok(Some(PidFile::At(path.into()))),
        (false, None) => Ok(Some(pid_file(given))),
    }
}

fn notify(given: &mut Given) -> Result<Option<Notify>, Error> {
    let notify = Notify {
        watchdog: given.value(&options::WATCHDOG, &values::TIMEOUT)?,
        signal: given.value(&options::WATCHDOG_SIGNAL, &values::SIGNAL)?,
    };
    if notify.signal.is_some() && notify.watchdog.is_none() {
        let why = "`--watchdog-signal` needs `--watchdog`: how long a server may be silent";
        return Err(Error::Usage(why.into()));
    }
    let is_wanted = given.flag(&options::NOTIFY)? || notify.watchdog.is_some();
    Ok(is_wanted.then_some(notify))
}

fn listen(given: &mut Given) -> Result<Vec<Address>, Error> {
    let addresses = given.values(&options::LISTEN, &probes::LISTEN)?;
    if addresses.len() > MOST_LISTEN {
        let why = format!("more than {MOST_LISTEN} addresses to listen at");
        return Err(Error::Usage(why));
    }
    Ok(addresses)
}

fn verbosity(given: &mut Given) -> Result<Verbosity, Error> {
    let quiet = given.flag(&options::QUIET)?;
    match (quiet, given.flag(&options::VERBOSE)?) {
        (true, true) => Err(contradiction(&options::VERBOSE, &options::QUIET)),
        (true, false) => Ok(Verbosity::Quiet),
        (false, false) => Ok(Verbosity::Normal),
        (false, true) => Ok(Verbosity::Verbose),
    }
}

fn pid_file(given: &mut Given) -> PidFile {
    let path = given.word(&options::PID_FILE);
    path.map_or(PidFile::Default, |path| PidFile::At(path.into()))
}

#[cfg(test)]
mod tests;
