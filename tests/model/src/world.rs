//! The state of all actors, and what an onlooker with a view of everything notes.

use crate::hinit::{At, Hinit};
use crate::kernel::{
    Description, Inode, Kernel, MAX_PIDS, Parent, Pid, READERS, Table, bit, reusable,
};
use crate::reader::Reader;
use crate::rules::{Rule, Setup, Stranger};

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct State {
    pub kernel: Kernel,
    pub hinits: Table<Hinit, 2>,
    pub readers: Table<Reader, 2>,
    /// The rule that was broken, which ends the story.
    pub broken: Option<Rule>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    Hinit(u8),
    /// 0: the check; 1: signal.
    Reader(u8),
    Stranger,
    Process(Pid),
}

/// What a call returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    Fails(&'static str),
    Pid(Pid),
    /// fstat(2) and its like: whether the file is empty.
    Size(bool),
    Bytes(Option<Pid>),
    /// `F_OFD_GETLK`: the length of the lock.
    Lock(Option<u8>),
    State(char),
}

/// One system call of one actor, and the state after it.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    pub actor: Actor,
    pub call: &'static str,
    /// The PID that the call names.
    pub pid: Option<Pid>,
    pub outcome: Outcome,
    pub next: State,
}

/// Collects the possible steps of an actor.
pub struct Steps<'a> {
    pub state: &'a State,
    pub actor: Actor,
    pub found: &'a mut Vec<Step>,
}

impl Steps<'_> {
    pub fn add(&mut self, call: &'static str, act: impl FnOnce(&mut State) -> Outcome) {
        self.add_of(call, None, act);
    }

    pub fn add_of(
        &mut self,
        call: &'static str,
        pid: Option<Pid>,
        act: impl FnOnce(&mut State) -> Outcome,
    ) {
        let mut next = self.state.clone();
        let outcome = act(&mut next);
        self.found.push(Step {
            actor: self.actor,
            call,
            pid,
            outcome,
            next,
        });
    }
}

impl State {
    pub fn breaks(&mut self, rule: Rule) {
        self.broken.get_or_insert(rule);
    }

    /// A process ends. Its parent reaps it later; the init outside at once.
    pub fn end(&mut self, pid: Pid) {
        let reaper = self.kernel.reaper_of(pid);
        let ended = self.kernel.processes[pid].as_mut().unwrap();
        ended.is_zombie = true;
        let inherited = ended.inherits.take();
        if let Some((of, _)) = inherited {
            self.close_inherited(of);
        }
        for child in 0..MAX_PIDS {
            if let Some(process) = &mut self.kernel.processes[child]
                && process.parent == Parent::Process(pid)
            {
                process.parent = reaper;
            }
        }
        self.reap_outside();
    }

    /// The last descriptor that a child had of a hinit that has ended.
    pub fn close_inherited(&mut self, of: Description) {
        if self.kernel.open[of].is_none() {
            for file in self.kernel.inodes.iter_mut().flatten() {
                file.shared &= !bit(of);
                file.exclusive.take_if(|holder| *holder == of);
                file.writer.take_if(|(holder, _)| *holder == of);
            }
        }
        self.kernel.free_inodes();
    }

    fn reap_outside(&mut self) {
        for pid in 0..MAX_PIDS {
            let process = self.kernel.processes[pid];
            if process.is_some_and(|p| p.is_zombie && p.parent == Parent::Outside) {
                self.reap(pid, true);
            }
        }
    }

    /// wait4(2): the PID is free from here on.
    pub fn reap(&mut self, pid: Pid, has_ofd_locks: bool) {
        if self.kernel.processes[pid].is_some_and(|p| p.parent != Parent::Outside)
            && let Some(rule) = reusable(&self.kernel, pid, has_ofd_locks)
        {
            self.breaks(rule);
        }
        self.kernel.processes[pid] = None;
        self.readers
            .iter_mut()
            .for_each(|reader| reader.forget(pid));
        self.hinits.iter_mut().for_each(|hinit| hinit.forget(pid));
    }

    /// A hinit ends: the kernel closes its descriptors, and gives its children to the init outside.
    pub fn exit(&mut self, hinit: u8) {
        for process in self.kernel.processes.iter_mut().flatten() {
            if process.parent == Parent::Hinit(hinit) {
                process.parent = Parent::Outside;
            }
        }
        self.kernel.close(hinit);
        self.hinits[hinit] = Hinit::default();
        self.readers
            .iter_mut()
            .for_each(|reader| reader.is_after_mark = false);
        self.reap_outside();
    }

