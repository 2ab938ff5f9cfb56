//! `hinit healthcheck`: one verdict, one line, exit 0 or 1.

use std::mem::ManuallyDrop;

use nix::libc::{SIGALRM, SIGPIPE};

use crate::cli::{Answer, Healthcheck, PidFile as Choice};
use crate::error::exit_code::UNHEALTHY;
use crate::lookup::{FoundServer, Purpose, find_server};
use crate::output::{print_blocking, print_line};
use crate::sys::{self, AlarmExit, OnAllocFailure, SignalSet};
use crate::text::Line;
use crate::verdict::Verdict;

mod deadline;
mod probe;
mod report;
mod socket;

use deadline::Deadline;
#[cfg(any(fuzzing, test))]
pub(crate) use probe::fuzz::fuzz;
use report::Report;
use socket::Query;

/// Judges the server once.
pub(crate) fn healthcheck(options: &Healthcheck, inherited: SignalSet) -> u8 {
    let on_alloc_failure = match options.answer {
        Answer::Line => OnAllocFailure::Verdict,
        Answer::Json => OnAllocFailure::Json,
        Answer::Silence => OnAllocFailure::Silence,
    };
    sys::on_alloc_failure(on_alloc_failure, UNHEALTHY);
    // This one first: it must end before the deadline of the whole check does, however long the lookup takes.
    let deadline = Deadline::of_probes(options.timeout);
    set_deadline(options, inherited);
    let report = judge(options, deadline);
    let code = exit_code(report.is_healthy());
    // From here on the deadline prints nothing, because there must not be two verdicts. It only ends this
    // process if writing the verdict blocks.
    sys::exit_on_alarm(AlarmExit {
        line: Vec::new(),
        code,
    });
    match options.answer {
        Answer::Line => print_blocking(Line::new(format_args!("{report}")).bytes()),
        Answer::Json => print_blocking(format!("{}\n", report.json()).as_bytes()),
        Answer::Silence => {}
    }
    code
}

/// Reports that the command line is wrong.
pub(crate) fn refuse(verdict: Verdict, answer: Answer) -> u8 {
    let report = Report::new(Some(verdict));
    match answer {
        Answer::Line => print_line(&report),
        Answer::Json => print_line(&report.json()),
        Answer::Silence => {}
    }
    UNHEALTHY
}

fn exit_code(is_healthy: bool) -> u8 {
    if is_healthy { 0 } else { UNHEALTHY }
}

/// Sets the deadline. SIGALRM ends the check, even in a system call, if a signal can interrupt that.
fn set_deadline(options: &Healthcheck, inherited: SignalSet) {
    let report = Report::new(Some(Verdict::Deadline(options.timeout)));
    // Prepared here, because a signal handler must not allocate.
    let line = match options.answer {
        Answer::Line => format!("{report}\n").into_bytes(),
        Answer::Json => format!("{}\n", report.json()).into_bytes(),
        Answer::Silence => Vec::new(),
    };
    sys::exit_on_alarm(AlarmExit {
        line,
        code: UNHEALTHY,
    });
    sys::set_alarm(options.timeout);
    // SIGPIPE stays blocked: a death by it would be another exit code.
    sys::set_signal_mask(inherited.with(SIGPIPE).without(SIGALRM));
}

/// Checks the PID file first; then the probes, until one is unhealthy.
fn judge(options: &Healthcheck, deadline: Deadline) -> Report<'_> {
    let choice = options.pid_file.as_ref();
    let mut report = Report::new(choice.map(|choice| judge_server(choice, options, deadline)));
    for probe in &options.probes {
        if !report.is_healthy() {
            break;
        }
        let outcome = probe::run(probe, options, deadline);
        report.outcomes.push(outcome);
    }
    report
}

/// The line of the first unhealthy probe of this check. The caller must be a process that only runs this
/// check, because hinit ends it if it is out of memory.
pub(crate) fn first_failed_probe(check: &Healthcheck) -> Option<Line> {
    sys::on_alloc_failure(OnAllocFailure::Silence, UNHEALTHY);
    let report = judge(check, Deadline::of_probes(check.timeout));
    let failed = report.failed_probe()?;
    Some(Line::new(format_args!(
        "{} {}",
        failed.name, failed.finding
    )))
}

fn judge_server(choice: &Choice, options: &Healthcheck, deadline: Deadline) -> Verdict {
    let FoundServer {
        verdict,
        file,
        parent,
    } = match find_server(choice, options.foreign, Purpose::Report) {
        Ok(found) => found,
        Err(verdict) => return verdict,
    };
    // The process is about to exit, and then the kernel closes all descriptors.
    let file = ManuallyDrop::new(file);
    if !verdict.is_healthy() {
        return verdict;
    }
    let query = match (options.ready, file.has_socket) {
        (false, false) => return verdict,
        (true, false) => return Verdict::NoSocket,
        (true, true) => Query::Readiness,
        (false, true) => Query::Liveness,
    };
    socket::query(&file, parent, query, deadline).unwrap_or(verdict)
}
