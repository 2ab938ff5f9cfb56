//! `hinit run`: the system calls by which it claims, records, marks, hands over, empties, reaps and removes, in the
//! order of src/pidfile and src/run.

use crate::claim::claim_steps;
use crate::kernel::{File, Inode, Owner, Pid};
use crate::reader::Reader;
use crate::rules::{Rule, Setup};
use crate::run::run_steps;
use crate::world::{Actor, Outcome, State, Step, Steps};

/// The call that hinit makes next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum At {
    #[default]
    NotRunning,
    Create,
    LookBeforeOpen,
    Open,
    Stat,
    LockShared,
    ReadOldBytes,
    ReadOthersBytes,
    LookBeforeEmptying,
    EmptyOld,
    DropShared,
    LockExclusive,
    LockWriter,
    SetMode,
    LookAfterLocks,
    Reserve,
    Clone,
    AwaitExec,
    Record,
    MainLoop,
    MarkMode,
    MarkLock,
    LookAfterMark,
    HandOver,
    RecordNext,
    TakeSuccessor,
    CompareSuccessor,
    Empty,
    ReleaseWriter,
    ReleaseFlock,
    Reap,
    ReapOrphan,
    LookBeforeUnlink,
    Unlink,
    Exit,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hinit {
    pub at: At,
    /// It has locked the file, empty and under its name, and has neither released nor unlinked it.
    pub has_claimed: bool,
    /// What fstat(2) and flock(2) have returned.
    pub is_empty: bool,
    pub is_shared: bool,
    pub server: Option<Pid>,
    pub previous: Option<Pid>,
    /// The process that a message has named, and whether it still is the same one.
    pub successor: Option<(Pid, bool)>,
    /// The child that it has found ended.
    pub ended: Option<Pid>,
    pub has_marked: bool,
    /// The name leads to another file, or the locks were released.
    pub is_abandoned: bool,
    pub is_released: bool,
    /// What it does after the handover or after it has emptied the file.
    pub is_ending: bool,
    /// An onlooker's note: since its start nobody else could have disturbed it but health checks.
    pub is_alone: bool,
    /// An onlooker's note: nobody has changed the name since hinit looked at it.
    pub has_looked: bool,
}

impl Hinit {
    pub fn owns(&self) -> bool {
        self.has_claimed
    }

    /// The process that a message has named, if hinit waits until it has become its child.
    pub fn awaited(&self) -> Option<Pid> {
        let (pid, is_same) = self.successor?;
        is_same.then_some(pid)
    }

    /// The process that had this PID was reaped.
    pub fn forget(&mut self, pid: Pid) {
        if let Some((named, is_same)) = &mut self.successor
            && *named == pid
        {
            *is_same = false;
        }
    }
}

impl State {
    pub fn at(&mut self, hinit: u8, at: At) {
        self.hinits[hinit].at = at;
    }

    /// hinit closes the file and tries again, or refuses to start: rules 6 and 7.
    pub fn attempt_fails(&mut self, hinit: u8, setup: &Setup, is_final: bool) {
        // Without locks of their own, checks take the flock for a moment, and hinit tries again.
        if self.hinits[hinit].is_alone && (is_final || setup.ofd_locks) {
            let checks = self.readers.iter().any(Reader::is_looking);
            self.breaks(if checks {
                Rule::ChecksDisturbNoStart
            } else {
                Rule::NextStartWorks
            });
        }
        self.exit(hinit);
    }

    /// fstat(2) or newfstatat(2): the size. None: the name leads to no file, or another one.
    pub fn named(&self, hinit: u8) -> bool {
        self.kernel.name == self.kernel.open[hinit]
    }

    pub fn size(&self, inode: Option<Inode>) -> Outcome {
        inode.map_or(Outcome::Fails("ENOENT"), |inode| {
            Outcome::Size(self.kernel.file(inode).bytes.is_none())
        })
    }

    pub fn has_undisturbed_start(&self, hinit: u8) -> bool {
        let is_free = |file: &File| {
            file.shared == 0
                && file.exclusive.is_none()
                && file.writer.is_none()
                && !file.read_locked
        };
        self.hinits[1 - hinit].at == At::NotRunning
            && self.kernel.inodes.iter().flatten().all(is_free)
            && self
                .kernel
                .name
                .is_none_or(|name| self.kernel.file(name).owner == Owner::HinitsUser)
            && self.kernel.aside.is_none()
    }
}

pub fn hinit_steps(state: &State, number: u8, setup: &Setup, found: &mut Vec<Step>) {
    let me = &state.hinits[number];
    let mut steps = Steps {
        state,
        actor: Actor::Hinit(number),
        found,
    };
    if me.at > At::NotRunning {
        steps.add("is killed", |next| {
            next.exit(number);
            Outcome::Done
        });
    }
    if me.at < At::Reserve {
        claim_steps(&mut steps, number, setup);
    } else {
        run_steps(&mut steps, number, setup);
    }
}