    /// What an onlooker notes after each step: who is the server now, and which rules are broken.
    pub fn observe(&mut self, actor: Actor, setup: &Setup) {
        let (hinits, kernel) = (&mut self.hinits, &self.kernel);
        for (number, hinit) in (0..).zip(hinits.iter_mut()) {
            hinit.is_alone &= matches!(actor, Actor::Reader(_) | Actor::Process(_))
                || actor == Actor::Hinit(number);
        }
        // The one before still is the server until the file does not name it any more. The one that MAINPID has named is
        // a server from the message on, though hinit records it only when it has become its child.
        let named = hinits
            .iter()
            .flat_map(|hinit| [hinit.server, hinit.previous, hinit.awaited()]);
        let servers: Vec<Pid> = named.flatten().collect();
        for pid in servers
            .into_iter()
            .filter(|pid| kernel.running(*pid).is_some())
        {
            self.readers
                .iter_mut()
                .for_each(|reader| reader.note_server(pid));
        }
        for (number, reader) in (0..).zip(self.readers.iter_mut()) {
            reader.forget_what_does_not_matter(number == 1, setup);
        }
        let owns = |hinit: &&Hinit| hinit.owns();
        if self.hinits.iter().filter(owns).count() > 1 {
            let inode = |hinit: u8| self.kernel.open[hinit];
            if setup.stranger != Stranger::WritesDirectory || inode(0) == inode(1) {
                self.breaks(Rule::OneOwner);
            }
        }
        for number in 0..2 {
            self.check_hinit(number, setup);
        }
    }

    fn check_hinit(&mut self, number: u8, setup: &Setup) {
        let hinit = &self.hinits[number];
        let Some(inode) = self.kernel.open[number] else {
            return;
        };
        let file = self.kernel.file(inode);
        let has_locks = file.exclusive == Some(number)
            && (!setup.ofd_locks || file.writer.is_some_and(|(holder, _)| holder == number));
        let proves = self.kernel.proof(inode, setup.ofd_locks) == Some(number);
        let is_its = |pid: Pid| {
            let current = hinit.server == Some(pid);
            // Until the file is empty, or its lock released, it names the server before.
            let before = hinit.previous == Some(pid);
            (current || before) && self.kernel.is_child(number, pid)
        };
        let is_stale = proves && file.bytes.is_some_and(|pid| !is_its(pid));
        let broken = if hinit.at == At::AwaitExec && !hinit.owns() {
            Some(Rule::NothingLaunchedUnclaimed)
        } else if hinit.owns() && !has_locks {
            Some(Rule::LocksHeld)
        } else if is_stale {
            Some(Rule::NoStalePid)
        } else {
            None
        };
        if let Some(rule) = broken {
            self.breaks(rule);
        }
    }

    /// Whether a file, a reader or a hinit knows this PID.
    pub fn is_known(&self, pid: Pid) -> bool {
        let of_hinit = |hinit: &Hinit| {
            let successor = hinit.successor.map(|(pid, _)| pid);
            [hinit.server, hinit.previous, successor].contains(&Some(pid))
        };
        let files = self.kernel.inodes.iter().flatten();
        files.map(|file| file.bytes).any(|bytes| bytes == Some(pid))
            || self.readers.iter().any(|reader| reader.knows(pid))
            || self.hinits.iter().any(of_hinit)
    }

    /// The PIDs that the kernel may give to a new process: any free one. Of those that nobody knows the first is enough,
    /// because they are all alike.
    pub fn free_pids(&self, pids: u8) -> Vec<Pid> {
        let all = 0..pids;
        let mut free: Vec<Pid> = all
            .filter(|pid| self.kernel.processes[*pid].is_none())
            .collect();
        let first = free.iter().find(|pid| !self.is_known(**pid)).copied();
        free.retain(|pid| self.is_known(*pid) || Some(*pid) == first);
        free
    }

    /// hinit changes this inode: property 8.
    pub fn must_be_own(&mut self, hinit: u8, inode: Inode) {
        let file = self.kernel.file(inode);
        let is_others = file
            .exclusive
            .is_some_and(|holder| holder != hinit && holder < READERS);
        if is_others || file.owner == crate::kernel::Owner::Stranger {
            self.breaks(Rule::OnlyItsOwnFile);
        }
    }
}
