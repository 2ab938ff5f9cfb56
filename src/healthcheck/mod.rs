//! `hinit healthcheck`: one verdict, one line, exit 0 or 1.

use std::mem::ManuallyDrop;
use std::time::{Duration, Instant};

use nix::libc::{SIGALRM, SIGPIPE};

use crate::cli::{Answer, Healthcheck, PidFile as Choice};
use crate::lookup::{self, Found};
use crate::output::{print_blocking, print_line};
use crate::sys::{self, AlarmExit, OnAllocFailure, SignalSet};
use crate::text::Line;
use crate::time::ExactDuration;
use crate::verdict::Verdict;

mod probe;
mod report;
mod socket;

#[cfg(any(fuzzing, test))]
pub(crate) use probe::fuzz::fuzz;
use report::Report;
use socket::Question;

/// Docker reserves 2, so no failure of any kind has another code than this.
const UNHEALTHY: u8 = 1;

/// How much earlier than the whole check the probes have to be through, so that the verdict names the
/// one that was not. (At most half of the time.)
const FOR_THE_VERDICT: Duration = Duration::from_millis(20);

/// Judges the server once.
pub(crate) fn healthcheck(options: &Healthcheck, inherited: SignalSet) -> u8 {
    let on_alloc_failure = match options.answer {
        Answer::Line => OnAllocFailure::Verdict,
        Answer::Json => OnAllocFailure::Json,
        Answer::Silence => OnAllocFailure::Silence,
    };
    sys::on_alloc_failure(on_alloc_failure, UNHEALTHY);
    // The first look at the clock costs two pages: only where there is need.
    let deadline = (!options.probes.is_empty()).then(|| deadline_of_probes(options.timeout));
    set_deadline(options, inherited);
    let report = judge(options, deadline);
    let code = exit_code(report.is_healthy());
    // From here on the deadline prints nothing, because there must not be two verdicts: it only ends a check whose
    // verdict nobody reads.
    sys::exit_on_alarm(AlarmExit {
        line: Vec::new(),
        code,
    });
    match options.answer {
        Answer::Line => print_blocking(Line::new(format_args!("{report}")).bytes()),
        Answer::Json => print_blocking(report.json().as_bytes()),
        Answer::Silence => {}
    }
    code
}

/// When the probes have to be through, and the timeout of the whole check.
#[derive(Clone, Copy)]
struct Deadline {
    at: Instant,
    timeout: Duration,
}

fn deadline_of_probes(timeout: Duration) -> Deadline {
    let at = Instant::now() + timeout.saturating_sub(FOR_THE_VERDICT.min(timeout / 2));
    Deadline { at, timeout }
}

/// Says that the command line is wrong.
pub(crate) fn refuse(verdict: &Verdict) -> u8 {
    print_line(verdict);
    exit_code(verdict.is_healthy())
}

fn exit_code(is_healthy: bool) -> u8 {
    if is_healthy { 0 } else { UNHEALTHY }
}

/// Sets the deadline: SIGALRM, which interrupts whatever a signal can, ends the check by itself.
fn set_deadline(options: &Healthcheck, inherited: SignalSet) {
    let timeout = options.timeout;
    let text_of = |text| Line::new(text).bytes().to_vec();
    let line = match options.answer {
        Answer::Line => text_of(format_args!("{}", Verdict::Deadline(timeout))),
        Answer::Json => text_of(format_args!(
            "{{\"verdict\":\"unhealthy\",\"reason\":\"no verdict within {}\",\
             \"pid\":null,\"probes\":[]}}",
            ExactDuration(timeout)
        )),
        Answer::Silence => Vec::new(),
    };
    sys::exit_on_alarm(AlarmExit {
        line,
        code: UNHEALTHY,
    });
    sys::set_alarm(timeout);
    // SIGPIPE stays blocked: it would be an exit code of its own.
    sys::set_signal_mask(inherited.with(SIGPIPE).without(SIGALRM));
}

/// The PID file first; then the probes, until one is not well.
fn judge(options: &Healthcheck, deadline: Option<Deadline>) -> Report {
    let process = options
        .pid_file
        .as_ref()
        .map(|choice| judge_server(choice, options));
    let mut report = Report {
        process,
        outcomes: Vec::new(),
    };
    let Some(deadline) = deadline else {
        return report;
    };
    for probe in &options.probes {
        if !report.is_healthy() {
            break;
        }
        let outcome = probe::ask(probe, &options.http, deadline);
        report.outcomes.push(outcome);
    }
    report
}

/// Why not all is well that this check asks for besides the PID file; none, if it is. To be called by a process that
/// is there for nothing else.
pub(crate) fn first_failure(check: &Healthcheck) -> Option<Line> {
    sys::on_alloc_failure(OnAllocFailure::Silence, UNHEALTHY);
    let report = judge(check, Some(deadline_of_probes(check.timeout)));
    let failed = report.outcomes.last().filter(|last| !last.is_healthy())?;
    Some(Line::new(format_args!(
        "{} {}",
        failed.name, failed.finding
    )))
}

fn judge_server(choice: &Choice, options: &Healthcheck) -> Verdict {
    let Found {
        verdict,
        file,
        parent,
    } = match lookup::inspect(choice, options.foreign) {
        Ok(found) => found,
        Err(verdict) => return verdict,
    };
    // The kernel closes all at the end, which is near.
    let file = ManuallyDrop::new(file);
    let question = match (options.ready, file.has_socket) {
        _ if !verdict.is_healthy() => return verdict,
        (false, false) => return verdict,
        (true, false) => return Verdict::NoSocket,
        (true, true) => Question::IsReady,
        (false, true) => Question::IsAlive,
    };
    let deadline = deadline_of_probes(options.timeout);
    socket::ask(&file, parent, question, deadline).unwrap_or(verdict)
}
