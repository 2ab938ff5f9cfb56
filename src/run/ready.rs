//! Whether a server is ready that does not say so itself: hinit asks it by the health check's probes
//! (`--ready-when`), from the server's start on until all of them are well once.
//!
//! A child asks, one at a time, for a probe waits for its answer and hinit must not. It does so as the server's
//! user and in the server's directory, and holds nothing else of hinit's.

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

/// How long to wait before the server is asked again, in milliseconds: at first, and at most.
const FIRST_PAUSE: u64 = 50;
const LAST_PAUSE: u64 = 1000;
/// How long a child may outlive the timeouts of its probes, before it is taken to hang in the kernel.
const HANGS_AFTER: Duration = Duration::from_secs(1);
/// How much of a reason is kept: a line of a health check has no more.
const MAX_REASON: usize = 1024;

pub(super) struct ReadyWhen<'a> {
    check: &'a Healthcheck,
    /// As whom the server runs, if not as hinit.
    identity: Option<Identity>,
    /// Where hinit was started: relative paths count from there. None, if that place is gone.
    directory: Option<OwnedFd>,
    asking: Option<Asking>,
    /// When to ask next, or to kill the child that asks.
    next: Option<Instant>,
    /// In milliseconds.
    pause: u64,
    /// Why the server is not ready.
    reason: String,
    has_ended: bool,
}

/// The child that asks.
struct Asking {
    pid: Pid,
    /// Where it says why the server is not ready.
    answer: OwnedFd,
}

impl<'a> ReadyWhen<'a> {
    /// None, if there is nothing to ask.
    pub(super) fn new(check: Option<&'a Healthcheck>) -> Option<Self> {
        Some(Self {
            check: check?,
            identity: None,
            directory: open(c".", OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty()).ok(),
            asking: None,
            next: None,
            pause: FIRST_PAUSE,
            reason: String::new(),
            has_ended: false,
        })
    }

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

    /// The server has ended or is about to, so hinit asks no more.
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

    /// Whether this is the child that asks.
    pub(super) fn is_child(&self, pid: Pid) -> bool {
        self.asking.as_ref().is_some_and(|asking| asking.pid == pid)
    }

    /// Why the server is not ready, as far as is known.
    pub(super) fn reason(&self) -> &str {
        &self.reason
    }

    /// Does what is due by now: asks, or kills a child that hangs, whose end is awaited then.
    pub(super) fn handle_deadline(&mut self, now: Instant, log: Log) {
        if self.next.is_none_or(|next| next > now) {
            return;
        }
        self.next = None;
        if self.asking.is_some() {
            return self.kill();
        }
        match self.ask() {
            Ok(asking) => {
                self.asking = Some(asking);
                self.next = Some(now + self.check.timeout + HANGS_AFTER);
            }
            Err(errno) => {
                let why = sys::describe(errno);
                if self.is_new(why) {
                    log.warn(format_args!(
                        "cannot ask whether the server is ready: {why}; hinit tries again"
                    ));
                }
                self.rest(now);
            }
        }
    }

    /// The child that asked has ended. True, if the server is ready.
    #[inline(never)]
    pub(super) fn answered(&mut self, status: ExitStatus, now: Instant, log: Log) -> bool {
        let asking = self.asking.take();
        if self.has_ended || status.success() {
            return !self.has_ended;
        }
        let mut line = [0; MAX_REASON];
        // The child, which has exited, had the only other end, so this does not block.
        let length = asking.map_or(Ok(0), |asking| read(&asking.answer, &mut line));
        // Without the newline.
        let length = length.unwrap_or_default().saturating_sub(1);
        let reason = match str::from_utf8(line.get(..length).unwrap_or_default()) {
            Ok("") | Err(_) => "the probes have no result",
            Ok(reason) => reason,
        };
        if self.is_new(reason) {
            log.verbose(format_args!("the server is not ready yet: {reason}"));
        }
        self.rest(now);
        false
    }

    /// Keeps why the server is not ready. True, if that is news.
    fn is_new(&mut self, reason: &str) -> bool {
        let is_new = self.reason != reason;
        self.reason.clear();
        self.reason.push_str(reason);
        is_new
    }

    fn rest(&mut self, now: Instant) {
        self.wait_until(now + Duration::from_millis(self.pause));
        self.pause = longer(self.pause);
    }

    fn wait_until(&mut self, next: Instant) {
        if !self.has_ended {
            self.next = Some(next);
        }
    }

    fn kill(&self) {
        if let Some(asking) = &self.asking {
            // It is not reaped yet, so it is still there.
            let _may_have_ended = sys::kill(asking.pid, SIGKILL);
        }
    }

    fn ask(&self) -> nix::Result<Asking> {
        let (answer, writer) = pipe2(OFlag::O_CLOEXEC)?;
        let pid = sys::fork(&mut || self.is_ready(&writer))?;
        Ok(Asking { pid, answer })
    }

    /// The child's part. (All signals stay blocked: those for hinit's group are hinit's to handle.)
    fn is_ready(&self, answer: &OwnedFd) -> bool {
        if let Some(directory) = &self.directory {
            // Without it the probe fails on a relative path, and that is the reason that hinit logs.
            let _ignored = fchdir(directory);
        }
        // A lock or a socket of hinit's must not outlive it here.
        let _may_stay = KeptDescriptors::new(answer.as_fd()).close_others();
        if let Some(identity) = &self.identity
            && (identity.assume().is_err() || identity.enter_directory().is_err())
        {
            return false;
        }
        let failure = healthcheck::first_failed_probe(self.check);
        if let Some(failure) = &failure {
            // Without it there is no reason to tell.
            let _hinit_may_be_gone = write_all(answer.as_fd(), failure.bytes());
        }
        failure.is_none()
    }
}

fn longer(pause: u64) -> u64 {
    (pause * 2).min(LAST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pauses_grow_up_to_a_second() {
        let pauses = std::iter::successors(Some(FIRST_PAUSE), |pause| Some(longer(*pause)));
        let pauses: Vec<_> = pauses.take(7).collect();
        assert_eq!(pauses, [50, 100, 200, 400, 800, 1000, 1000]);
    }
}
