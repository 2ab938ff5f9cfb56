//! What hinit does with the file that it has claimed, as `src/pidfile/claim.rs` and
//! `src/run/main_loop` do.

use crate::hinit::At;
use crate::kernel::{Owner, Parent, Process};
use crate::rules::{Mutation, Setup};
use crate::world::{Outcome, State, Steps};
use main_loop::main_loop;

mod main_loop;

impl State {
    /// Writes the server's PID.
    fn record(&mut self, me: u8, setup: &Setup) -> Outcome {
        let pid = self.hinits[me].server;
        let inode = self.kernel.inode(me);
        if setup.has(Mutation::Rename) {
            let new = self.kernel.create(Owner::HinitsUser, pid);
            self.kernel.name = Some(new);
            self.kernel.close(me);
            self.kernel.open[me] = Some(new);
        } else {
            self.must_be_own(me, inode);
            self.kernel.file_mut(inode).bytes = pid;
        }
        self.at(me, At::MainLoop);
        Outcome::Done
    }

    /// Empties the file before the reap, or before the next PID.
    fn empty(&mut self, me: u8, then: At) -> Outcome {
        let inode = self.kernel.inode(me);
        self.must_be_own(me, inode);
        self.kernel.file_mut(inode).bytes = None;
        self.hinits[me].previous = None;
        self.at(me, then);
        Outcome::Done
    }
}

/// The step after the end of the server was found and its PID is not in the file any more.
fn after_emptying(setup: &Setup) -> At {
    if setup.has(Mutation::ReapBeforeEmptying) {
        At::MainLoop
    } else {
        At::Reap
    }
}

