//! The command line of a health check.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use super::invocation::{Env, Invocation, Separators, words_of};
use super::options::Opt;
use super::probes::{self, Codes, Header, Http, Probe};
use super::values::{self, ParseError};
use super::{Command, PidFile, options, pid_file_unless};

const TIMEOUT: Duration = Duration::from_millis(900);
const EXPECT: Codes = 200..=399;

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Healthcheck {
    /// None: leave the PID file out.
    pub(crate) pid_file: Option<PidFile>,
    /// Ask hinit whether the server is ready.
    pub(crate) ready: bool,
    pub(crate) foreign: bool,
    /// In the order in which they are run: the cheapest first.
    pub(crate) probes: Vec<Probe>,
    pub(crate) http: Http,
    pub(crate) timeout: Duration,
    pub(crate) answer: Answer,
}

/// How a health check reports its verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Line,
    Json,
    /// By the exit code alone.
    Silence,
}

/// The output that these arguments ask for. It applies to a usage error too, and then the options are not parsed.
pub(super) fn answer_of(words: &[OsString]) -> Answer {
    let has = |option: &Opt| words.iter().any(|word| option.is_named(word.as_bytes()));
    if has(&options::JSON) {
        Answer::Json
    } else if has(&options::NO_LINE) {
        Answer::Silence
    } else {
        Answer::Line
    }
}

/// The health check whose probes `--ready-when` contains. Variables have no effect on it.
pub(super) fn of_probes(invocation: &mut Invocation) -> Option<Healthcheck> {
    let mut text = OsString::from("hinit\nhealthcheck");
    let name = invocation.append(&options::READY_WHEN, &mut text)?;
    let words = words_of(text.as_bytes());
    let why = match words.map(|words| super::parse(words, Env::EMPTY)) {
        None => "a quote is not closed".to_owned(),
        Some(Err(error)) => error.why,
        Some(Ok(Command::Healthcheck(mut check))) if is_of_probes(&check) => {
            check.pid_file = None;
            return Some(check);
        }
        Some(Ok(Command::Healthcheck(check))) if check.probes.is_empty() => {
            "there is no probe".into()
        }
        Some(Ok(_)) => "only probes and `--timeout` have an effect here".into(),
    };
    invocation.refuse(format!(
        "in {name}: {why} (an example is `--ready-when \"--tcp 127.0.0.1:8000\"`)"
    ));
    None
}

/// Whether there are probes, and no other options that have an effect.
fn is_of_probes(check: &Healthcheck) -> bool {
    check.pid_file == Some(PidFile::Default)
        && !check.ready
        && !check.foreign
        && !check.probes.is_empty()
        && check.answer == Answer::Line
}

pub(super) fn parse(invocation: &mut Invocation) -> Command {
    invocation.at_most(0);
    // --ready finds hinit by the PID file; and behind the PID file of another program there is no hinit.
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
    /// The JSON output has room for this many.
    const MAX: usize = 16;
    let mut probes = Vec::new();
    let max_age = invocation.value(&options::MAX_AGE, &values::DURATION);
    for path in invocation.values(&options::HEARTBEAT, Separators::Lines, &probes::PATH) {
        if max_age.is_none() {
            invocation.refuse("`--heartbeat` needs `--max-age`: how old it may be".into());
        }
        probes.push(Probe::Heartbeat(path, max_age.unwrap_or_default()));
    }
    for (option, separators, parse) in [
        (&options::UNIX, Separators::Lines, probes::UNIX),
        (&options::TCP, Separators::BlanksOrCommas, probes::TCP),
        // A comma can be part of a URL.
        (&options::HTTP, Separators::Blanks, probes::HTTP),
        (&options::GRPC, Separators::BlanksOrCommas, probes::GRPC),
    ] {
        invocation.each(option, separators, &mut |text| {
            probes.push(parse(text)?);
            Ok(())
        });
    }
    if probes.len() > MAX {
        invocation.refuse(format!("more than {MAX} probes"));
    }
    probes
}

fn is_host((name, _): &Header) -> bool {
    name.eq_ignore_ascii_case("host")
}

fn http(invocation: &mut Invocation, by_grpc: bool) -> Http {
    let mut expect = Vec::new();
    invocation.each(&options::EXPECT, Separators::BlanksOrCommas, &mut |text| {
        values::require(probes::codes(text, &mut expect), probes::CODES)
    });
    if expect.is_empty() {
        expect.push(EXPECT);
    }
    let mut headers = Vec::new();
    invocation.each(&options::HEADER, Separators::Lines, &mut |text| {
        let header = probes::header(text, by_grpc)?;
        // RFC 9112, 3.2: a server answers a second one with 400.
        if is_host(&header) && headers.iter().any(is_host) {
            return Err(ParseError::Because("a request has only one Host", ""));
        }
        headers.push(header);
        Ok(())
    });
    let http = Http {
        head: invocation
            .value(&options::METHOD, &probes::METHOD)
            .unwrap_or_default(),
        headers,
        expect,
        contains: invocation.values(&options::CONTAINS, Separators::Lines, &probes::TEXT),
    };
    if http.head && !http.contains.is_empty() && invocation.is_given(&options::HTTP) {
        let why = "the answer to `--method HEAD` has no body that `--contains` could look into";
        invocation.refuse(why.into());
    }
    http
}
