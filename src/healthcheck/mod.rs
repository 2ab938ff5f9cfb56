//! `hinit healthcheck`: one verdict, one line, exit 0 or 1.

use std::path::Path;
use std::time::{Duration, Instant};

use nix::libc::{SIGALRM, SIGPIPE};
use nix::unistd::Pid;

use crate::cli::{Answer, Healthcheck, PidFile as Choice};
use crate::output::{print_finished, print_line};
use crate::pidfile::{self, Fault, PidFile};
use crate::process::{self, Look, Process, State};
use crate::sys::{self, SignalSet};

mod probe;
mod report;
mod socket;
mod verdict;

#[cfg(fuzzing)]
pub(crate) use probe::fuzz::fuzz;
use report::Report;
use socket::Question;
pub(crate) use verdict::Verdict;
#[cfg(test)]
pub(crate) use {probe::tests::table as findings, verdict::tests::table as verdicts};

/// Docker reserves 2, so no failure of any kind has another code than this.
const UNHEALTHY: u8 = 1;

/// How often, and how far apart, a PID file is looked at that may be just about to be written.
const LOOKS: u32 = 4;
const APART: Duration = Duration::from_millis(10);

/// How much earlier than the whole check the probes have to be through, so that the verdict names the
/// one that was not. (At most half of the time.)
const FOR_THE_VERDICT: Duration = Duration::from_millis(20);

/// Judges the server once.
pub(crate) fn healthcheck(options: &Healthcheck, inherited: SignalSet) -> u8 {
    // The first look at the clock costs two pages: only where there is need.
    let deadline = (!options.probes.is_empty()).then(|| deadline_of_probes(options.timeout));
    set_deadline(options, inherited);
    let report = judge(options, deadline);
    // From here on the deadline has no say: there must not be two verdicts.
    sys::set_alarm(Duration::ZERO);
    match options.answer {
        Answer::Line => print_line(&report),
        Answer::Json => print_finished(&report.json()),
        Answer::Silence => {}
    }
    exit_code(report.is_healthy())
}

fn deadline_of_probes(timeout: Duration) -> Instant {
    Instant::now() + timeout.saturating_sub(FOR_THE_VERDICT.min(timeout / 2))
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
    let (timeout, answer) = (options.timeout, options.answer);
    let last_words = move || {
        let verdict = Verdict::Deadline(timeout);
        match answer {
            Answer::Line => print_line(&verdict),
            // Amid whatever was interrupted nothing may be allocated: so not by a report.
            Answer::Json => print_line(&format_args!(
                "{{\"verdict\":\"unhealthy\",\"reason\":\"no verdict within {timeout:?}\",\
                 \"pid\":null,\"probes\":[]}}"
            )),
            Answer::Silence => {}
        }
    };
    sys::exit_on_alarm(last_words, UNHEALTHY);
    sys::set_alarm(timeout);
    // SIGPIPE stays blocked: it would be an exit code of its own.
    sys::set_signal_mask(inherited.with(SIGPIPE).without(SIGALRM));
}

/// The PID file first; then the probes, until one is not well.
fn judge(options: &Healthcheck, deadline: Option<Instant>) -> Report {
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

fn judge_server(choice: &Choice, options: &Healthcheck) -> Verdict {
    let default;
    let path = match choice {
        Choice::At(path) => path,
        Choice::Default => match pidfile::default_path() {
            Some(path) => {
                default = path;
                &default
            }
            None => return Verdict::NoPlace,
        },
    };
    let mut look = 1;
    loop {
        let verdict = judge_once(path, options);
        let may_pass = match &verdict {
            Verdict::PidFile(_, fault) => fault.may_pass(),
            Verdict::NoServer => true,
            _ => false,
        };
        if !may_pass || look == LOOKS {
            return verdict;
        }
        std::thread::sleep(APART);
        look += 1;
    }
}

fn judge_once(path: &Path, options: &Healthcheck) -> Verdict {
    let file = match PidFile::read(path, options.foreign) {
        Ok(file) => file,
        Err(Fault::NoServer) => return Verdict::NoServer,
        Err(fault) => return Verdict::PidFile(path.to_owned(), fault),
    };
    let verdict = match process::look(file.pid) {
        Look::Missing => Verdict::Missing(file.pid),
        Look::Exists => Verdict::HealthyByKill(file.pid),
        Look::Thread(of) => Verdict::Thread {
            thread: file.pid,
            of,
        },
        // Before /proc is believed that all is not well, see that it speaks of our processes.
        Look::Seen(process) => match judge_process(&process) {
            Verdict::Healthy(pid) => Verdict::Healthy(pid),
            _ if !process::is_proc_ours() => Verdict::HealthyByKill(file.pid),
            verdict => verdict,
        },
    };
    let verdict = match verdict {
        Verdict::Healthy(pid) | Verdict::HealthyByKill(pid) if file.is_stopping => {
            Verdict::Stopping(pid)
        }
        verdict => verdict,
    };
    // Whatever we saw, it was the server's only if the file names it still.
    if !file.is_unchanged() {
        return Verdict::PidFile(path.to_owned(), Fault::Replaced);
    }
    match verdict {
        Verdict::Healthy(pid) | Verdict::HealthyByKill(pid) => {
            let objection = match (options.ready, file.has_socket) {
                (false, false) => None,
                (true, false) => Some(Verdict::NoSocket),
                (true, true) => ask_hinit(path, pid, Question::IsReady, options),
                (false, true) => ask_hinit(path, pid, Question::IsAlive, options),
            };
            objection.unwrap_or(verdict)
        }
        verdict => verdict,
    }
}

fn ask_hinit(path: &Path, pid: Pid, question: Question, options: &Healthcheck) -> Option<Verdict> {
    socket::ask(path, pid, question, deadline_of_probes(options.timeout))
}

fn judge_process(process: &Process) -> Verdict {
    match process.state {
        _ if process.has_ended() => Verdict::Zombie(process.pid),
        State::Stopped => Verdict::Stopped(process.pid),
        _ => Verdict::Healthy(process.pid),
    }
}
