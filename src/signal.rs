//! `hinit signal`: a signal for the server that a PID file names, and never for another process.

use std::fmt;
use std::time::Instant;

use nix::errno::Errno;

use crate::cli::Signal;
use crate::error::exit_code;
use crate::healthcheck::Verdict;
use crate::healthcheck::server::find;
use crate::output::{Log, Verbosity, print_line};
use crate::pidfile::Fault;
use crate::process;
use crate::sys::Handle;
use crate::text::{Rounded, SignalName};

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
    let (handle, who) = match send(options) {
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
    if !handle.wait_for_end(time) {
        print_line(&format_args!("{who} has not ended within {time:?}"));
        return exit_code::REFUSED;
    }
    let after = Rounded(start.elapsed());
    print_line(&format_args!("{who} has ended after {after}"));
    0
}

fn send(options: &Signal) -> Result<(Handle, String), Refusal> {
    let (verdict, file) = find(&options.pid_file, options.foreign).map_err(Refusal::Found)?;
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
    let handle = Handle::open(file.pid).map_err(Refusal::Kernel)?;
    let fault = if !file.is_unchanged() {
        Some(Fault::Replaced)
    } else if !options.foreign && !file.is_held() {
        Some(Fault::Stale)
    } else {
        None
    };
    if let Some(fault) = fault {
        return Err(Refusal::Found(Verdict::PidFile(file.path, fault)));
    }
    let who = match process::name(file.pid) {
        Some(name) => format!("process {} ({name})", file.pid),
        None => format!("process {}", file.pid),
    };
    handle.signal(options.number).map_err(Refusal::Kernel)?;
    Ok((handle, who))
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Found(verdict) => verdict.write_reason(f),
            Self::Kernel(errno) => f.write_str(errno.desc()),
        }
    }
}
