//! `hinit signal`: a signal for the server that a PID file names, and never for another process.

use std::fmt;
use std::time::Instant;

use nix::errno::Errno;
use nix::unistd::Pid;

use crate::cli::Signal;
use crate::error::exit_code;
use crate::lookup::{Found, find};
use crate::output::{Log, Verbosity, print_line};
use crate::pidfile::Fault;
use crate::process::{self, Lookup, Process};
use crate::sys::{ProcessHandle, describe};
use crate::text::SignalName;
use crate::time::{ExactDuration, ShortDuration};
use crate::verdict::Verdict;

/// Why no signal was sent.
enum Refusal {
    /// The PID file, or the process that it names.
    Found(Verdict),
    Kernel(Errno),
}

/// Sends the signal; returns the exit code: 1 if the server did not get it, or has not ended of it.
#[inline(never)]
pub(crate) fn signal(options: &Signal) -> u8 {
    let name = SignalName(options.number);
    let Sent {
        handle,
        pid,
        who,
        process,
    } = match send(options) {
        Ok(sent) => sent,
        Err(refusal) => {
            let log = Log(Verbosity::Normal);
            log.error(format_args!("cannot send {name}: {refusal}"));
            return exit_code::REFUSED;
        }
    };
    print_line(&format_args!("sent {name} to {who}"));
    let Some(time) = options.wait else { return 0 };
    let start = Instant::now();
    if !handle.wait_for_end(time, &|| has_ended(pid, process.as_ref())) {
        let time = ExactDuration(time);
        print_line(&format_args!("{who} has not ended within {time}"));
        return exit_code::REFUSED;
    }
    let after = ShortDuration(start.elapsed());
    print_line(&format_args!("{who} has ended after {after}"));
    0
}

/// The process that got the signal.
struct Sent {
    handle: ProcessHandle,
    pid: Pid,
    who: String,
    /// As it was before.
    process: Option<Process>,
}

fn send(options: &Signal) -> Result<Sent, Refusal> {
    let Found { verdict, file, .. } =
        find(&options.pid_file, options.foreign).map_err(Refusal::Found)?;
    match verdict {
        Verdict::Healthy(_)
        | Verdict::HealthyByKill(_)
        | Verdict::Stopping(_)
        // CONT and KILL must reach it.
        | Verdict::Stopped(_) => {}
        verdict => return Err(Refusal::Found(verdict)),
    }
    // From here on the PID is of no importance: what is held on to is the process that has it now,
    // and that is the server if the file names it still.
    let pid = file.pid;
    let handle = ProcessHandle::open(pid).map_err(Refusal::Kernel)?;
    let process = process::read(pid);
    let who = match &process {
        Some(Process { name, .. }) => format!("process {pid} ({name})"),
        None => format!("process {pid}"),
    };
    // The lock before the bytes: another hinit that has claimed the file since has emptied it first.
    let fault = if !options.foreign && !file.is_held() {
        Some(Fault::Stale)
    } else if !file.is_unchanged() {
        Some(Fault::Replaced)
    } else {
        None
    };
    if let Some(fault) = fault {
        return Err(Refusal::Found(Verdict::PidFile(file.path, fault)));
    }
    handle.signal(options.number).map_err(Refusal::Kernel)?;
    Ok(Sent {
        handle,
        pid,
        who,
        process,
    })
}

/// Whether a process is over that cannot be held on to: gone, not reaped yet, or another by now.
fn has_ended(pid: Pid, before: Option<&Process>) -> bool {
    match process::look_up(pid) {
        Lookup::Missing | Lookup::Thread(_) => true,
        Lookup::Found(now) => {
            now.has_ended() || before.is_some_and(|before| before.started != now.started)
        }
        Lookup::Hidden | Lookup::Failed(_) => false,
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Found(verdict) => verdict.write_reason(f),
            Self::Kernel(errno) => f.write_str(describe(*errno)),
        }
    }
}
