//! Arguments and environment in, a [`Command`] out. Pure: nothing here asks the system.

use std::ffi::OsString;
use std::path::PathBuf;
use std::vec::IntoIter;

use crate::error::{Error, exit_code};

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

use invocation::{Env, Invocation};
use options::Topic;

pub(crate) use healthcheck::{Answer, Healthcheck};
pub(crate) use others::{Signal, Status};
pub(crate) use probes::{Address, Endpoint, Header, Http, Probe, TcpAddress};
pub(crate) use run::{Exit, InitProfile, Leftovers, Notify, Rewrites, Run, Stop, User};
pub(crate) use variables::note_if_unknown;

/// What hinit is asked to do.
#[derive(Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "there is one of it")]
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

/// Which PID file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PidFile {
    At(PathBuf),
    Default,
}

/// A command line that makes no sense.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UsageError {
    pub(crate) why: Error,
    /// What has a --help: `hinit signal`.
    pub(crate) call: &'static str,
    pub(crate) output: ErrorOutput,
}

/// How to complain of a command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorOutput {
    /// In the log, and by this exit code.
    Exit(u8),
    /// A health check always has a verdict.
    Verdict,
}

/// One of hinit's own commands: its table, what is made of its options, and how to complain of them.
type Own = (&'static Topic, fn(&mut Invocation) -> Command, ErrorOutput);

static OWN: [Own; 5] = [
    (&options::RUN, run::parse, FAILED),
    (
        &options::HEALTHCHECK,
        healthcheck::parse,
        ErrorOutput::Verdict,
    ),
    (&options::SIGNAL, others::signal, FAILED),
    (&options::STATUS, others::status, FAILED),
    (&options::INSTALL, others::install, FAILED),
];
const FAILED: ErrorOutput = ErrorOutput::Exit(exit_code::HINIT_FAILED);

/// Reads the command line.
///
/// Only the first word behind the program's own name can name a command of hinit's: whoever has a
/// server called `healthcheck` writes `hinit -- healthcheck`. Called by the name of another init, it
/// takes that one's command line.
pub(crate) fn parse(arguments: Vec<OsString>, env: Env) -> Result<Command, UsageError> {
    let mut words = arguments.into_iter();
    let name = words.next().unwrap_or_default();
    if let Some(peer) = compat::peer(&name) {
        let parse = |invocation: &mut Invocation| peer.parse(invocation);
        return read(words, &peer.topic, env, &parse, compat::FAILED);
    }
    let word = words.as_slice().first();
    let is_named = |own: &&Own| word.is_some_and(|word| word == own.0.word());
    let named = OWN.iter().find(is_named);
    if named.is_some() {
        words.next();
    }
    let [run, ..] = &OWN;
    let &(topic, parse, output) = named.unwrap_or(run);
    read(words, topic, env, &parse, output)
}

fn read(
    words: IntoIter<OsString>,
    topic: &Topic,
    env: Env,
    parse: &dyn Fn(&mut Invocation) -> Command,
    output: ErrorOutput,
) -> Result<Command, UsageError> {
    let usage_error = |why| UsageError {
        why: Error::usage(why),
        call: topic.call,
        output,
    };
    let mut invocation = Invocation::new(words, topic, env).map_err(usage_error)?;
    if invocation.flag(&options::HELP) {
        return Ok(Command::Help(topic.help()));
    }
    let command = parse(&mut invocation);
    match invocation.mistake() {
        None => Ok(command),
        Some(why) => Err(usage_error(why)),
    }
}

/// A command line, its words ending at NULs; each is also the value of each variable; or the value of one
/// option: a time, a signal, a rule.
#[cfg(any(fuzzing, test))]
pub(crate) fn fuzz(kind: u8, bytes: &[u8]) {
    use std::os::unix::ffi::OsStringExt;
    if kind == b'v' {
        return str::from_utf8(bytes).map_or((), values::fuzz);
    }
    let words = || {
        bytes
            .split(|&byte| byte == 0)
            .map(|word| OsString::from_vec(word.to_vec()))
    };
    let none = |_: &std::ffi::CStr| None;
    let _any = parse(words().collect(), &none);
    for value in words().take(4) {
        for name in ["hinit", "tini", "dumb-init", "catatonit"] {
            let env = |_: &std::ffi::CStr| Some(value.clone());
            let words = [name.into()].into_iter().chain(words().skip(1));
            let _any = parse(words.collect(), &env);
        }
    }
}

fn pid_file(invocation: &mut Invocation) -> PidFile {
    let path = invocation.word(&options::PID_FILE);
    path.map_or(PidFile::Default, |path| PidFile::At(path.into()))
}

/// The same where a flag can say that there is none. Arguments that are about the file beat its variable.
fn pid_file_unless(none: &options::Opt, invocation: &mut Invocation) -> Option<PidFile> {
    let about_it = [&options::PID_FILE, &options::FOREIGN, &options::READY];
    let is_sure =
        invocation.count(none) > 0 || about_it.iter().all(|option| invocation.count(option) == 0);
    let is_none = invocation.flag(none) && is_sure;
    (!is_none).then(|| pid_file(invocation))
}

#[cfg(test)]
mod tests;
