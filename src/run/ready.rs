//! `--ready-when`: hinit runs the probes of a health check from the server's start on, until all of them succeed once.
//!
//! A child runs them, because a probe waits for its answer and hinit must not. The child has the server's user and
//! directory, and no descriptor of hinit's. There is never more than one.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use nix::fcntl::{OFlag, open};
use nix::libc::SIGKILL;
use nix::sys::stat::Mode;
use nix::unistd::{Pid, fchdir, pipe2, read};

use super::launch::Identity;
use crate::cli::Healthcheck;
use crate::healthcheck;
use crate::output::{Log, write_all};
use crate::sys::{self, KeptDescriptors};

/// The first and the longest time between two attempts, in milliseconds.
const MIN_PAUSE: u64 = 50;
const MAX_PAUSE: u64 = 1000;
/// How long a child may outlive the timeout of its probes before hinit kills it: it hangs in the kernel then.
const KILL_AFTER: Duration = Duration::from_secs(1);
/// How many bytes of a reason are kept: a line of a health check is not longer.
const MAX_REASON: usize = 1024;

pub(super) struct ReadyWhen<'a> {
    check: &'a Healthcheck,
    /// The server's user, if that is not hinit's.
    identity: Option<Identity>,
    /// The directory in which hinit was started, from which relative paths count. None, if it was removed.
    directory: Option<OwnedFd>,
    child: Option<ProbeChild>,
    /// When to run the probes next, or to kill the child that runs them.
    next: Option<Instant>,
    /// In milliseconds.
    pause: u64,
    /// Why the server is not ready.
    reason: String,
    has_ended: bool,
}

/// The child that runs the probes.
struct ProbeChild {
    pid: Pid,
    /// The pipe to which it writes why the server is not ready.
    output: OwnedFd,
}

impl<'a> ReadyWhen<'a> {
    /// None without `--ready-when`.
    pub(super) fn new(check: Option<&'a Healthcheck>) -> Option<Self> {
        Some(Self {
            check: check?,
            identity: None,
            directory: open(c".", OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty()).ok(),
            child: None,
            next: None,
            pause: MIN_PAUSE,
            reason: String::new(),
            has_ended: false,
        })
    }

    /// Passes each descriptor that must stay open.
    pub(super) fn keep(&self, keep: &mut dyn FnMut(BorrowedFd)) {
        if let Some(directory) = &self.directory {
            keep(directory.as_fd());
        }
    }

    /// The server runs, as this user.
    pub(super) fn start(&mut self, identity: Option<Identity>, now: Instant) {
        self.identity = identity;
        self.wait_until(now);
    }

    /// The server has ended or is stopping, so hinit runs no more probes.
    pub(super) fn end(&mut self) {
        self.has_ended = true;
        self.next = None;
        self.kill();
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.next
    }

    pub(super) fn postpone(&mut self, by: Duration) {
        if let Some(next) = &mut self.next {
            *next += by;
        }
    }

    /// Whether this is the child that runs the probes.
    pub(super) fn is_child(&self, pid: Pid) -> bool {
        self.child.as_ref().is_some_and(|child| child.pid == pid)
    }

    /// Why the server is not ready. Empty before the first attempt has ended.
    pub(super) fn reason(&self) -> &str {
        &self.reason
    }

    /// Does what is due by now: runs the probes, or kills a child that hangs, whose exit hinit awaits then.
    pub(super) fn handle_deadline(&mut self, now: Instant, log: Log) {
        if self.next.is_none_or(|next| next > now) {
            return;
        }
        self.next = None;
        if self.child.is_some() {
            return self.kill();
        }
        match self.spawn() {
            Ok(child) => {
                self.child = Some(child);
                self.next = Some(now + self.check.timeout + KILL_AFTER);
            }
            Err(errno) => {
                let why = sys::describe(errno);
                if self.set_reason(why) {
                    log.warn(format_args!(
                        "cannot probe whether the server is ready: {why}; hinit tries again"
                    ));
                }
                self.retry_later(now);
            }
        }
    }

    /// The child has exited. True, if the server is ready.
    #[inline(never)]
    pub(super) fn take_result(&mut self, status: ExitStatus, now: Instant, log: Log) -> bool {
        let child = self.child.take();
        if self.has_ended || status.success() {
            return !self.has_ended;
        }
        let mut line = [0; MAX_REASON];
        // The child had the only write end and has exited, so this does not block.
        let length = child.map_or(Ok(0), |child| read(&child.output, &mut line));
        // Without the newline.
        let length = length.unwrap_or_default().saturating_sub(1);
        let reason = match str::from_utf8(line.get(..length).unwrap_or_default()) {
            Ok("") | Err(_) => "the probes have no result",
            Ok(reason) => reason,
        };
        if self.set_reason(reason) {
            log.verbose(format_args!("the server is not ready yet: {reason}"));
        }
        self.retry_later(now);
        false
    }

    /// Keeps why the server is not ready. True, if it is another reason than before.
    fn set_reason(&mut self, reason: &str) -> bool {
        let is_new = self.reason != reason;
        self.reason.clear();
        self.reason.push_str(reason);
        is_new
    }

    fn retry_later(&mut self, now: Instant) {
        self.wait_until(now + Duration::from_millis(self.pause));
        self.pause = next_pause(self.pause);
    }

    fn wait_until(&mut self, next: Instant) {
        if !self.has_ended {
            self.next = Some(next);
        }
    }

    fn kill(&self) {
        if let Some(child) = &self.child {
            // Its PID is its own until hinit reaps it, and a signal to a zombie has no effect.
            let _ignored = sys::kill(child.pid, SIGKILL);
        }
    }

    fn spawn(&self) -> nix::Result<ProbeChild> {
        let (output, writer) = pipe2(OFlag::O_CLOEXEC)?;
        let pid = sys::fork(&mut || self.run_probes(&writer))?;
        Ok(ProbeChild { pid, output })
    }

    /// Runs in the child; true, if the server is ready. All signals stay blocked, because hinit handles those that are
    /// sent to its process group.
    fn run_probes(&self, output: &OwnedFd) -> bool {
        if let Some(directory) = &self.directory {
            // If it fails, so does a probe with a relative path, and hinit logs that reason.
            let _ignored = fchdir(directory);
        }
        // The child must not keep a lock or a socket of hinit's open after hinit's end. If it fails, it keeps them for
        // the time of the probes.
        let _ignored = KeptDescriptors::new(output.as_fd()).close_others();
        if let Some(identity) = &self.identity
            && (identity.assume().is_err() || identity.enter_directory().is_err())
        {
            return false;
        }
        let failure = healthcheck::first_failed_probe(self.check);
        if let Some(failure) = &failure {
            // It fails only after hinit's end, and then nothing reads the reason.
            let _ignored = write_all(output.as_fd(), failure.bytes());
        }
        failure.is_none()
    }
}

fn next_pause(pause: u64) -> u64 {
    (pause * 2).min(MAX_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pauses_double_up_to_a_second() {
        let pauses = std::iter::successors(Some(MIN_PAUSE), |pause| Some(next_pause(*pause)));
        let pauses: Vec<_> = pauses.take(7).collect();
        assert_eq!(pauses, [50, 100, 200, 400, 800, 1000, 1000]);
    }
}
