//! What the kernel keeps: the names in the directory, the inodes with their bytes and locks, and the processes.

use std::ops::{Deref, DerefMut, Index, IndexMut};

use crate::rules::Rule;

/// A PID. The kernel has only a few, so it hands each out again and again.
pub type Pid = u8;
/// The number of an inode. The kernel uses it again once nothing refers to the inode.
pub type Inode = u8;
/// An open file description of the PID file, which owns locks. Each actor has at most one: hinit A and B, two readers,
/// and the stranger.
pub type Description = u8;

pub const INODES: u8 = 6;
pub const MAX_PIDS: u8 = 3;
pub const READERS: Description = 2;
pub const STRANGER: Description = 4;

/// An array whose indexes are the small numbers of this model.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Table<T, const N: usize>(pub [T; N]);

impl<T: Default, const N: usize> Default for Table<T, N> {
    fn default() -> Self {
        Self(std::array::from_fn(|_| T::default()))
    }
}

impl<T, const N: usize> Deref for Table<T, N> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T, const N: usize> DerefMut for Table<T, N> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.0
    }
}

impl<T, const N: usize> Index<u8> for Table<T, N> {
    type Output = T;
    fn index(&self, at: u8) -> &T {
        &self.0[usize::from(at)]
    }
}

impl<T, const N: usize> IndexMut<u8> for Table<T, N> {
    fn index_mut(&mut self, at: u8) -> &mut T {
        &mut self.0[usize::from(at)]
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    HinitsUser,
    Stranger,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct File {
    pub owner: Owner,
    /// None: the file is empty.
    pub bytes: Option<Pid>,
    /// The sticky bit: the mark of a stop for readers of hinit 0.1.0.
    pub sticky: bool,
    /// The holders of a shared flock(2), as bits.
    pub shared: u8,
    pub exclusive: Option<Description>,
    /// The write lock of fcntl(2), and its length.
    pub writer: Option<(Description, u8)>,
    /// The stranger holds a read lock of fcntl(2) on the first byte.
    pub read_locked: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Parent {
    Hinit(u8),
    Process(Pid),
    /// The init outside, which reaps at once.
    Outside,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Process {
    pub parent: Parent,
    pub is_zombie: bool,
    /// Until its exec a child shares hinit's descriptions, and with them its locks: of this hinit, on this inode.
    pub inherits: Option<(Description, Inode)>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kernel {
    /// The PID file's name, and another one that only the stranger uses.
    pub name: Option<Inode>,
    pub aside: Option<Inode>,
    pub inodes: Table<Option<File>, { INODES as usize }>,
    pub processes: Table<Option<Process>, { MAX_PIDS as usize }>,
    /// The inode that each description is open on.
    pub open: Table<Option<Inode>, { STRANGER as usize + 1 }>,
}

impl Kernel {
    pub fn file(&self, inode: Inode) -> &File {
        self.inodes[inode].as_ref().unwrap()
    }

    pub fn file_mut(&mut self, inode: Inode) -> &mut File {
        self.inodes[inode].as_mut().unwrap()
    }

    /// The inode that a description is open on.
    pub fn inode(&self, who: Description) -> Inode {
        self.open[who].unwrap()
    }

    fn own(&mut self, who: Description) -> &mut File {
        self.file_mut(self.inode(who))
    }

    /// openat(2) with `O_CREAT | O_EXCL`, if the name is free.
    pub fn create(&mut self, owner: Owner, bytes: Option<Pid>) -> Inode {
        let free = (0..INODES).find(|inode| self.inodes[*inode].is_none());
        let inode = free.expect("more inodes than the model has");
        self.inodes[inode] = Some(File {
            owner,
            bytes,
            sticky: false,
            shared: 0,
            exclusive: None,
            writer: None,
            read_locked: false,
        });
        inode
    }

    pub fn close(&mut self, who: Description) {
        if let Some(inode) = self.open[who].take() {
            let is_inherited = |p: &Process| p.inherits.is_some_and(|(of, _)| of == who);
            if !self.processes.iter().flatten().any(is_inherited) {
                self.release(who, inode);
            }
            self.free_inodes();
        }
    }

    /// Drops the locks of a description that nobody has open any more.
    fn release(&mut self, who: Description, inode: Inode) {
        let file = self.file_mut(inode);
        file.shared &= !bit(who);
        file.exclusive.take_if(|holder| *holder == who);
        file.writer.take_if(|(holder, _)| *holder == who);
        if who == STRANGER {
            file.read_locked = false;
        }
    }

    pub fn free_inodes(&mut self) {
        let inherited = self.processes.0.map(|p| Some(p?.inherits?.1));
        for inode in 0..INODES {
            let used = [self.name, self.aside];
            let mut used = used
                .iter()
                .chain(self.open.iter())
                .chain(&inherited)
                .flatten();
            if !used.any(|at| *at == inode) {
                self.inodes[inode] = None;
            }
        }
    }

    /// flock(2) with `LOCK_SH | LOCK_NB`.
    pub fn lock_shared(&mut self, who: Description) -> bool {
        let file = self.own(who);
        if file.exclusive.is_some_and(|holder| holder != who) {
            return false;
        }
        file.exclusive = None;
        file.shared |= bit(who);
        true
    }

    /// flock(2) with `LOCK_UN`, and the first half of a conversion.
    pub fn unlock(&mut self, who: Description) {
        let file = self.own(who);
        file.shared &= !bit(who);
        file.exclusive.take_if(|holder| *holder == who);
    }

    /// flock(2) with `LOCK_EX | LOCK_NB`, or the second half of a conversion.
    pub fn lock_exclusive(&mut self, who: Description) -> bool {
        let file = self.own(who);
        let is_free = file.shared & !bit(who) == 0 && file.exclusive.is_none_or(|at| at == who);
        if is_free {
            file.shared = 0;
            file.exclusive = Some(who);
        }
        is_free
    }

    /// fcntl(2) with `F_OFD_SETLK` and `F_WRLCK`.
    pub fn lock_writer(&mut self, who: Description, length: u8) -> bool {
        let file = self.own(who);
        let is_free = file.writer.is_none_or(|(holder, _)| holder == who) && !file.read_locked;
        if is_free {
            file.writer = Some((who, length));
        }
        is_free
    }

    /// The process that runs and has this PID.
    pub fn running(&self, pid: Pid) -> Option<&Process> {
        self.processes[pid].as_ref().filter(|p| !p.is_zombie)
    }

    pub fn is_child(&self, hinit: u8, pid: Pid) -> bool {
        self.processes[pid].is_some_and(|p| p.parent == Parent::Hinit(hinit))
    }

    /// The hinit, or the outside, to which the children of this process go when it exits.
    pub fn reaper_of(&self, pid: Pid) -> Parent {
        match self.processes[pid].map(|p| p.parent) {
            Some(Parent::Process(parent)) => self.reaper_of(parent),
            Some(parent) => parent,
            None => Parent::Outside,
        }
    }

    /// Who holds the lock that proves a PID in this file to readers.
    pub fn proof(&self, inode: Inode, has_ofd_locks: bool) -> Option<Description> {
        let file = self.file(inode);
        if has_ofd_locks {
            file.writer.map(|(holder, _)| holder)
        } else {
            file.exclusive
        }
    }
}

pub fn bit(number: u8) -> u8 {
    1 << number
}

/// What a PID's process does to a file's PID: property 4.
pub fn reusable(kernel: &Kernel, pid: Pid, has_ofd_locks: bool) -> Option<Rule> {
    let names_it = |inode: &Inode| {
        kernel.inodes[*inode]
            .as_ref()
            .is_some_and(|file| file.bytes == Some(pid))
            && kernel
                .proof(*inode, has_ofd_locks)
                .is_some_and(|holder| holder < READERS)
    };
    (0..INODES)
        .any(|inode| names_it(&inode))
        .then_some(Rule::PidNotReused)
}
