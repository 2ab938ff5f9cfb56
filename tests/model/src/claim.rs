//! How hinit claims the file, as `Location::lock` in src/pidfile/lock.rs does.

use crate::hinit::At;
use crate::kernel::Owner;
use crate::rules::{Mutation, Setup};
use crate::world::{Outcome, Steps};

pub fn claim_steps(steps: &mut Steps, me: u8, setup: &Setup) {
    let has = |mutation| setup.has(mutation);
    let state = steps.state;
    match state.hinits[me].at {
        // A child of an earlier life may still have the description.
        At::NotRunning
            if state
                .kernel
                .processes
                .iter()
                .flatten()
                .any(|p| p.inherits.is_some_and(|(of, _)| of == me)) => {}
        At::NotRunning => steps.add("starts", |next| {
            next.hinits[me].is_alone = next.has_undisturbed_start(me);
            next.at(me, At::Create);
            Outcome::Done
        }),
        At::Create => steps.add("openat(O_CREAT|O_EXCL)", |next| {
            if next.kernel.name.is_some() {
                next.at(me, At::LookBeforeOpen);
                return Outcome::Fails("EEXIST");
            }
            let inode = next.kernel.create(Owner::HinitsUser, None);
            next.kernel.name = Some(inode);
            next.kernel.open[me] = Some(inode);
            next.at(me, after_open(setup));
            Outcome::Done
        }),
        At::LookBeforeOpen => steps.add("newfstatat", |next| {
            if next.kernel.name.is_some() {
                next.at(me, At::Open);
            } else {
                next.attempt_fails(me, setup, false);
            }
            next.size(state.kernel.name)
        }),
        At::Open => steps.add("openat(O_RDWR)", |next| {
            let Some(inode) = next.kernel.name else {
                next.attempt_fails(me, setup, false);
                return Outcome::Fails("ENOENT");
            };
            next.kernel.open[me] = Some(inode);
            next.at(me, after_open(setup));
            Outcome::Done
        }),
        At::Stat => steps.add("fstat", |next| {
            let inode = next.kernel.inode(me);
            let size = next.size(Some(inode));
            let (file, is_named) = (
                next.kernel.file(inode),
                [next.kernel.name, next.kernel.aside].contains(&Some(inode)),
            );
            let is_empty = file.bytes.is_none();
            if file.owner == Owner::Stranger {
                next.attempt_fails(me, setup, true);
            } else if !is_named {
                next.attempt_fails(me, setup, false);
            } else {
                next.hinits[me].is_empty = is_empty;
                let then = if next.hinits[me].is_shared {
                    after_shared(is_empty, setup)
                } else {
                    At::ReadOthersBytes
                };
                next.at(
                    me,
                    if has(Mutation::SizeBeforeLock) {
                        At::LockShared
                    } else {
                        then
                    },
                );
            }
            size
        }),
        At::LockShared => steps.add("flock(LOCK_SH|LOCK_NB)", |next| {
            let (is_shared, is_empty) = (next.kernel.lock_shared(me), next.hinits[me].is_empty);
            next.hinits[me].is_shared = is_shared;
            let then = if is_shared {
                after_shared(is_empty, setup)
            } else {
                At::ReadOthersBytes
            };
            next.at(
                me,
                if has(Mutation::SizeBeforeLock) {
                    then
                } else {
                    At::Stat
                },
            );
            if is_shared {
                Outcome::Done
            } else {
                Outcome::Fails("EAGAIN")
            }
        }),
        // A PID: another hinit has a server. None: it may end soon.
        At::ReadOthersBytes => steps.add("pread64", |next| {
            let bytes = next.kernel.file(next.kernel.inode(me)).bytes;
            next.attempt_fails(me, setup, bytes.is_some());
            Outcome::Bytes(bytes)
        }),
        At::ReadOldBytes => steps.add("pread64", |next| {
            next.at(me, At::LookBeforeEmptying);
            Outcome::Bytes(next.kernel.file(next.kernel.inode(me)).bytes)
        }),
        At::LookBeforeEmptying => steps.add("newfstatat", |next| {
            if next.named(me) {
                next.at(me, At::EmptyOld);
            } else {
                next.attempt_fails(me, setup, false);
            }
            next.size(state.kernel.name)
        }),
        At::EmptyOld => steps.add("ftruncate", |next| {
            let inode = next.kernel.inode(me);
            next.must_be_own(me, inode);
            next.kernel.file_mut(inode).bytes = None;
            next.at(
                me,
                if has(Mutation::LockBeforeEmptying) {
                    At::SetMode
                } else {
                    before_exclusive(setup)
                },
            );
            Outcome::Done
        }),
        // A conversion is not atomic: flock(2). Where flock is all there is, the model takes it to be.
        At::DropShared => steps.add("flock(LOCK_EX|LOCK_NB) drops LOCK_SH", |next| {
            next.kernel.unlock(me);
            next.at(me, At::LockExclusive);
            Outcome::Done
        }),
        At::LockExclusive => steps.add("flock(LOCK_EX|LOCK_NB)", |next| {
            if next.kernel.lock_exclusive(me) {
                let writer_first =
                    has(Mutation::WriterLockBeforeLook) || has(Mutation::LockBeforeEmptying);
                next.at(
                    me,
                    if writer_first {
                        At::LockWriter
                    } else {
                        At::SetMode
                    },
                );
                return Outcome::Done;
            }
            next.attempt_fails(me, setup, false);
            Outcome::Fails("EAGAIN")
        }),
        At::SetMode => steps.add("fchmod", |next| {
            let inode = next.kernel.inode(me);
            next.must_be_own(me, inode);
            next.kernel.file_mut(inode).sticky = false;
            next.at(me, At::LookAfterLocks);
            Outcome::Done
        }),
        At::LookAfterLocks => steps.add("newfstatat", |next| {
            let is_empty = next.kernel.file(next.kernel.inode(me)).bytes.is_none();
            let has_all = next.kernel.file(next.kernel.inode(me)).writer.is_some();
            if next.named(me) && is_empty {
                next.hinits[me].has_claimed = has_all;
                next.at(me, if has_all { At::Reserve } else { At::LockWriter });
            } else {
                next.attempt_fails(me, setup, false);
            }
            next.size(state.kernel.name)
        }),
        At::LockWriter => steps.add("fcntl(F_OFD_SETLK, F_WRLCK)", |next| {
            let is_claimed =
                !has(Mutation::WriterLockBeforeLook) && !has(Mutation::LockBeforeEmptying);
            let then = if is_claimed {
                At::Reserve
            } else if has(Mutation::LockBeforeEmptying) && !next.hinits[me].is_empty {
                At::ReadOldBytes
            } else {
                At::SetMode
            };
            next.at(me, then);
            next.hinits[me].has_claimed = is_claimed;
            if !setup.ofd_locks {
                return Outcome::Fails("EINVAL");
            }
            if !next.kernel.lock_writer(me, 4) {
                next.attempt_fails(me, setup, false);
                return Outcome::Fails("EAGAIN");
            }
            Outcome::Done
        }),
        _ => {}
    }
}

fn after_open(setup: &Setup) -> At {
    if setup.has(Mutation::SizeBeforeLock) {
        At::Stat
    } else {
        At::LockShared
    }
}

fn after_shared(is_empty: bool, setup: &Setup) -> At {
    if is_empty || setup.has(Mutation::LockBeforeEmptying) {
        before_exclusive(setup)
    } else {
        At::ReadOldBytes
    }
}

fn before_exclusive(setup: &Setup) -> At {
    if setup.ofd_locks {
        At::DropShared
    } else {
        At::LockExclusive
    }
}
