//! What differs from recipe to recipe.

use crate::work::Work;

pub(crate) struct Recipe {
    /// Whether it runs as strictly as Docker can: read-only, without capabilities.
    pub(crate) confined: bool,
    /// More options of `docker run`.
    pub(crate) options: &'static [&'static str],
    /// The user of the server's process.
    pub(crate) user: &'static str,
    /// What the verdict contains while the server is healthy.
    pub(crate) healthy: &'static str,
    /// Which processes the test stops by SIGSTOP, and what the verdict contains then.
    pub(crate) stopped: Stopped,
    pub(crate) unhealthy: &'static str,
    /// Whether the health check connects to a port.
    pub(crate) has_port: bool,
    pub(crate) reload: Reload,
    /// What is under way when the container is stopped.
    pub(crate) work: Work,
}

pub(crate) enum Stopped {
    Server,
    /// The server's children.
    Workers,
    /// All processes with this name.
    Named(&'static str),
}

/// What makes the server reload its configuration, if anything does, and what shows that it did.
pub(crate) enum Reload {
    None,
    /// At this signal it replaces workers.
    Workers(&'static str),
    /// At this signal it logs this text.
    Log(&'static str, &'static str),
    /// When this command runs in the container it logs this text.
    Command(&'static str, &'static str),
}

/// A web server with workers, which reloads at HUP.
pub(crate) const WORKERS: Recipe = Recipe {
    confined: true,
    options: &[],
    user: "10001",
    healthy: " answered 200 OK after ",
    stopped: Stopped::Workers,
    unhealthy: " gave no complete answer within ",
    has_port: true,
    reload: Reload::Workers("HUP"),
    work: Work::Request,
};

/// A server that is one process and cannot reload.
pub(crate) const ONE_PROCESS: Recipe = Recipe {
    stopped: Stopped::Server,
    unhealthy: " is suspended",
    reload: Reload::None,
    ..WORKERS
};
