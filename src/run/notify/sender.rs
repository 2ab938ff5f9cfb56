//! Which senders the notify socket accepts. A PID alone proves nothing: its process may have exited since, and
//! another one may have the number.

use nix::unistd::Pid;

use crate::file::{is_ambiguous, is_trusted};
use crate::process;
use crate::run::descendants::is_descendant;
use crate::sys::effective_user;

/// An accepted sender, by the credentials that the kernel has added to its message.
#[derive(Clone, Copy, Debug)]
pub(in crate::run) struct Sender {
    pub(in crate::run) user: u32,
    /// It ran as the server's user and has exited. That user could do as much to the server by signals, but
    /// which of its processes this was cannot be known.
    pub(in crate::run) has_exited: bool,
}

impl Sender {
    /// None: its message is to be ignored.
    pub(super) fn accept(server: Pid, sender: Pid, user: u32) -> Option<Self> {
        let is_descendant = sender == server || is_descendant(sender);
        let users = process::users(sender);
        let has_that_user = users.map(|users| users.contains(&user));
        let has_exited = match (is_descendant, has_that_user) {
            (true, Some(true)) => false,
            // /proc hides the server; but its PID cannot be another process's.
            (true, None) if sender == server => false,
            // It ran as root or as hinit's user, and has changed its user since.
            (true, Some(false)) if is_trusted(user) => false,
            // It runs outside the server's tree.
            (false, Some(true)) => return None,
            // Another process has the PID by now, or none has.
            (true | false, Some(false) | None) => true,
        };
        let is_accepted = !has_exited || may_signal(user, server);
        is_accepted.then_some(Self { user, has_exited })
    }
}

/// Whether a process of this user may signal the server (kill(2)).
fn may_signal(user: u32, server: Pid) -> bool {
    let [real, _, saved] = process::users(server).unwrap_or([effective_user(); 3]);
    (user == real || user == saved) && !is_ambiguous(user)
}
