//! The two hinits are alike: a state in which they have changed their names is the same state.

use crate::kernel::{Description, Parent, bit};
use crate::world::State;

fn other(who: Description) -> Description {
    if who < 2 { 1 - who } else { who }
}

impl State {
    /// This state with A and B exchanged.
    pub fn with_other_names(mut self) -> Self {
        self.hinits.swap(0, 1);
        self.kernel.open.swap(0, 1);
        for file in self.kernel.inodes.iter_mut().flatten() {
            let shared = (0..8).filter(|who| file.shared & bit(*who) != 0);
            file.shared = shared.fold(0, |bits, who| bits | bit(other(who)));
            file.exclusive = file.exclusive.map(other);
            file.writer = file.writer.map(|(who, length)| (other(who), length));
        }
        for process in self.kernel.processes.iter_mut().flatten() {
            if let Parent::Hinit(hinit) = &mut process.parent {
                *hinit = other(*hinit);
            }
            process.inherits = process.inherits.map(|(who, inode)| (other(who), inode));
        }
        self
    }
}
