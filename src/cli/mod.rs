//! Arguments and environment in, a [`Command`] out. Pure: nothing here asks the system.

use std::ffi::OsString;
use std::path::PathBuf;
use std::vec::IntoIter;

use crate::error::exit_code;

mod compat;
mod healthcheck;
mod invocation;
pub(crate) mod options;
mod others;
mod probes;
mod run;
pub(crate) mod suggestions;
mod values;
mod variables;
mod version;

pub(crate) use invocation::Env;
use invocation::Invocation;
#[cfg(test)]
pub(crate) use invocation::words_of;
use options::{FOREIGN, Opt, PID_FILE, READY, Topic};

pub(crate) use healthcheck::{Answer, Healthcheck};
pub(crate) use others::{Signal, Status};
pub(crate) use probes::{Address, Endpoint, Exchange, Header, Http, Probe, Transport};
pub(crate) use run::{Exit, InitProfile, Leftovers, Notify, Rewrites, Run, Stop, User};
pub(crate) use values::Written;
pub(crate) use variables::note_if_unknown;

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "there is one of it")]
pub(crate) enum Command {
    Run(Run),
    Healthcheck(Healthcheck),
    Signal(Signal),
    Status(Status),
    /// Copy this binary there.
    Install(PathBuf),
    /// Run no server; exit on a signal.
    Pause,
    /// Print this text, such as a help.
    Print(String),
}

/// Which PID file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PidFile {
    At {
        path: PathBuf,
        /// As it was written, for messages.
        shown: PathBuf,
    },
    Default,
}

/// A command line that is wrong.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UsageError {
    pub(crate) why: String,
    /// The command that has a --help: `hinit signal`.
    pub(crate) call: &'static str,
    pub(crate) output: ErrorOutput,
}

/// How to report a usage error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorOutput {
    /// In the log, and by this exit code.
    Exit(u8),
    /// A health check always has a verdict.
    Verdict(Answer),
}

/// How the names of hinit's own variables begin.
pub(crate) const OWN_VARIABLES: &str = "HINIT_";

/// One of hinit's own commands: its table, and what parses its options.
type CommandEntry = (&'static Topic, fn(&mut Invocation) -> Command);

static COMMANDS: [CommandEntry; 5] = [
    (&options::RUN, run::parse),
    (&options::HEALTHCHECK, healthcheck::parse),
    (&options::SIGNAL, others::signal),
    (&options::STATUS, others::status),
    (&options::INSTALL, others::install),
];

/// Parses the command line.
///
/// Only the first word after the program's name can be the name of a command: to run a server called
/// `healthcheck`, write `hinit -- healthcheck`. Under the name of another init, hinit has the command line of that
/// init.
pub(crate) fn parse(arguments: Vec<OsString>, env: Env) -> Result<Command, UsageError> {
    let mut words = arguments.into_iter();
    let name = words.next().unwrap_or_default();
    if let Some(peer) = compat::peer(&name) {
        let parse = |invocation: &mut Invocation| peer.parse(invocation);
        return parse_as(words, peer.topic, env, &parse, compat::FAILED);
    }
    let word = words.as_slice().first();
    let is_named = |entry: &&CommandEntry| word.is_some_and(|word| word == entry.0.word());
    let named = COMMANDS.iter().find(is_named);
    if named.is_some() {
        words.next();
    }
    let [run, ..] = &COMMANDS;
    let &(topic, parse) = named.unwrap_or(run);
    let output = if topic.call == options::HEALTHCHECK.call {
        ErrorOutput::Verdict(healthcheck::answer_of(words.as_slice()))
    } else {
        ErrorOutput::Exit(exit_code::HINIT_FAILED)
    };
    parse_as(words, topic, env, &parse, output)
}

fn parse_as(
    words: IntoIter<OsString>,
    topic: &Topic,
    env: Env,
    parse: &dyn Fn(&mut Invocation) -> Command,
    output: ErrorOutput,
) -> Result<Command, UsageError> {
    let usage_error = |why| UsageError {
        why,
        call: topic.call,
        output,
    };
    let mut invocation = Invocation::new(words, topic, env).map_err(usage_error)?;
    if invocation.flag(&options::HELP) {
        return Ok(Command::Print(topic.help()));
    }
    let command = parse(&mut invocation);
    match invocation.mistake() {
        None => Ok(command),
        Some(why) => Err(usage_error(why)),
    }
}

/// Parses a command line whose words end at NULs, and again with each word as the value of every variable; or parses
/// the value of one option: a time, a signal, a rule; or expands a value.
#[cfg(any(fuzzing, test))]
pub(crate) fn fuzz(kind: u8, bytes: &[u8]) {
    use std::os::unix::ffi::OsStringExt;
    match kind {
        b'e' => return invocation::fuzz_expansion(bytes),
        b'v' => {
            return str::from_utf8(bytes).map_or((), |text| {
                values::fuzz(text);
                invocation::fuzz_escapes(text);
            });
        }
        _ => {}
    }
    let words = || {
        bytes
            .split(|&byte| byte == 0)
            .map(|word| OsString::from_vec(word.to_vec()))
    };
    let _any = parse(words().collect(), Env::EMPTY);
    for value in bytes.split(|&byte| byte == 0).take(4) {
        let mut variables = Vec::new();
        variables::each_known(&mut |long| variables.push(options::env_name(long)));
        let variables: Vec<Vec<u8>> = variables
            .iter()
            .map(|name| [name.as_bytes(), b"=", value].concat())
            .collect();
        let own: Vec<&[u8]> = variables.iter().map(Vec::as_slice).collect();
        let env = Env {
            own: &own,
            other: &|_| Some(OsString::from_vec(value.to_vec())),
        };
        for name in ["hinit", "tini", "dumb-init", "catatonit"] {
            let words = [name.into()].into_iter().chain(words().skip(1));
            let _any = parse(words.collect(), env);
        }
    }
}

/// The PID file, or none if a flag says so. Arguments that are about the file beat the flag's variable.
fn pid_file_unless(
    none: &Opt,
    is_on: bool,
    path: fn(&mut Invocation) -> PidFile,
    invocation: &mut Invocation,
) -> Option<PidFile> {
    let about_file = [PID_FILE.opt, FOREIGN.opt, READY.opt];
    let is_given = |option: &&Opt| invocation.count(option) > 0;
    let is_none = is_on && (is_given(&none) || !about_file.iter().any(is_given));
    (!is_none).then(|| path(invocation))
}

#[cfg(test)]
mod tests;
