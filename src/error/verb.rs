//! What hinit could not do.

/// What hinit does to a thing, in the words of its errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    ClaimPidFileIn,
    ClaimPidFile,
    WritePidFile,
    MarkPidFile,
    EmptyPidFile,
    RemovePidFile,
    EnterDirectory,
    WatchParent,
    Open,
    OpenSocket,
    Allocate,
    ListenAt,
    LookUpUserIn,
    RunAs,
    RunWithGroup,
    Start,
    Run,
    Install,
    ReadSelf,
}

impl Verb {
    /// Its words, and what to do, if that does not depend on the reason.
    pub(super) fn text_and_remedy(self) -> (&'static str, &'static str) {
        match self {
            Self::ClaimPidFileIn => (
                "claim a PID file in",
                "mount one (--tmpfs /tmp, or an emptyDir), name a file with HINIT_PID_FILE, \
                 or keep none with --no-pid-file",
            ),
            Self::ClaimPidFile => (
                "claim the PID file",
                "name another with --pid-file or HINIT_PID_FILE, or keep none with --no-pid-file",
            ),
            Self::WritePidFile => ("write the PID file", ""),
            Self::MarkPidFile => ("mark the PID file", ""),
            Self::EmptyPidFile => ("empty the PID file", ""),
            Self::RemovePidFile => ("remove the PID file", ""),
            Self::EnterDirectory => ("enter the directory", ""),
            Self::WatchParent => ("watch the parent process", ""),
            Self::Open => ("open", ""),
            Self::OpenSocket => ("open the socket", ""),
            Self::Allocate => ("allocate", ""),
            Self::ListenAt => ("listen at", ""),
            Self::LookUpUserIn => ("look up the user in", ""),
            Self::RunAs => ("run as", ""),
            Self::RunWithGroup => ("run with the group", ""),
            Self::Start => ("start", ""),
            Self::Run => ("run", ""),
            Self::Install => ("install", ""),
            Self::ReadSelf => ("read", "mount /proc"),
        }
    }
}