pub fn run_steps(steps: &mut Steps, me: u8, setup: &Setup) {
    let state = steps.state;
    let mine = &state.hinits[me];
    let uses_file = !mine.is_released || setup.has(Mutation::UseAfterRelease);
    match mine.at {
        At::Reserve => steps.add("fallocate", |next| {
            let mine = &mut next.hinits[me];
            (mine.is_empty, mine.is_shared, mine.is_alone) = (false, false, false);
            next.at(me, At::Clone);
            Outcome::Done
        }),
        At::Clone => {
            for pid in state.free_pids(setup.pids) {
                steps.add("clone", |next| {
                    let inherits = Some((me, next.kernel.inode(me)));
                    let child = Process {
                        parent: Parent::Hinit(me),
                        is_zombie: false,
                        inherits,
                    };
                    next.kernel.processes[pid] = Some(child);
                    next.hinits[me].server = Some(pid);
                    next.at(me, At::AwaitExec);
                    Outcome::Pid(pid)
                });
            }
            steps.add("clone", |next| {
                next.at(me, At::LookBeforeUnlink);
                Outcome::Fails("EAGAIN")
            });
        }
        At::AwaitExec => {
            let pid = mine.server.unwrap();
            let child = state.kernel.processes[pid].unwrap();
            if child.inherits.is_none() {
                steps.add("read", |next| {
                    next.at(me, At::Record);
                    Outcome::Done
                });
            }
            // The child has reported that it could not execute the server.
            if child.is_zombie {
                steps.add_of("wait4", Some(pid), |next| {
                    next.hinits[me].server = None;
                    next.reap(pid, setup.ofd_locks);
                    next.at(me, At::LookBeforeUnlink);
                    Outcome::Done
                });
            }
        }
        At::Record => steps.add_of("pwrite64", mine.server, |next| next.record(me, setup)),
        At::MainLoop => main_loop(steps, me, setup),
        At::MarkMode => steps.add("fchmod", |next| {
            let inode = next.kernel.inode(me);
            next.must_be_own(me, inode);
            next.kernel.file_mut(inode).sticky = setup.keeps_modes;
            next.at(
                me,
                if setup.ofd_locks {
                    At::MarkLock
                } else {
                    At::LookAfterMark
                },
            );
            Outcome::Done
        }),
        At::MarkLock => steps.add("fcntl(F_OFD_SETLK, F_UNLCK)", |next| {
            if let Some((holder, length)) =
                &mut next.kernel.file_mut(next.kernel.open[me].unwrap()).writer
                && *holder == me
            {
                *length = 3;
            }
            next.at(me, At::LookAfterMark);
            Outcome::Done
        }),
        At::LookAfterMark => steps.add("newfstatat", |next| {
            next.hinits[me].has_marked = true;
            next.hinits[me].is_abandoned |= !next.named(me);
            next.at(me, At::MainLoop);
            next.size(state.kernel.name)
        }),
        At::HandOver | At::Empty => empty_steps(steps, me, setup, uses_file),
        At::RecordNext => steps.add_of("pwrite64", mine.server, |next| next.record(me, setup)),
        At::TakeSuccessor => {
            let (pid, _) = mine.successor.unwrap();
            steps.add_of("waitid(P_PID)", Some(pid), |next| {
                let is_running_child =
                    next.kernel.is_child(me, pid) && next.kernel.running(pid).is_some();
                next.at(
                    me,
                    if is_running_child {
                        At::CompareSuccessor
                    } else {
                        At::Empty
                    },
                );
                if !is_running_child {
                    next.hinits[me].successor = None;
                }
                Outcome::Done
            });
        }
        At::CompareSuccessor => steps.add("read(/proc/PID/stat)", |next| {
            let (pid, is_same) = next.hinits[me].successor.take().unwrap();
            if is_same {
                next.hand_over(me, pid, uses_file);
            } else {
                next.at(me, At::Empty);
            }
            Outcome::Done
        }),
        At::ReleaseWriter => steps.add("fcntl(F_OFD_SETLK, F_UNLCK, all)", |next| {
            next.kernel
                .file_mut(next.kernel.open[me].unwrap())
                .writer
                .take_if(|(holder, _)| *holder == me);
            next.at(me, At::ReleaseFlock);
            Outcome::Done
        }),
        At::ReleaseFlock => steps.add("flock(LOCK_UN)", |next| {
            next.kernel.unlock(me);
            next.hinits[me].previous = None;
            next.at(
                me,
                if mine.is_ending {
                    after_emptying(setup)
                } else {
                    At::MainLoop
                },
            );
            Outcome::Done
        }),
        At::Reap | At::ReapOrphan => reap_steps(steps, me, setup),
        At::LookBeforeUnlink => steps.add("newfstatat", |next| {
            let is_own = next.named(me);
            next.hinits[me].has_looked = is_own;
            next.hinits[me].has_claimed &= is_own;
            next.at(me, if is_own { At::Unlink } else { At::Exit });
            next.size(state.kernel.name)
        }),
        At::Unlink => steps.add("unlinkat", |next| {
            next.hinits[me].has_claimed = false;
            next.at(me, At::Exit);
            if setup.mount_point {
                return Outcome::Fails("EBUSY");
            }
            let Some(inode) = next.kernel.name else {
                return Outcome::Fails("ENOENT");
            };
            // Between the two calls only the stranger that may write the directory can change the name.
            if !next.named(me) && (next.hinits[me].has_looked || setup.is_strict) {
                next.must_be_own(me, inode);
            }
            next.kernel.name = None;
            next.kernel.free_inodes();
            Outcome::Done
        }),
        At::Exit => steps.add("exit_group", |next| {
            next.exit(me);
            Outcome::Done
        }),
        _ => {}
    }
}

fn empty_steps(steps: &mut Steps, me: u8, setup: &Setup, uses_file: bool) {
    let mine = &steps.state.hinits[me];
    let then = match mine.at {
        At::HandOver => At::RecordNext,
        _ => after_emptying(setup),
    };
    if !uses_file {
        // Nothing is left to do with the file.
        return steps.add("does not use the file", |next| {
            next.at(me, then);
            Outcome::Done
        });
    }
    steps.add("ftruncate", |next| next.empty(me, then));
    if setup.empties_fail && !mine.is_released {
        steps.add("ftruncate", |next| {
            next.hinits[me].is_abandoned = true;
            next.hinits[me].is_released = true;
            next.hinits[me].has_claimed = false;
            next.at(me, At::ReleaseWriter);
            Outcome::Fails("EROFS")
        });
    }
}

fn reap_steps(steps: &mut Steps, me: u8, setup: &Setup) {
    let mine = &steps.state.hinits[me];
    let pid = mine.ended.unwrap();
    let is_server = mine.at == At::Reap;
    steps.add_of("wait4", Some(pid), |next| {
        next.reap(pid, setup.ofd_locks);
        let reaps_first = is_server && setup.has(Mutation::ReapBeforeEmptying);
        (next.hinits[me].ended, next.hinits[me].is_ending) = (None, false);
        if is_server {
            next.hinits[me].server = None;
        }
        next.at(me, if reaps_first { At::Empty } else { At::MainLoop });
        Outcome::Done
    });
}
