//! The system calls of the readers, as src/lookup, src/pidfile and src/process make them. `hinit signal` looks once more.

use crate::kernel::{Inode, Owner, Pid, READERS, bit};
use crate::reader::{At, Handle, Look, Reader};
use crate::rules::{Mutation, Rule, Setup};
use crate::world::{Actor, Outcome, State, Step, Steps};

pub fn reader_steps(state: &State, number: u8, setup: &Setup, found: &mut Vec<Step>) {
    let (is_signal, me) = (number == 1, READERS + number);
    let reader = &state.readers[number];
    let mut steps = Steps {
        state,
        actor: Actor::Reader(number),
        found,
    };
    let swaps = setup.has(Mutation::BytesBeforeLock);
    let ends = |next: &mut State| {
        next.kernel.close(me);
        next.readers[number] = Reader::default();
    };
    let goes = |next: &mut State, at| next.readers[number].at = at;
    match reader.at {
        At::NotRunning => steps.add("newfstatat", |next| {
            let Some(inode) = next.kernel.name else {
                return Outcome::Fails("ENOENT");
            };
            next.readers[number] = Reader {
                at: At::Open,
                named: Some(inode),
                ..Reader::default()
            };
            Outcome::Size(next.kernel.file(inode).bytes.is_none())
        }),
        At::Open => steps.add("openat(O_RDONLY)", |next| {
            let Some(inode) = next.kernel.name else {
                ends(next);
                return Outcome::Fails("ENOENT");
            };
            next.kernel.open[me] = Some(inode);
            next.readers[number].is_after_mark = next.is_marked(inode);
            goes(next, At::Stat);
            Outcome::Done
        }),
        At::Stat => steps.add("fstat", |next| {
            let inode = next.kernel.inode(me);
            let file = next.kernel.file(inode);
            let (is_empty, is_sticky, owner) = (file.bytes.is_none(), file.sticky, file.owner);
            if next.readers[number].named == Some(inode) && owner == Owner::HinitsUser {
                next.readers[number].is_stopping = is_sticky;
                goes(next, if swaps { At::Bytes } else { At::Lock });
            } else {
                ends(next);
            }
            Outcome::Size(is_empty)
        }),
        At::Lock => {
            let by_flock = !setup.ofd_locks || setup.has(Mutation::FlockIsProof);
            let call = if by_flock {
                "flock(LOCK_SH|LOCK_NB)"
            } else {
                "fcntl(F_OFD_GETLK)"
            };
            steps.add(call, |next| {
                let file = next.kernel.file(next.kernel.inode(me));
                let writer = file.writer.map(|(_, length)| length);
                let is_held = if by_flock {
                    file.exclusive.is_some()
                } else {
                    writer.is_some()
                };
                let reader = &mut next.readers[number];
                if reader.look == Look::First && !by_flock && !setup.has(Mutation::MarkInMode) {
                    reader.is_stopping = writer == Some(3);
                }
                reader.is_held = is_held;
                if by_flock && !is_held {
                    next.kernel.lock_shared(me);
                    goes(next, At::Unlock);
                } else if swaps {
                    next.after_bytes(number, is_held);
                } else if is_held || reader.look == Look::First {
                    goes(next, At::Bytes);
                } else {
                    ends(next);
                }
                Outcome::Lock(writer)
            });
        }
        At::Unlock => steps.add("flock(LOCK_UN)", |next| {
            ends(next);
            Outcome::Done
        }),
        At::Bytes => steps.add("pread64", |next| {
            let bytes = next.kernel.file(next.kernel.inode(me)).bytes;
            let reader = &mut next.readers[number];
            let is_expected = match reader.look {
                Look::First => bytes.is_some(),
                Look::Second | Look::Third => bytes == reader.pid,
            };
            let skips_lock = setup.has(Mutation::NoSecondLook) && reader.look == Look::Second;
            let is_held = std::mem::take(&mut reader.is_held);
            reader.pid = bytes;
            if swaps && is_expected {
                goes(next, At::Lock);
            } else {
                next.after_bytes(number, is_expected && (is_held || skips_lock));
            }
            Outcome::Bytes(bytes)
        }),
        At::Name => steps.add("newfstatat", |next| {
            let name = next.kernel.name;
            if name != next.kernel.open[me] {
                ends(next);
            } else if next.readers[number].look == Look::Third {
                goes(next, At::Send);
            } else if is_signal {
                goes(next, At::OpenHandle);
            } else {
                next.judge_verdict(number, setup);
                ends(next);
            }
            name.map_or(Outcome::Fails("ENOENT"), |name| {
                Outcome::Size(
                    next.kernel.inodes[name]
                        .as_ref()
                        .is_none_or(|file| file.bytes.is_none()),
                )
            })
        }),
        At::Probe | At::ProbeAgain => {
            let pid = reader.pid.unwrap();
            steps.add_of("tgkill(0)", reader.pid, |next| {
                if next.kernel.processes[pid].is_none() {
                    ends(next);
                    return Outcome::Fails("ESRCH");
                }
                // The second time: it exists, and /proc does not show it.
                let is_first = next.readers[number].at == At::Probe;
                if is_first {
                    goes(next, At::OpenProc);
                } else {
                    next.looks_again(number, Look::Second, setup);
                }
                Outcome::Done
            });
        }
        At::OpenProc => {
            let pid = reader.pid.unwrap();
            steps.add_of("openat(/proc/PID/stat)", reader.pid, |next| {
                if next.kernel.processes[pid].is_none() {
                    goes(next, At::ProbeAgain);
                    return Outcome::Fails("ENOENT");
                }
                next.open_handle(number, pid);
                goes(next, At::ReadProc);
                Outcome::Done
            });
        }
        At::ReadProc => {
            let pid = reader.pid.unwrap();
            steps.add_of("read(/proc/PID/stat)", reader.pid, |next| {
                let exists = next.readers[number].handle.unwrap().exists;
                next.readers[number]
                    .handle
                    .take_if(|_| !setup.is_strict || is_signal);
                let is_running = exists && next.kernel.running(pid).is_some();
                if is_running {
                    next.looks_again(number, Look::Second, setup);
                } else {
                    ends(next);
                }
                let zombie = if exists {
                    Outcome::State('Z')
                } else {
                    Outcome::Fails("ESRCH")
                };
                if is_running {
                    Outcome::State('R')
                } else {
                    zombie
                }
            });
        }
        At::OpenHandle => {
            let pid = reader.pid.unwrap();
            steps.add_of("pidfd_open", reader.pid, |next| {
                if next.kernel.processes[pid].is_none() {
                    ends(next);
                    return Outcome::Fails("ESRCH");
                }
                next.open_handle(number, pid);
                next.looks_again(number, Look::Third, setup);
                Outcome::Done
            });
        }
        At::Send => steps.add_of("pidfd_send_signal", reader.pid, |next| {
            let handle = next.readers[number].handle.unwrap();
            if handle.exists && !handle.was_server {
                next.breaks(Rule::NoWrongSignal);
            }
            ends(next);
            if handle.exists {
                Outcome::Done
            } else {
                Outcome::Fails("ESRCH")
            }
        }),
    }
}

