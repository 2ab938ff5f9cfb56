//! What the main loop of hinit waits for, as `src/run/main_loop` does: a request to stop, a message, the end of a child.

use crate::hinit::At;
use crate::kernel::{Parent, Pid};
use crate::rules::{Mutation, Setup};
use crate::world::{Outcome, State, Steps};

/// What the main loop may do next: mark the file, read a message, find a child that has ended, or leave.
pub fn main_loop(steps: &mut Steps, me: u8, setup: &Setup) {
    let state = steps.state;
    let mine = &state.hinits[me];
    let uses_file = !mine.is_released || setup.has(Mutation::UseAfterRelease);
    if setup.delay && mine.server.is_some() && !mine.has_marked {
        steps.add("is asked to stop, with a delay", |next| {
            next.at(
                me,
                if uses_file {
                    At::MarkMode
                } else {
                    At::MainLoop
                },
            );
            next.hinits[me].has_marked |= !uses_file;
            Outcome::Done
        });
    }
    for pid in 0..setup.pids {
        let process = state.kernel.processes[pid];
        if setup.handover && mine.server.is_some_and(|server| server != pid) {
            message(steps, me, pid, setup, uses_file);
        }
        if process.is_some_and(|p| p.is_zombie && p.parent == Parent::Hinit(me)) {
            // The SIGCHLD has named it.
            if mine.server != Some(pid) {
                steps.add_of("wait4", Some(pid), |next| {
                    next.reap(pid, setup.ofd_locks);
                    Outcome::Done
                });
            }
            steps.add("waitid(P_ALL)", |next| {
                next.hinits[me].ended = Some(pid);
                let is_server = next.hinits[me].server == Some(pid);
                let reaps_first = setup.has(Mutation::ReapBeforeEmptying);
                next.hinits[me].is_ending = is_server;
                let then = if !is_server {
                    At::ReapOrphan
                } else if next.hinits[me].successor.is_some() {
                    At::TakeSuccessor
                } else if reaps_first || !uses_file {
                    At::Reap
                } else {
                    At::Empty
                };
                next.at(me, then);
                Outcome::Pid(pid)
            });
        }
    }
    if mine.server.is_none() {
        steps.add("leaves", |next| {
            next.at(
                me,
                if mine.is_abandoned {
                    At::Exit
                } else {
                    At::LookBeforeUnlink
                },
            );
            Outcome::Done
        });
    }
}

/// `MAINPID=`, from a process below hinit.
fn message(steps: &mut Steps, me: u8, pid: Pid, setup: &Setup, uses_file: bool) {
    let kernel = &steps.state.kernel;
    let (exists, is_child) = (kernel.processes[pid].is_some(), kernel.is_child(me, pid));
    let is_running = kernel.running(pid).is_some();
    let is_below = is_running && kernel.reaper_of(pid) == Parent::Hinit(me);
    steps.add_of("waitid(P_PID)", Some(pid), |next| {
        next.hinits[me].successor = None;
        if is_child && is_running || exists && setup.has(Mutation::MainPidOfAnyProcess) {
            next.hand_over(me, pid, uses_file);
        } else if is_below && !is_child {
            next.hinits[me].successor = Some((pid, true));
        }
        if is_child {
            Outcome::Done
        } else {
            Outcome::Fails("ECHILD")
        }
    });
}

impl State {
    pub fn hand_over(&mut self, me: u8, pid: Pid, uses_file: bool) {
        let hinit = &mut self.hinits[me];
        hinit.previous = hinit.server.replace(pid);
        (hinit.is_ending, hinit.ended) = (false, None);
        if !uses_file {
            hinit.previous = None;
        }
        hinit.at = if uses_file {
            At::HandOver
        } else {
            At::MainLoop
        };
    }
}
