//! The processes that are neither hinit nor a reader: the server, its children, and strangers to all of it.

use crate::kernel::{Parent, Process};
use crate::rules::Setup;
use crate::world::{Actor, Outcome, State, Step, Steps};

/// What processes do: a child executes the server, the server has a child, a process ends, the kernel gives a free PID to
/// a new process that has nothing to do with hinit.
pub fn process_steps(state: &State, setup: &Setup, found: &mut Vec<Step>) {
    let start = |parent| {
        Some(Process {
            parent,
            is_zombie: false,
            inherits: None,
        })
    };
    for pid in 0..setup.pids {
        let mut steps = Steps {
            state,
            actor: Actor::Process(pid),
            found,
        };
        let Some(process) = state.kernel.processes[pid] else {
            // Where nobody knows the PID, nothing comes of it.
            if !state.is_known(pid) {
                continue;
            }
            steps.add("another program starts, with this PID", |next| {
                next.kernel.processes[pid] = start(Parent::Outside);
                Outcome::Done
            });
            continue;
        };
        if process.is_zombie {
            continue;
        }
        if let Some((of, _)) = process.inherits {
            steps.add("execve", |next| {
                next.kernel.processes[pid].as_mut().unwrap().inherits = None;
                next.close_inherited(of);
                Outcome::Done
            });
        }
        steps.add("exit_group", |next| {
            next.end(pid);
            Outcome::Done
        });
        if setup.handover && process.inherits.is_none() && process.parent != Parent::Outside {
            let parents = [Parent::Process(pid), state.kernel.reaper_of(pid)];
            for child in state.free_pids(setup.pids) {
                for (call, parent) in ["clone", "clone, by a child that exits"]
                    .into_iter()
                    .zip(parents)
                {
                    steps.add(call, |next| {
                        next.kernel.processes[child] = start(parent);
                        Outcome::Pid(child)
                    });
                }
            }
        }
    }
}
