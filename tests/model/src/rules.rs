//! What a model contains, what must hold in it, and the mistakes that it can make on purpose.

/// The actors and the circumstances of one model.
#[derive(Clone, Debug)]
pub struct Setup {
    pub name: &'static str,
    /// How many hinits start on the path, again and again.
    pub hinits: u8,
    pub check: bool,
    pub signal: bool,
    /// How many PIDs the kernel has for all other processes.
    pub pids: u8,
    /// Another user, who may read the file, or write the directory as well.
    pub stranger: Stranger,
    /// The server sends `MAINPID`, and has a child.
    pub handover: bool,
    /// `--stop-delay`.
    pub delay: bool,
    /// The kernel has the locks of `F_OFD_SETLK`. If not (gVisor), flock(2) is the proof, and converts in one step.
    pub ofd_locks: bool,
    /// The file system keeps the permissions that fchmod(2) sets.
    pub keeps_modes: bool,
    /// The file is a mount point, which cannot be unlinked.
    pub mount_point: bool,
    /// ftruncate(2) may fail, when a running hinit empties the file.
    pub empties_fail: bool,
    /// The rules without the exceptions that README.md names: a healthy verdict is about the process that the check has
    /// looked at, and not about its PID; a name that changes between two calls is no excuse.
    pub is_strict: bool,
    /// States that differ only in names are explored once.
    pub ignores_names: bool,
    pub mutations: &'static [Mutation],
    /// The rule whose breach is searched for, past those of others.
    pub only: Option<Rule>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stranger {
    Absent,
    Reads,
    WritesDirectory,
}

impl Setup {
    pub const PLAIN: Self = Self {
        name: "",
        hinits: 1,
        check: false,
        signal: false,
        pids: 2,
        stranger: Stranger::Absent,
        handover: false,
        delay: false,
        ofd_locks: true,
        keeps_modes: true,
        mount_point: false,
        empties_fail: false,
        is_strict: false,
        ignores_names: true,
        mutations: &[],
        only: None,
    };

    pub fn has(&self, mutation: Mutation) -> bool {
        self.mutations.contains(&mutation)
    }
}

/// What must hold in every state. The first eight are those of the guides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    NothingLaunchedUnclaimed,
    OneOwner,
    NoStalePid,
    PidNotReused,
    LocksHeld,
    ChecksDisturbNoStart,
    NextStartWorks,
    OnlyItsOwnFile,
    NoFalseHealthy,
    NoWrongSignal,
    StopIsSeen,
}

impl Rule {
    pub const ALL: [(Self, &'static str); 11] = [
        (
            Self::NothingLaunchedUnclaimed,
            "1: hinit launches nothing before it has claimed the file",
        ),
        (Self::OneOwner, "2: two hinits never own one path"),
        (Self::NoStalePid, "3: a locked file never has an old PID"),
        (
            Self::PidNotReused,
            "4: a PID cannot be reused while the file names it",
        ),
        (
            Self::LocksHeld,
            "5: hinit holds its locks as long as it lives",
        ),
        (
            Self::ChecksDisturbNoStart,
            "6: health checks cannot make a start fail",
        ),
        (
            Self::NextStartWorks,
            "7: after a crash the next start works by itself",
        ),
        (
            Self::OnlyItsOwnFile,
            "8: hinit never changes or unlinks what is not its own",
        ),
        (
            Self::NoFalseHealthy,
            "no healthy verdict on a process that was the server at no instant of the check",
        ),
        (Self::NoWrongSignal, "no signal to any other process"),
        (
            Self::StopIsSeen,
            "no healthy verdict of a check that begins after the mark of a stop",
        ),
    ];

    pub fn claim(self) -> &'static str {
        let (_, claim) = Self::ALL.iter().find(|(rule, _)| *rule == self).unwrap();
        claim
    }
}

/// A mistake that the protocol avoids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// The PID is written into another file, which is renamed.
    Rename,
    /// The exclusive locks are taken before the file is emptied.
    LockBeforeEmptying,
    /// Readers look at the bytes before the lock.
    BytesBeforeLock,
    ReapBeforeEmptying,
    /// Readers believe an flock(2).
    FlockIsProof,
    /// `MAINPID` is believed of any process that exists.
    MainPidOfAnyProcess,
    /// Readers look for the mark of a stop in the mode.
    MarkInMode,
    /// The size decides whether to empty the file, and was read before the lock.
    SizeBeforeLock,
    /// The writer lock is taken before hinit has seen that the file is still empty.
    WriterLockBeforeLook,
    /// hinit uses the file after it has released its locks.
    UseAfterRelease,
    /// The check looks at the lock only once.
    NoSecondLook,
}
