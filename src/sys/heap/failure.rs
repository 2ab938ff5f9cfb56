//! What hinit does when the kernel is out of memory: one mechanism for all commands.
//!
//! Before a server runs, hinit ends with one line. From then on it must not end: so what takes memory in proportion to
//! something outside of hinit uses [`try_reserve`], and does without if there is none. Everything else needs little,
//! and for that there is a reserve. If the reserve is used up too, hinit waits until there is memory.

use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::Relaxed};
use std::time::Duration;

use nix::errno::Errno;

use super::HEAP;
use crate::sys::exit::exit_with_line;
use crate::sys::{STDERR, STDOUT};
use crate::time::pause;

/// What happens when an allocation fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnAllocFailure {
    /// hinit ends, with a line in the log.
    Refuse,
    /// The health check ends, with a verdict: a line, JSON, or its exit code alone.
    Verdict,
    Json,
    Silence,
    /// hinit waits for memory, because a server runs.
    Wait,
}

/// The current choice. It is part of the heap, and so on a page that is in use anyway.
pub(super) struct FailurePolicy {
    /// An [`OnAllocFailure`], as a number.
    kind: AtomicU8,
    exit_code: AtomicU8,
    /// Whether the caller of the current allocation can continue without.
    may_fail: AtomicBool,
}

/// How long hinit waits before it tries the allocation again.
const PAUSE: Duration = Duration::from_millis(10);

/// Sets what happens from now on when an allocation fails, and the exit code if that ends hinit.
pub(crate) fn on_alloc_failure(kind: OnAllocFailure, exit_code: u8) {
    HEAP.policy.kind.store(kind as u8, Relaxed);
    HEAP.policy.exit_code.store(exit_code, Relaxed);
}

/// Makes room for `more` elements; ENOMEM, if there is no memory for them.
pub(crate) fn try_reserve<T>(list: &mut Vec<T>, more: usize) -> nix::Result<()> {
    HEAP.policy.may_fail.store(true, Relaxed);
    let reserved = list.try_reserve(more);
    HEAP.policy.may_fail.store(false, Relaxed);
    reserved.map_err(|_| Errno::ENOMEM)
}

impl FailurePolicy {
    pub(super) const fn new() -> Self {
        Self {
            kind: AtomicU8::new(0),
            exit_code: AtomicU8::new(0),
            may_fail: AtomicBool::new(false),
        }
    }

    pub(super) fn may_fail(&self) -> bool {
        self.may_fail.load(Relaxed)
    }

    /// Ends hinit, or waits for a short time.
    #[cold]
    pub(super) fn apply(&self) {
        const KINDS: [OnAllocFailure; 4] = [
            OnAllocFailure::Refuse,
            OnAllocFailure::Verdict,
            OnAllocFailure::Json,
            OnAllocFailure::Silence,
        ];
        let number = self.kind.load(Relaxed);
        let (to, line): (BorrowedFd, &[u8]) = match KINDS.into_iter().find(|it| *it as u8 == number) {
            Some(OnAllocFailure::Refuse) => (STDERR, b"hinit: out of memory\n"),
            Some(OnAllocFailure::Verdict) => (STDOUT, b"unhealthy: out of memory\n"),
            Some(OnAllocFailure::Json) => (
                STDOUT,
                b"{\"verdict\":\"unhealthy\",\"reason\":\"out of memory\",\"pid\":null,\"probes\":[]}\n",
            ),
            Some(OnAllocFailure::Silence) => (STDOUT, b""),
            Some(OnAllocFailure::Wait) | None => return pause(PAUSE),
        };
        exit_with_line(to, line, self.exit_code.load(Relaxed))
    }
}
