//! The life of one server: claim, spawn, record, let go, watch, clear, remove, leave.

use nix::libc::{SIGINT, SIGTERM};
use nix::sys::prctl::set_child_subreaper;
use nix::unistd::{Pid, getpid};

use crate::cli::Run;
use crate::error::{FailureCodes, exit_code};
use crate::output::{Log, Verbosity};
use crate::sys::{self, OnAllocFailure, SignalSet};

mod descendants;
mod disposition;
mod ending;
mod follow;
mod handover;
mod health;
mod launch;
mod leftovers;
mod main_loop;
mod memory;
mod notify;
mod pause;
mod ready;
mod responder;
mod server;
mod shutdown;
mod signals;
mod socket_file;
mod sockets;
mod terminal;

/// The parsers of what other processes write.
#[cfg(any(fuzzing, test))]
pub(crate) mod fuzz {
    pub(crate) use super::launch::fuzz::{accounts, program};
    pub(crate) use super::notify::fuzz as datagram;
    pub(crate) use super::responder::fuzz as request;
}

#[cfg(test)]
pub(crate) use health::tests::phases;
use main_loop::MainLoop;
use signals::{Event, SignalQueue};

/// Runs the server, from the claim of its PID file to its end. Returns the exit code. (Apart from its
/// caller, so that docker/link.ld can put it where the rest of this module is.)
#[inline(never)]
pub(crate) fn run(options: &Run, signal_mask: SignalSet) -> u8 {
    let log = Log(options.verbosity);
    let FailureCodes([failed, ..]) = options.profile.exit_codes;
    sys::on_alloc_failure(OnAllocFailure::Refuse, failed);
    match launch::start_server(options, signal_mask, log) {
        Ok(launch) => {
            sys::on_alloc_failure(OnAllocFailure::Wait, failed);
            MainLoop::run(options, launch)
        }
        Err(error) => {
            log.error(format_args!("{error}"));
            options.profile.exit_codes.of(&error)
        }
    }
}

/// For wait4(2).
const ANY_CHILD: Pid = Pid::from_raw(-1);

/// Runs no server: reaps the orphans that are reparented to hinit, and exits at SIGTERM or SIGINT.
pub(crate) fn pause() -> u8 {
    let log = Log(Verbosity::Normal);
    let mut queue = match SignalQueue::new(SignalSet::ALL) {
        Ok(queue) => queue,
        Err(error) => {
            log.error(format_args!("{error}"));
            return exit_code::HINIT_FAILED;
        }
    };
    adopt_orphans(log);
    loop {
        // The first turn reaps children that ended before hinit could receive a SIGCHLD.
        while sys::reap_ended(ANY_CHILD).is_ok() {}
        if let Event::Signal(signal) = queue.wait(None, None, None)
            && [SIGTERM, SIGINT].contains(&signal.number())
        {
            return 0;
        }
    }
}

/// Makes orphans come to hinit. To PID 1 they come anyway.
fn adopt_orphans(log: Log) {
    if getpid() != Pid::from_raw(1)
        && let Err(errno) = set_child_subreaper(true)
    {
        log.verbose(format_args!(
            "cannot become a subreaper: {}",
            sys::describe(errno)
        ));
    }
}
