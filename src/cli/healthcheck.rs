//! The command line of a health check.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use super::invocation::{Env, Invocation, words_of};
use super::options::{self, HealthcheckOptions as Given, Opt, RunOptions};
use super::probes::transport::TLS;
use super::probes::{Codes, Exchange, Http, Probe, Transport, reserved_by_grpc};
use super::{Command, PidFile, Written, pid_file_unless};

const EXPECT: Codes = 200..=399;

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Healthcheck {
    /// None: leave the PID file out.
    pub(crate) pid_file: Option<PidFile>,
    /// Ask hinit whether the server is ready.
    pub(crate) ready: bool,
    pub(crate) foreign: bool,
    /// In the order in which they are run: the cheapest first.
    pub(crate) probes: Vec<Written<Probe>>,
    pub(crate) exchange: Exchange,
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
    if has(options::JSON.opt) {
        Answer::Json
    } else if has(options::NO_LINE.opt) {
        Answer::Silence
    } else {
        Answer::Line
    }
}

/// The health check whose probes `--ready-when` contains. Variables of options have no effect on it.
pub(super) fn of_probes(invocation: &mut Invocation) -> Option<Healthcheck> {
    let (name, text) = RunOptions::ready_when(invocation)?;
    let env = Env {
        own: &[],
        ..invocation.env
    };
    let words = words_of(text.as_bytes());
    let why = match words.map(|words| super::parse(words, env)) {
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
    let [ready, no_pid] = [options::READY.opt, options::NO_PID.opt];
    let is_without_file = Given::no_pid(invocation);
    let are_on = [Given::ready(invocation), is_without_file];
    let [is_ready, _] = invocation.one_of([ready, no_pid], are_on);
    let are_on = [is_ready, Given::foreign(invocation)];
    let [is_ready, is_foreign] = invocation.one_of([ready, options::FOREIGN.opt], are_on);
    let check = Healthcheck {
        pid_file: pid_file_unless(no_pid, is_without_file, Given::pid_file, invocation),
        ready: is_ready,
        foreign: is_foreign,
        probes: probes(invocation),
        exchange: Exchange {
            send: Given::send(invocation),
            reply: Given::reply(invocation),
            transport: transport(invocation),
        },
        http: http(invocation),
        timeout: Given::timeout(invocation),
        answer: answer(invocation),
    };
    if check.pid_file.is_none() && check.probes.is_empty() {
        let why = "there is nothing to check: name a probe, such as `--http`";
        invocation.refuse(why.into());
    }
    if let Some(Probe::Grpc(_)) = check.probes.last().map(|probe| &probe.value) {
        for (name, _) in &check.http.headers {
            if let Some(reserved) = reserved_by_grpc(name) {
                let why = "gRPC reserves this field";
                invocation.refuse_value(options::HEADER.opt, reserved, why);
            }
        }
    }
    Command::Healthcheck(check)
}

/// How the bytes of the exchanges are sent.
fn transport(invocation: &mut Invocation) -> Transport {
    if !Given::tls(invocation) {
        return Transport::Plain;
    }
    TLS.unwrap_or_else(|why| {
        invocation.refuse(why.into());
        Transport::Plain
    })
}

fn answer(invocation: &mut Invocation) -> Answer {
    let are_on = [Given::json(invocation), Given::quiet(invocation)];
    match invocation.one_of([options::JSON.opt, options::NO_LINE.opt], are_on) {
        [true, _] => Answer::Json,
        [_, true] => Answer::Silence,
        _ => Answer::Line,
    }
}

fn probes(invocation: &mut Invocation) -> Vec<Written<Probe>> {
    /// The JSON output has room for this many.
    const MAX: usize = 16;
    let max_age = Given::max_age(invocation);
    let mut probes = Given::heartbeat(invocation);
    for probe in &mut probes {
        if max_age.is_none() {
            invocation.refuse("`--heartbeat` needs `--max-age`: how old it may be".into());
        }
        if let Probe::Heartbeat(_, age) = &mut probe.value {
            *age = max_age.unwrap_or_default();
        }
    }
    for read in [
        Given::unix,
        Given::tcp,
        Given::http,
        Given::fastcgi,
        Given::grpc,
    ] {
        probes.append(&mut read(invocation));
    }
    invocation.refuse_more_than(MAX, probes.len(), "probes");
    probes
}

/// What is sent to the web servers, and expected of them.
fn http(invocation: &mut Invocation) -> Http {
    let mut http = Http::get(Given::expect(invocation));
    if http.expect.is_empty() {
        http.expect.push(EXPECT);
    }
    if let Some(method) = Given::method(invocation) {
        http.method = method.value;
    }
    if let Some(body) = Given::body(invocation) {
        http.body = body.value;
    }
    http.headers = Given::header(invocation);
    http.contains = Given::contains(invocation);
    http.lacks = Given::lacks(invocation);
    let has_text = !(http.contains.is_empty() && http.lacks.is_empty());
    if http.method == "HEAD" && has_text && invocation.is_given(options::HTTP.opt) {
        let why = "the answer to `--method HEAD` has no body for `--contains` and `--lacks`";
        invocation.refuse(why.into());
    }
    http
}
