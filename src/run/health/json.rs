//! The server's health as JSON, as `/status` answers it.

use std::fmt::{self, Write};
use std::time::Instant;

use super::{Health, MAX_STATUS};
use crate::json;
use crate::time::millis;

/// More than the longest verdict of a [`Phase`](super::Phase) has.
const MAX_VERDICT: usize = 256;

impl Health {
    /// One object on one line.
    pub(in crate::run) fn write_json(&self, out: &mut dyn Write, now: Instant) -> fmt::Result {
        let phase = self.phase(now);
        let readiness = phase.readiness();
        let since = |start: Instant| now.saturating_duration_since(start);
        json::write_object(out, |json| {
            json.key("phase").string(&phase.name(), MAX_VERDICT);
            json.key("verdict").string(&readiness, MAX_VERDICT);
            json.key("live").boolean(phase.liveness().is_healthy());
            json.key("ready").boolean(readiness.is_healthy());
            let pid = self.server.map(|pid| pid.as_raw().unsigned_abs().into());
            json.key("pid").number(pid);
            json.key("seconds")
                .number(Some(since(self.started).as_secs()));
            json.key("status").string(&self.status, MAX_STATUS);
            json.key("watchdog_milliseconds")
                .number(self.watchdog.map(millis));
            let silence = self.last_ping.map(|last_ping| millis(since(last_ping)));
            json.key("silent_milliseconds").number(silence);
            json.key("errno")
                .number(self.errno.map(|errno| errno.unsigned_abs().into()));
        })?;
        out.write_str("\n")
    }
}
