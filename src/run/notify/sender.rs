//! Who is believed at the notify socket. A PID alone proves nothing: its process may have exited since, and
//! another one have the number.

use nix::unistd::Pid;

use crate::file::{is_ambiguous, is_trusted};
use crate::process;
use crate::run::descendants::is_descendant;
use crate::sys::effective_user;

/// A sender that is believed, by the credentials that the kernel has added.
#[derive(Clone, Copy, Debug)]
pub(in crate::run) struct Sender {
    pub(in crate::run) user: u32,
    /// It was the server's user's, and is no more. It could do as much to the server by signals, but which
    /// process it was nobody knows.
    pub(in crate::run) has_exited: bool,
}

/// None, if it is not to be believed.
pub(super) fn judge(server: Pid, sender: Pid, user: u32) -> Option<Sender> {
    let is_descendant = sender == server || is_descendant(sender);
    let users = process::users(sender);
    let lives = users.map(|users| users.contains(&user));
    let has_exited = match (is_descendant, lives) {
        (true, Some(true)) => false,
        // /proc hides it; but the server's PID is no other's.
        (true, None) if sender == server => false,
        // It was root, or hinit's user, and has changed its user since.
        (true, Some(false)) if is_trusted(user) => false,
        // A stranger.
        (false, Some(true)) => return None,
        _ => true,
    };
    let is_believed = !has_exited || is_servers(server, user);
    is_believed.then_some(Sender { user, has_exited })
}

/// Whether a process of this user may signal the server (kill(2)).
fn is_servers(server: Pid, user: u32) -> bool {
    let [real, _, saved] = process::users(server).unwrap_or([effective_user(); 3]);
    (user == real || user == saved) && !is_ambiguous(user)
}