impl State {
    fn looks_again(&mut self, number: u8, look: Look, setup: &Setup) {
        let skips_lock = setup.has(Mutation::NoSecondLook) && look == Look::Second;
        let bytes_first = setup.has(Mutation::BytesBeforeLock) || skips_lock;
        self.readers[number].look = look;
        self.readers[number].at = if bytes_first { At::Bytes } else { At::Lock };
    }

    /// The lock and the bytes have been seen.
    fn after_bytes(&mut self, number: u8, is_well: bool) {
        if is_well {
            let is_first = self.readers[number].look == Look::First;
            self.readers[number].at = if is_first { At::Probe } else { At::Name };
        } else {
            self.kernel.close(READERS + number);
            self.readers[number] = Reader::default();
        }
    }

    fn open_handle(&mut self, number: u8, pid: Pid) {
        let reader = &mut self.readers[number];
        let was_server = reader.servers_that_exist & bit(pid) != 0;
        reader.handle = Some(Handle {
            pid,
            exists: true,
            was_server,
        });
    }

    /// The hinit that has this file open has marked a stop.
    fn is_marked(&self, inode: Inode) -> bool {
        let mut hinits = (0..).zip(self.hinits.iter());
        hinits.any(|(number, hinit)| hinit.has_marked && self.kernel.open[number] == Some(inode))
    }

    /// The check prints `healthy: process PID is alive`.
    fn judge_verdict(&mut self, number: u8, setup: &Setup) {
        let reader = &self.readers[number];
        if reader.is_stopping {
            return;
        }
        let is_another = reader.handle.is_some_and(|handle| !handle.was_server);
        if setup.is_strict && is_another || reader.servers & bit(reader.pid.unwrap()) == 0 {
            self.breaks(Rule::NoFalseHealthy);
        } else if reader.is_after_mark {
            self.breaks(Rule::StopIsSeen);
        }
    }
}
