//! The deadline of the probes, and of the query of hinit.

use std::time::{Duration, Instant};

/// How long before the deadline of the whole check that of the probes is, so that the verdict names the probe
/// that did not finish. (At most half of the time.)
const TIME_FOR_VERDICT: Duration = Duration::from_millis(20);

/// When the probes must be complete, and the timeout of the whole check.
#[derive(Clone, Copy)]
pub(super) struct Deadline {
    pub(super) at: Instant,
    pub(super) timeout: Duration,
}

impl Deadline {
    /// The deadline of probes that start now.
    pub(super) fn of_probes(timeout: Duration) -> Self {
        let at = Instant::now() + timeout.saturating_sub(TIME_FOR_VERDICT.min(timeout / 2));
        Self { at, timeout }
    }
}
