//! `hinit healthcheck`: one verdict, one line, exit 0 or 1.

use std::path::Path;
use std::time::Duration;

use nix::sys::signal::{SigEvent, SigevNotify, Signal};
use nix::sys::timer::{Expiration, Timer, TimerSetTimeFlags};
use nix::time::ClockId;

use crate::cli::{Healthcheck, PidFile as Choice};
use crate::output::{Line, print_line};
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
    let deadline = set_deadline(options, inherited);
    let verdict = judge(options);
    // From here on the deadline has no say: there must not be two verdicts.
    drop(deadline);
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
/// It is off when the value returned is dropped. (Should the kernel refuse it, the engine's own
/// deadline remains.)
fn set_deadline(options: &Healthcheck, inherited: SignalSet) -> Result<Timer, std::io::Error> {
    let verdict = Verdict::Deadline(options.timeout);
    let line = Line::new(format_args!("{verdict}"));
    let last_words = if options.quiet { &[] } else { line.bytes() };
    sys::exit_on_alarm(last_words.to_vec(), UNHEALTHY)?;
    let alarm = SigevNotify::SigevSignal {
        signal: Signal::SIGALRM,
        si_value: 0,
    };
    let mut timer = Timer::new(ClockId::CLOCK_MONOTONIC, SigEvent::new(alarm))?;
    timer.set(
        Expiration::OneShot(options.timeout.into()),
        TimerSetTimeFlags::empty(),
    )?;
    // SIGPIPE stays blocked: it would be an exit code of its own.
    sys::set_signal_mask(inherited.with(Signal::SIGPIPE).without(Signal::SIGALRM));
    Ok(timer)
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
        Look::Seen(process) => match judge_process(&process) {
            // Before /proc is believed in that, see that it speaks of our processes.
            verdict if !verdict.is_healthy() && !process::is_proc_ours() => {
                Verdict::HealthyByKill(file.pid)
            }
            verdict => verdict,
        },
    };
    // Whatever we saw, it was the server's only if the file names it still.
    if file.is_unchanged() {
        verdict
    } else {
        Verdict::PidFile(path.to_owned(), Fault::Replaced)
    }
}

fn judge_process(process: &Process) -> Verdict {
    let pid = process.pid;
    match process.state {
        // A first thread that has left its others running shows Z, and the process lives.
        State::Ended if process.threads <= 1 => Verdict::Zombie(pid),
        State::Stopped => Verdict::Stopped(pid),
        State::Ended | State::Alive if process.group != pid => Verdict::Thread {
            thread: pid,
            of: process.group,
        },
        State::Ended | State::Alive => Verdict::Healthy(pid),
    }
}
