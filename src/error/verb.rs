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
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::ClaimPidFileIn => "claim a PID file in",
            Self::ClaimPidFile => "claim the PID file",
            Self::WritePidFile => "write the PID file",
            Self::MarkPidFile => "show the stop in the PID file",
            Self::EmptyPidFile => "empty the PID file",
            Self::RemovePidFile => "remove the PID file",
            Self::EnterDirectory => "enter the directory",
            Self::WatchParent => "watch the parent process",
            Self::Open => "open",
            Self::OpenSocket => "open the socket",
            Self::Allocate => "allocate",
            Self::ListenAt => "listen at",
            Self::LookUpUserIn => "look up the user in",
            Self::RunAs => "run as",
            Self::RunWithGroup => "run with the group",
            Self::Start => "start",
            Self::Run => "run",
            Self::Install => "install",
            Self::ReadSelf => "read",
        }
    }

    /// What to do, if that does not depend on the reason.
    pub(super) fn remedy(self) -> &'static str {
        match self {
            Self::ClaimPidFileIn => {
                "mount one (--tmpfs /tmp, or an emptyDir), name a file with HINIT_PID_FILE, \
                 or keep none with --no-pid-file"
            }
            Self::ClaimPidFile => {
                "name another with --pid-file or HINIT_PID_FILE, or keep none with --no-pid-file"
            }
            Self::ReadSelf => "mount /proc",
            Self::WritePidFile
            | Self::MarkPidFile
            | Self::EmptyPidFile
            | Self::RemovePidFile
            | Self::EnterDirectory
            | Self::WatchParent
            | Self::Open
            | Self::OpenSocket
            | Self::Allocate
            | Self::ListenAt
            | Self::LookUpUserIn
            | Self::RunAs
            | Self::RunWithGroup
            | Self::Start
            | Self::Run
            | Self::Install => "",
        }
    }
}
