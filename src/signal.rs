//! `hinit signal`: sends a signal to the server that a PID file names, and never to another process.

use std::fmt;
use std::time::Instant;

use nix::errno::Errno;
use nix::unistd::Pid;

use crate::cli::Signal;
use crate::error::exit_code;
use crate::lookup::{FoundServer, Purpose, find_server};
use crate::output::{Log, Verbosity, print_line};
use crate::process::{self, Lookup, Process};
use crate::sys::{ProcessHandle, describe};
use crate::text::SignalName;
use crate::time::{ExactDuration, ShortDuration};
use crate::verdict::Verdict;

/// Why no signal was sent.
enum Refusal {
    /// The verdict on the PID file, or on the process that it names.
    Verdict(Verdict),
    Kernel(Errno),
}

/// Sends the signal, and returns the exit code: 1 if the signal was not sent, or if the server has not ended in
/// time.
#[inline(never)]
pub(crate) fn signal(options: &Signal) -> u8 {
    let name = SignalName(options.number);
    let target = match send(options) {
        Ok(target) => target,
        Err(refusal) => {
            let log = Log(Verbosity::Normal);
            log.error(format_args!("cannot send {name}: {refusal}"));
            return exit_code::REFUSED;
        }
    };
    print_line(&format_args!("sent {name} to {target}"));
    let Some(timeout) = options.wait else {
        return 0;
    };
    let start = Instant::now();
    if target.handle.wait_for_end(timeout, &|| target.has_ended()) {
        let elapsed = ShortDuration(start.elapsed());
        print_line(&format_args!("{target} ended after {elapsed}"));
        0
    } else {
        let timeout = ExactDuration(timeout);
        print_line(&format_args!("{target} has not ended within {timeout}"));
        exit_code::REFUSED
    }
}

/// The process that has received the signal.
struct Target {
    handle: ProcessHandle,
    pid: Pid,
    /// Its state before the signal, if /proc shows it.
    before: Option<Process>,
}

fn send(options: &Signal) -> Result<Target, Refusal> {
    let FoundServer { verdict, file, .. } =
        find_server(&options.pid_file, options.foreign, Purpose::Signal)
            .map_err(Refusal::Verdict)?;
    if !may_be_signalled(&verdict) {
        return Err(Refusal::Verdict(verdict));
    }
    // The handle refers to the process that has the PID now, whatever becomes of the PID. That process is the
    // server if the file still names it.
    let pid = file.pid;
    let handle = ProcessHandle::open(pid).map_err(Refusal::Kernel)?;
    let before = process::read(pid);
    if let Err(fault) = file.check_again() {
        return Err(Refusal::Verdict(Verdict::PidFile(file.shown, fault)));
    }
    handle.signal(options.number).map_err(Refusal::Kernel)?;
    Ok(Target {
        handle,
        pid,
        before,
    })
}

/// Whether a server with this verdict may get a signal.
fn may_be_signalled(verdict: &Verdict) -> bool {
    match verdict {
        Verdict::Healthy(_)
        | Verdict::HealthyStateUnknown(_)
        | Verdict::Stopping(_)
        // CONT and KILL must reach it.
        | Verdict::Stopped(_) => true,
        Verdict::Usage(_)
        | Verdict::NoWritableDirectory
        | Verdict::OtherUser(_)
        | Verdict::PidFile(..)
        | Verdict::NoServer
        | Verdict::Missing(_)
        | Verdict::LookupFailed(..)
        | Verdict::Zombie(_)
        | Verdict::Thread { .. }
        | Verdict::NotReady(_)
        | Verdict::Silent { .. }
        | Verdict::NoSocket
        | Verdict::SocketFailed(..)
        | Verdict::ReportedByHinit(..)
        | Verdict::Deadline(_) => false,
    }
}

impl Target {
    /// Whether the process has ended, where the handle cannot show that: its PID is unused, or a zombie's, or
    /// another process's by now.
    fn has_ended(&self) -> bool {
        match process::look_up(self.pid) {
            Lookup::Missing | Lookup::Thread(_) => true,
            Lookup::Found(now) => {
                let before = self.before.as_ref();
                now.has_ended() || before.is_some_and(|before| before.started != now.started)
            }
            Lookup::Hidden | Lookup::Failed(_) => false,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "process {}", self.pid)?;
        match &self.before {
            Some(Process { name, .. }) => write!(f, " ({name})"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Verdict(verdict) => verdict.write_reason(f),
            Self::Kernel(errno) => f.write_str(describe(*errno)),
        }
    }
}
