//! Whether the server is ready, where hinit has to ask or to warn.

use std::fmt;
use std::process::ExitStatus;
use std::time::Instant;

use nix::unistd::Pid;

use super::MainLoop;
use crate::run::notify;
use crate::run::ready::ReadyWhen;
use crate::run::sockets::Sockets;

impl MainLoop<'_> {
    /// Whether this is hinit's own child that asks the server.
    pub(super) fn is_ready_probe(&self, pid: Pid) -> bool {
        let ready_when = self.ready_when.as_ref();
        ready_when.is_some_and(|ready_when| ready_when.is_child(pid))
    }

    /// The child that asked the server has ended. If that is ready, nothing is left of the asking.
    pub(super) fn take_probe_result(&mut self, status: ExitStatus) {
        let (now, log) = (self.clock.now(), self.log());
        let is_ready = |ready_when: &mut _| ReadyWhen::take_result(ready_when, status, now, log);
        if self.ready_when.take_if(is_ready).is_none() {
            return;
        }
        log.verbose(format_args!(
            "the server has answered the probes of --ready-when"
        ));
        self.health.set_probes_passed();
        match self.sockets.as_mut().and_then(Sockets::notify) {
            Some(notify) => notify.allow_ready(self.health.has_become_ready()),
            None => notify::report_ready(log),
        }
        // What only the asking has needed.
        self.clock.release_code_now(now);
    }

    /// The server is about to end, or has ended.
    pub(super) fn stop_ready_probes(&mut self) {
        if let Some(ready_when) = &mut self.ready_when {
            ready_when.end();
        }
    }

    /// Warns once that the server is late to be ready.
    pub(super) fn warn_if_late(&mut self, now: Instant) {
        if !self.health.take_ready_warning(now) {
            return;
        }
        let reason = self.ready_when.as_ref().map(ReadyWhen::reason);
        self.log().warn(format_args!("{}", Late(reason)));
    }
}

/// That the server is late, and why: what the probes of `--ready-when` have found, if there are any.
struct Late<'a>(Option<&'a str>);

impl fmt::Display for Late<'_> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let why = self.0.unwrap_or(
            "it has not sent READY=1; if it does not support sd_notify(3), use --ready-when or --listen in place \
             of --notify",
        );
        write!(f, "the server is not ready 60 s after its start: {why}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_server_is_one_line_with_the_reason() {
        let line = |reason| Late(reason).to_string();
        assert_eq!(
            line(Some("tcp 127.0.0.1:80 cannot be reached")),
            "the server is not ready 60 s after its start: tcp 127.0.0.1:80 cannot be reached"
        );
        assert_eq!(
            line(None),
            "the server is not ready 60 s after its start: it has not sent READY=1; if it does not support \
             sd_notify(3), use --ready-when or --listen in place of --notify"
        );
    }
}
