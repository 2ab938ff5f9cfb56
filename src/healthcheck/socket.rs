//! What hinit itself says of its server, on the socket beside the PID file.

use std::path::Path;
use std::time::Instant;

use nix::unistd::Pid;

use super::probe::{Finding, ask_at};
use super::verdict::Verdict;
use crate::pidfile::socket_path;
use crate::sys::effective_user;

/// What is to be asked.
#[derive(Clone, Copy, Debug)]
pub(super) enum Question {
    IsAlive,
    IsReady,
}

/// Asks the hinit that keeps this PID file, which names `pid`. None, if it finds nothing wrong.
/// (Apart from its caller, as `probe::ask`.)
#[inline(never)]
pub(super) fn ask(
    pid_file: &Path,
    pid: Pid,
    question: Question,
    deadline: Instant,
) -> Option<Verdict> {
    let target = match question {
        Question::IsAlive => "/livez",
        Question::IsReady => "/readyz",
    };
    let socket = socket_path(pid_file);
    let trusted = [0, effective_user()];
    match ask_at(&socket, &trusted, target, deadline) {
        Finding::Answered(200, _) => None,
        Finding::Answered(503, said) => {
            let reason = said.strip_prefix("unhealthy: ").unwrap_or(&said);
            Some(Verdict::Said(pid, reason.to_owned()))
        }
        finding => Some(Verdict::Unanswered(socket, finding)),
    }
}
