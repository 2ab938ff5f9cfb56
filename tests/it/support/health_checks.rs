//! Health checks that run in other threads while a test starts and stops hinit.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use super::verdict;

/// The numbers of the last start that began and of the last that is over.
#[derive(Default)]
pub struct Starts {
    pub begun: AtomicUsize,
    pub over: AtomicUsize,
    /// How many health checks have ended.
    pub checks: AtomicUsize,
    pub done: AtomicBool,
}

/// A health check that ran meanwhile: its verdict, the last start that was over before it, and the
/// last that had begun after it.
pub struct Checked {
    pub verdict: String,
    over_before: usize,
    begun_after: usize,
}

impl Starts {
    /// Runs health checks until `done` is set.
    pub fn check_until_done(&self, path: &Path) -> Vec<Checked> {
        let mut checked = Vec::new();
        while !self.done.load(SeqCst) {
            let over_before = self.over.load(SeqCst);
            let verdict = verdict(path);
            checked.push(Checked {
                verdict,
                over_before,
                begun_after: self.begun.load(SeqCst),
            });
            self.checks.fetch_add(1, SeqCst);
        }
        checked
    }
}

impl Checked {
    /// Whether the server was healthy; it must then have been alive meanwhile. `starts_of` has the
    /// numbers of the starts by the PIDs of their servers.
    #[track_caller]
    pub fn is_healthy(&self, starts_of: &HashMap<i32, Vec<usize>>) -> bool {
        let Some(process) = self.verdict.strip_prefix("healthy: process ") else {
            assert!(self.verdict.starts_with("unhealthy: "), "{}", self.verdict);
            return false;
        };
        let pid = process.strip_suffix(" is alive").unwrap().parse().unwrap();
        let alive = self.over_before + 1..=self.begun_after;
        let starts = starts_of.get(&pid);
        let was_alive =
            starts.is_some_and(|starts| starts.iter().any(|start| alive.contains(start)));
        assert!(was_alive, "a dead server is healthy: {}", self.verdict);
        true
    }
}

/// Ends the loops of other threads even if the test fails: it would wait for them for ever.
pub struct SetOnDrop<'a>(pub &'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}
