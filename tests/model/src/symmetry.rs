//! Names do not matter: a state in which the hinits, the PIDs or the inodes have changed their numbers is the same state.
//! Of all these only the smallest one is explored.

use crate::hinit::Hinit;
use crate::kernel::{Description, File, INODES, Inode, MAX_PIDS, Parent, Pid, Process, Table, bit};
use crate::reader::Reader;
use crate::rules::Setup;
use crate::world::State;

/// The new numbers: of the two hinits, of all PIDs, of all inodes.
pub struct Names {
    hinits: [u8; 2],
    pids: [Pid; MAX_PIDS as usize],
    inodes: [Inode; INODES as usize],
}

const PIDS: [[Pid; MAX_PIDS as usize]; 6] = [
    [0, 1, 2],
    [1, 0, 2],
    [0, 2, 1],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
];

impl Names {
    fn description(&self, who: Description) -> Description {
        self.hinits.get(usize::from(who)).copied().unwrap_or(who)
    }

    pub fn pid(&self, pid: Pid) -> Pid {
        self.pids[usize::from(pid)]
    }

    pub fn inode(&self, inode: Inode) -> Inode {
        self.inodes[usize::from(inode)]
    }

    /// A set of PIDs, as bits.
    pub fn pid_bits(&self, bits: u8) -> u8 {
        let pids = (0..MAX_PIDS).filter(|pid| bits & bit(*pid) != 0);
        pids.fold(0, |bits, pid| bits | bit(self.pid(pid)))
    }

    fn process(&self, process: Process) -> Process {
        let parent = match process.parent {
            Parent::Hinit(hinit) => Parent::Hinit(self.description(hinit)),
            Parent::Process(pid) => Parent::Process(self.pid(pid)),
            Parent::Outside => Parent::Outside,
        };
        let inherits = process
            .inherits
            .map(|(who, inode)| (self.description(who), self.inode(inode)));
        Process {
            parent,
            inherits,
            ..process
        }
    }

    fn file(&self, file: &File) -> File {
        let shared = (0..8).filter(|who| file.shared & bit(*who) != 0);
        File {
            bytes: file.bytes.map(|pid| self.pid(pid)),
            shared: shared.fold(0, |bits, who| bits | bit(self.description(who))),
            exclusive: file.exclusive.map(|who| self.description(who)),
            writer: file
                .writer
                .map(|(who, length)| (self.description(who), length)),
            ..*file
        }
    }

    fn hinit(&self, hinit: &Hinit) -> Hinit {
        let pid = |pid: Option<Pid>| pid.map(|pid| self.pid(pid));
        Hinit {
            server: pid(hinit.server),
            previous: pid(hinit.previous),
            ended: pid(hinit.ended),
            successor: hinit
                .successor
                .map(|(named, is_same)| (self.pid(named), is_same)),
            ..hinit.clone()
        }
    }

    fn state(&self, state: &State) -> State {
        let inode = |inode: Option<Inode>| inode.map(|inode| self.inode(inode));
        let mut new = State {
            broken: state.broken,
            readers: Table(
                state
                    .readers
                    .0
                    .each_ref()
                    .map(|reader| reader.renamed(self)),
            ),
            ..State::default()
        };
        new.kernel.name = inode(state.kernel.name);
        new.kernel.aside = inode(state.kernel.aside);
        for (who, open) in (0..).zip(state.kernel.open.iter()) {
            new.kernel.open[self.description(who)] = inode(*open);
        }
        for (number, file) in (0..).zip(state.kernel.inodes.iter()) {
            new.kernel.inodes[self.inode(number)] = file.as_ref().map(|file| self.file(file));
        }
        for (pid, process) in (0..).zip(state.kernel.processes.iter()) {
            new.kernel.processes[self.pid(pid)] = process.map(|at| self.process(at));
        }
        for (number, hinit) in (0..).zip(state.hinits.iter()) {
            new.hinits[self.description(number)] = self.hinit(hinit);
        }
        new
    }
}

/// The inodes in the order in which this state mentions them, with the hinits under their new numbers. One that a reader
/// remembers but that is gone comes after all others, so the kernel uses its number first of all for a new file.
fn inodes(state: &State, hinits: [u8; 2]) -> [Inode; INODES as usize] {
    let mut numbers = [INODES; INODES as usize];
    let mut next = 0;
    let mut mention = |inode: Inode| {
        let number = &mut numbers[usize::from(inode)];
        if *number == INODES {
            *number = next;
            next += 1;
        }
    };
    let kernel = &state.kernel;
    let open = hinits.iter().map(|hinit| kernel.open[*hinit]);
    let inherited = kernel.processes.0.map(|process| Some(process?.inherits?.1));
    let named = state.readers.0.each_ref().map(Reader::named);
    [kernel.name, kernel.aside]
        .into_iter()
        .chain(open)
        .chain(kernel.open.0[hinits.len()..].iter().copied())
        .chain(inherited)
        .chain(named)
        .flatten()
        .chain(0..INODES)
        .for_each(&mut mention);
    numbers
}

/// Whether the things with these shapes are in order under their new numbers. It spares most of the renamings.
fn are_in_order<S: Ord>(numbers: &[u8], shapes: &[S]) -> bool {
    let named = || numbers.iter().zip(shapes);
    named().all(|(low, first)| named().all(|(high, second)| low >= high || first <= second))
}

impl State {
    /// What does not depend on names: equal for PIDs that could be exchanged.
    fn shape_of_pid(&self, pid: Pid) -> impl Ord {
        let named = |other: Option<Pid>| usize::from(other == Some(pid));
        let files = self.kernel.inodes.iter().flatten();
        let roles = |hinit: &Hinit| {
            4 * named(hinit.server) + 2 * named(hinit.previous) + named(hinit.ended)
        };
        let process = self.kernel.processes[pid].map(|at| {
            let parent = match at.parent {
                Parent::Hinit(_) => 0,
                Parent::Process(_) => 1,
                Parent::Outside => 2,
            };
            (parent, at.is_zombie, at.inherits.is_some())
        });
        (
            process,
            files.map(|file| named(file.bytes)).sum::<usize>(),
            self.hinits.iter().map(roles).sum::<usize>(),
            self.readers.0.each_ref().map(|reader| reader.knows(pid)),
        )
    }

    /// The one of all states that differ from this one by names only.
    pub fn representative(&self, setup: &Setup) -> Self {
        let orders = [[0, 1], [1, 0]];
        let hinits = &orders[..usize::from(setup.hinits)];
        let hinit_shapes = self
            .hinits
            .0
            .each_ref()
            .map(|hinit| (hinit.at, hinit.has_claimed));
        let count = usize::from(setup.pids);
        let pids = if count == 2 { &PIDS[..2] } else { &PIDS[..] };
        let pid_shapes: Vec<_> = (0..setup.pids).map(|pid| self.shape_of_pid(pid)).collect();
        let all = hinits
            .iter()
            .filter(|hinits| setup.hinits == 1 || are_in_order(&hinits[..], &hinit_shapes))
            .flat_map(|hinits| {
                pids.iter()
                    .filter(|pids| are_in_order(&pids[..count], &pid_shapes))
                    .map(|pids| Names {
                        hinits: *hinits,
                        pids: *pids,
                        inodes: inodes(self, *hinits),
                    })
            });
        all.map(|names| names.state(self)).min().unwrap()
    }
}
