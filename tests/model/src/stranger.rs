//! Another user: one who may read the file, and so lock it, or one who may write the directory as well.

use crate::kernel::{Owner, STRANGER};
use crate::rules::{Setup, Stranger};
use crate::world::{Actor, Outcome, State, Step, Steps};

pub fn stranger_steps(state: &State, setup: &Setup, found: &mut Vec<Step>) {
    let mut steps = Steps {
        state,
        actor: Actor::Stranger,
        found,
    };
    match setup.stranger {
        Stranger::Absent => {}
        Stranger::Reads => locks(&mut steps),
        Stranger::WritesDirectory => names(&mut steps, setup),
    }
}

fn locks(steps: &mut Steps) {
    let kernel = &steps.state.kernel;
    let Some(inode) = kernel.open[STRANGER] else {
        if let Some(name) = kernel.name {
            steps.add("openat(O_RDONLY)", |next| {
                next.kernel.open[STRANGER] = Some(name);
                Outcome::Done
            });
        }
        return;
    };
    let taken = |is_taken| {
        if is_taken {
            Outcome::Done
        } else {
            Outcome::Fails("EAGAIN")
        }
    };
    let file = kernel.file(inode);
    if file.exclusive != Some(STRANGER) {
        steps.add("flock(LOCK_EX|LOCK_NB)", |next| {
            taken(next.kernel.lock_exclusive(STRANGER))
        });
    }
    if file.shared & crate::kernel::bit(STRANGER) == 0 {
        steps.add("flock(LOCK_SH|LOCK_NB)", |next| {
            taken(next.kernel.lock_shared(STRANGER))
        });
    }
    if file.writer.is_none() && !file.read_locked {
        steps.add("fcntl(F_OFD_SETLK, F_RDLCK)", |next| {
            next.kernel.file_mut(inode).read_locked = true;
            Outcome::Done
        });
    }
    steps.add("close", |next| {
        next.kernel.close(STRANGER);
        Outcome::Done
    });
}

fn names(steps: &mut Steps, setup: &Setup) {
    let kernel = &steps.state.kernel;
    let renames = |next: &mut State, name, aside| {
        (next.kernel.name, next.kernel.aside) = (name, aside);
        next.kernel.free_inodes();
        next.hinits
            .iter_mut()
            .for_each(|hinit| hinit.has_looked = false);
        Outcome::Done
    };
    if let Some(inode) = kernel.name {
        steps.add("unlinkat", |next| renames(next, None, kernel.aside));
        steps.add("renameat, to another name", |next| {
            renames(next, None, Some(inode))
        });
    } else {
        for pid in 0..setup.pids {
            steps.add_of("writes a file with this PID", Some(pid), |next| {
                let inode = next.kernel.create(Owner::Stranger, Some(pid));
                renames(next, Some(inode), kernel.aside)
            });
        }
    }
    if let Some(inode) = kernel.aside {
        steps.add("renameat, back", |next| renames(next, Some(inode), None));
    }
}
