//! The command line of a health check.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use super::given::{Env, Given, contradiction, unknown};
use super::probes::{self, Codes, Endpoint, Header, Url};
use super::{Command, PidFile, options, pid_file, values};
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

/// What a health check asks for besides the PID file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Probe {
    /// A file, and how old it may be.
    Heartbeat(PathBuf, Duration),
    /// Something accepts connections.
    Unix(PathBuf),
    Tcp(Endpoint),
    Http(Url),
    Grpc(Endpoint),
}

/// What is said to every web server, and what is wanted of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Http {
    /// HEAD in place of GET.
    pub(crate) head: bool,
    pub(crate) headers: Vec<Header>,
    pub(crate) expect: Vec<Codes>,
    pub(crate) contains: Option<String>,
}

/// How a health check says what it has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Line,
    Json,
    /// By the exit code alone.
    Silence,
}

pub(super) fn parse(words: Vec<OsString>, env: Env) -> Result<Command, Error> {
    let (given, operands) = Given::split(words, &options::HEALTHCHECK, env)?;
    let mut given = given.and_of(options::HEALTH, &options::HEALTHCHECK)?;
    if given.flag(&options::HELP)? {
        return Ok(Command::Help(options::HEALTHCHECK.help()));
    }
    if let Some(word) = operands.first() {
        let nearest = options::HEALTHCHECK.nearest(&word.to_string_lossy());
        return Err(unknown("unexpected word", word, nearest));
    }
    let pid_file = checked_pid_file(&mut given)?;
    let check = Healthcheck {
        pid_file,
        ready: given.flag(&options::READY)?,
        foreign: given.flag(&options::FOREIGN)?,
        probes: probes(&mut given)?,
        http: http(&mut given)?,
        timeout: given
            .value(&options::TIMEOUT, &values::TIMEOUT)?
            .unwrap_or(TIMEOUT),
        answer: answer(&mut given)?,
    };
    // hinit is found by its PID file, and another program has no hinit.
    if check.ready && check.pid_file.is_none() {
        return Err(contradiction(&options::READY, &options::NO_PID));
    }
    if check.ready && check.foreign {
        return Err(contradiction(&options::READY, &options::FOREIGN));
    }
    if check.pid_file.is_none() && check.probes.is_empty() {
        let why = "`--no-pid` leaves nothing to check: name a probe, such as `--http`";
        return Err(Error::usage(why.into()));
    }
    Ok(Command::Healthcheck(check))
}

fn checked_pid_file(given: &mut Given) -> Result<Option<PidFile>, Error> {
    if given.flag(&options::NO_PID)? {
        return match given.argument(&options::PID_FILE) {
            None => Ok(None),
            Some(_) => Err(contradiction(&options::PID_FILE, &options::NO_PID)),
        };
    }
    Ok(Some(pid_file(given)))
}

fn probes(given: &mut Given) -> Result<Vec<Probe>, Error> {
    /// So that the answer as JSON has room for them all.
    const MOST: usize = 16;
    let mut probes = Vec::new();
    let max_age = given.value(&options::MAX_AGE, &values::DURATION)?;
    for path in given.lines(&options::HEARTBEAT, &probes::PATH)? {
        let needs = "`--heartbeat` needs `--max-age`: how old it may be";
        let max_age = max_age.ok_or_else(|| Error::usage(needs.into()))?;
        probes.push(Probe::Heartbeat(path, max_age));
    }
    let unix = given.lines(&options::UNIX, &probes::PATH)?;
    probes.extend(unix.into_iter().map(Probe::Unix));
    let tcp = given.values(&options::TCP, &probes::ENDPOINT)?;
    probes.extend(tcp.into_iter().map(Probe::Tcp));
    let http = given.values(&options::HTTP, &probes::URL)?;
    probes.extend(http.into_iter().map(Probe::Http));
    let grpc = given.values(&options::GRPC, &probes::GRPC)?;
    probes.extend(grpc.into_iter().map(Probe::Grpc));
    if probes.len() > MOST {
        return Err(Error::usage(format!("more than {MOST} probes")));
    }
    Ok(probes)
}

fn http(given: &mut Given) -> Result<Http, Error> {
    let expect = given.values(&options::EXPECT, &probes::CODES)?.concat();
    let http = Http {
        head: given
            .value(&options::METHOD, &probes::METHOD)?
            .unwrap_or_default(),
        headers: given.lines(&options::HEADER, &probes::HEADER)?,
        expect: if expect.is_empty() {
            vec![EXPECT]
        } else {
            expect
        },
        contains: given.value(&options::CONTAINS, &probes::TEXT)?,
    };
    if http.head && http.contains.is_some() {
        let why = "the answer to `--method HEAD` has no body that `--contains` could look into";
        return Err(Error::usage(why.into()));
    }
    Ok(http)
}

fn answer(given: &mut Given) -> Result<Answer, Error> {
    let json = given.flag(&options::JSON)?;
    match (given.flag(&options::NO_LINE)?, json) {
        (true, true) => Err(contradiction(&options::JSON, &options::NO_LINE)),
        (true, false) => Ok(Answer::Silence),
        (false, true) => Ok(Answer::Json),
        (false, false) => Ok(Answer::Line),
    }
}
