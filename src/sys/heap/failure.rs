//! What becomes of hinit when the kernel has no more memory for it: one mechanism for all commands.
//!
//! Before a server runs hinit ends, with one line. From then on it must not: so whatever needs memory by the
//! measure of others asks with [`try_reserve`], and goes without where there is none. All else needs little,
//! for which there is a reserve. Should even that be used up, hinit waits until there is memory.

use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::Relaxed};
use std::time::Duration;

use nix::errno::Errno;

use super::HEAP;
use crate::sys::exit::exit_with_line;
use crate::sys::{STDERR, STDOUT};
use crate::time::pause;

/// What an allocation comes to that has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnAllocFailure {
    /// The end, with a line in the log.
    Refuse,
    /// The end, with the verdict of a health check: a line, JSON, or its exit code alone.
    Verdict,
    Json,
    Silence,
    /// Patience: a server runs.
    Wait,
}

/// Which of them holds now. It is part of the heap, and so on a page that is in use anyway.
pub(super) struct Plan {
    /// Its number.
    kind: AtomicU8,
    exit_code: AtomicU8,
    /// Whether the allocation under way may fail.
    is_refusable: AtomicBool,
}

/// The exit codes of a `run` or `install` that has failed itself, and of the others.
const FAILED: u8 = 125;
const REFUSED: u8 = 1;

/// How long to wait for memory.
const PAUSE: Duration = Duration::from_millis(10);

/// From now on an allocation that fails comes to this, and its exit code is that.
pub(crate) fn on_alloc_failure(kind: OnAllocFailure, exit_code: u8) {
    HEAP.plan.kind.store(kind as u8, Relaxed);
    HEAP.plan.exit_code.store(exit_code, Relaxed);
}

/// The same, by the word that names one of hinit's commands, if there is one: before anything is allocated.
pub(crate) fn on_alloc_failure_of_command(word: Option<&[u8]>) {
    match word {
        Some(b"healthcheck") => on_alloc_failure(OnAllocFailure::Verdict, REFUSED),
        Some(b"signal" | b"status") => on_alloc_failure(OnAllocFailure::Refuse, REFUSED),
        _ => on_alloc_failure(OnAllocFailure::Refuse, FAILED),
    }
}

/// Makes room for so many more, or says that there is no memory for them.
pub(crate) fn try_reserve<T>(list: &mut Vec<T>, more: usize) -> nix::Result<()> {
    HEAP.plan.is_refusable.store(true, Relaxed);
    let reserved = list.try_reserve(more);
    HEAP.plan.is_refusable.store(false, Relaxed);
    reserved.map_err(|_| Errno::ENOMEM)
}

impl Plan {
    pub(super) const fn new() -> Self {
        Self {
            kind: AtomicU8::new(0),
            exit_code: AtomicU8::new(0),
            is_refusable: AtomicBool::new(false),
        }
    }

    pub(super) fn is_refusable(&self) -> bool {
        self.is_refusable.load(Relaxed)
    }

    /// Ends hinit, or waits for a moment.
    #[cold]
    pub(super) fn follow(&self) {
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
