//! The command line of a health check.

use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use super::invocation::{BETWEEN, Invocation, words_of};
use super::probes::{self, Codes, Http, Probe};
use super::{Command, PidFile, options, pid_file_unless, values};
use crate::error::Error;

const TIMEOUT: Duration = Duration::from_millis(900);
const EXPECT: Codes = 200..=399;

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Healthcheck {
    /// None: leave the PID file out.
    pub(crate) pid_file: Option<PidFile>,
    /// Ask hinit whether the server is ready.
    pub(crate) ready: bool,
    pub(crate) foreign: bool,
    /// In the order in which they are asked: what costs the least comes first.
    pub(crate) probes: Vec<Probe>,
    pub(crate) http: Http,
    pub(crate) timeout: Duration,
    pub(crate) answer: Answer,
}

/// How a health check says what it has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Line,
    Json,
    /// By the exit code alone.
    Silence,
}

/// The health check that `--ready-when` holds the probes of. The variables are those of other health checks.
pub(super) fn of_probes(invocation: &mut Invocation) -> Option<Healthcheck> {
    let text = invocation.joined(&options::READY_WHEN, "hinit\nhealthcheck")?;
    let words = words_of(text.as_bytes());
    let why = match words.map(|words| super::parse(words, &|_| None)) {
        None => Error::usage("a quote is not closed".into()),
        Some(Err(error)) => error.why,
        Some(Ok(Command::Healthcheck(mut check))) if is_of_probes(&check) => {
            check.pid_file = None;
            return Some(check);
        }
        Some(Ok(Command::Healthcheck(check))) if check.probes.is_empty() => {
            Error::usage("there is no probe".into())
        }
        Some(Ok(_)) => Error::usage("only probes and `--timeout` have an effect here".into()),
    };
    let name = invocation.place_name(&options::READY_WHEN);
    invocation.refuse(format!(
        "in {name}: {why} (an example is `--ready-when \"--tcp 127.0.0.1:8000\"`)"
    ));
    None
}

/// Whether there are probes, and nothing that goes beyond them.
fn is_of_probes(check: &Healthcheck) -> bool {
    check.pid_file == Some(PidFile::Default)
        && !check.ready
        && !check.foreign
        && !check.probes.is_empty()
        && check.answer == Answer::Line
}

pub(super) fn parse(invocation: &mut Invocation) -> Command {
    invocation.at_most(0);
    // hinit is found by its PID file, and another program has no hinit.
    let [ready, _] = invocation.one_of(&options::READY, &options::NO_PID);
    let [ready, foreign] = if ready {
        invocation.one_of(&options::READY, &options::FOREIGN)
    } else {
        [false, invocation.flag(&options::FOREIGN)]
    };
    let probes = probes(invocation);
    let by_grpc = probes.iter().any(|probe| matches!(probe, Probe::Grpc(_)));
    let check = Healthcheck {
        pid_file: pid_file_unless(&options::NO_PID, invocation),
        ready,
        foreign,
        probes,
        http: http(invocation, by_grpc),
        timeout: invocation
            .value(&options::TIMEOUT, &values::TIMEOUT)
            .unwrap_or(TIMEOUT),
        answer: match invocation.one_of(&options::JSON, &options::NO_LINE) {
            [true, _] => Answer::Json,
            [_, true] => Answer::Silence,
            _ => Answer::Line,
        },
    };
    if check.pid_file.is_none() && check.probes.is_empty() {
        let why = "there is nothing to check: name a probe, such as `--http`";
        invocation.refuse(why.into());
    }
    Command::Healthcheck(check)
}

fn probes(invocation: &mut Invocation) -> Vec<Probe> {
    /// So that the answer as JSON has room for them all.
    const MAX: usize = 16;
    let mut probes = Vec::new();
    let max_age = invocation.value(&options::MAX_AGE, &values::DURATION);
    for path in invocation.lines(&options::HEARTBEAT, &probes::PATH) {
        if max_age.is_none() {
            invocation.refuse("`--heartbeat` needs `--max-age`: how old it may be".into());
        }
        probes.push(Probe::Heartbeat(path, max_age.unwrap_or_default()));
    }
    for (option, separators, parse) in [
        (&options::UNIX, &b"\n"[..], probes::UNIX),
        (&options::TCP, BETWEEN, probes::TCP),
        // A comma can be part of a URL.
        (&options::HTTP, b" \t\n", probes::HTTP),
        (&options::GRPC, BETWEEN, probes::GRPC),
    ] {
        probes.extend(invocation.probes(option, separators, parse));
    }
    if probes.len() > MAX {
        invocation.refuse(format!("more than {MAX} probes"));
    }
    probes
}

fn http(invocation: &mut Invocation, by_grpc: bool) -> Http {
    let mut expect = Vec::new();
    invocation.each(&options::EXPECT, BETWEEN, probes::CODES, &mut |text| {
        probes::codes(text, &mut expect)
    });
    if expect.is_empty() {
        expect.push(EXPECT);
    }
    let mut headers = Vec::new();
    invocation.each_unless(&options::HEADER, b"\n", &mut |text| {
        match probes::header(text.unwrap_or_default(), by_grpc) {
            Ok(header) => headers.push(header),
            Err(why) => return Some(why.to_owned()),
        }
        None
    });
    let http = Http {
        head: invocation
            .value(&options::METHOD, &probes::METHOD)
            .unwrap_or_default(),
        headers,
        expect,
        contains: invocation.lines(&options::CONTAINS, &probes::TEXT),
    };
    if http.head && !http.contains.is_empty() && invocation.is_given(&options::HTTP) {
        let why = "the answer to `--method HEAD` has no body that `--contains` could look into";
        invocation.refuse(why.into());
    }
    http
}
