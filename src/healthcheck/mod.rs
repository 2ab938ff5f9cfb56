//! `hinit healthcheck`: one verdict, one line, exit 0 or 1.

use std::path::Path;
use std::time::Duration;

use nix::libc::{SIGALRM, SIGPIPE};

use crate::cli::{Healthcheck, PidFile as Choice};
use crate::output::print_line;
use crate::pidfile::{self, Fault, PidFile};
use crate::process::{self, Look, Process, State};
use crate::sys::{self, SignalSet};

mod verdict;
pub(crate) use verdict::Verdict;
#[cfg(test)]
pub(crate) use verdict::tests::table as verdicts;

/// Docker reserves 2, so no failure of any kind has another code than this.
const UNHEALTHY: u8 = 1;

/// How often, and how far apart, a PID file is looked at that may be just about to be written.
const LOOKS: u32 = 4;
const APART: Duration = Duration::from_millis(10);

/// Judges the server once.
pub(crate) fn healthcheck(options: &Healthcheck, inherited: SignalSet) -> u8 {
    set_deadline(options, inherited);
    let verdict = judge(options);
    // From here on the deadline has no say: there must not be two verdicts.
    sys::set_alarm(Duration::ZERO);
    conclude(&verdict, options.quiet)
}

/// Prints the verdict and makes it an exit code.
pub(crate) fn conclude(verdict: &Verdict, quiet: bool) -> u8 {
    if !quiet {
        print_line(verdict);
    }
    if verdict.is_healthy() { 0 } else { UNHEALTHY }
}

/// Sets the deadline: SIGALRM, which interrupts whatever a signal can, ends the check by itself.
fn set_deadline(options: &Healthcheck, inherited: SignalSet) {
    let (timeout, quiet) = (options.timeout, options.quiet);
    let last_words = move || _ = conclude(&Verdict::Deadline(timeout), quiet);
    sys::exit_on_alarm(last_words, UNHEALTHY);
    sys::set_alarm(timeout);
    // SIGPIPE stays blocked: it would be an exit code of its own.
    sys::set_signal_mask(inherited.with(SIGPIPE).without(SIGALRM));
}

fn judge(options: &Healthcheck) -> Verdict {
    let default;
    let path = match &options.pid_file {
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
        match judge_once(path, options.foreign) {
            Verdict::PidFile(_, fault) if fault.may_pass() && look < LOOKS => {
                std::thread::sleep(APART);
                look += 1;
            }
            verdict => return verdict,
        }
    }
}

fn judge_once(path: &Path, foreign: bool) -> Verdict {
    let file = match PidFile::read(path, foreign) {
        Ok(file) => file,
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
    if file.is_unchanged() {
        verdict
    } else {
        Verdict::PidFile(path.to_owned(), Fault::Replaced)
    }
}

fn judge_process(process: &Process) -> Verdict {
    match process.state {
        _ if process.has_ended() => Verdict::Zombie(process.pid),
        State::Stopped => Verdict::Stopped(process.pid),
        _ => Verdict::Healthy(process.pid),
    }
}
