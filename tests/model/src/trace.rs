//! Whether the model accepts a recorded life: from the first call to the last there is a path through its states on
//! which the actors make these calls in this order, with these results.

use std::collections::HashSet;

use stateright::Model;

use crate::rules::Setup;
use crate::strace::Observed;
use crate::world::{Actor, Outcome, State, Step};

/// The model of everything that a recorded life may contain.
pub const SETUP: Setup = Setup {
    name: "a recorded life",
    hinits: 2,
    check: true,
    signal: true,
    pids: 3,
    handover: true,
    delay: true,
    ..Setup::PLAIN
};

/// The steps that are no calls on the PID file, or which strace does not show.
fn is_hidden(step: &Step) -> bool {
    const OF_HINIT: [&str; 7] = [
        "starts",
        "flock(LOCK_EX|LOCK_NB) drops LOCK_SH",
        "read",
        "is asked to stop, with a delay",
        "leaves",
        "does not use the file",
        "read(/proc/PID/stat)",
    ];
    match step.actor {
        Actor::Process(_) => !step.call.starts_with("another program"),
        // A message that names no child: strace shows the same call for the sender of a message.
        Actor::Hinit(_) if step.call == "waitid(P_PID)" => step.outcome != Outcome::Done,
        Actor::Hinit(_) => OF_HINIT.contains(&step.call),
        Actor::Reader(_) => step.call.contains("/proc"),
        Actor::Stranger => false,
    }
}

fn is(step: &Step, observed: &Observed) -> bool {
    (step.actor, step.call, step.pid, step.outcome)
        == (
            observed.actor,
            observed.call,
            observed.pid,
            observed.outcome,
        )
}

/// All states to which hidden steps lead.
fn close(states: HashSet<State>) -> HashSet<State> {
    let mut left: Vec<State> = states.iter().cloned().collect();
    let mut all = states;
    while let Some(state) = left.pop() {
        let mut steps = Vec::new();
        SETUP.actions(&state, &mut steps);
        for step in steps.into_iter().filter(is_hidden) {
            if all.insert(step.next.clone()) {
                left.push(step.next);
            }
        }
    }
    all
}

/// The number of the first call that the model does not make, if there is one.
pub fn refused(trace: &[Observed]) -> Option<usize> {
    let mut states = HashSet::from([State::default()]);
    for (number, observed) in trace.iter().enumerate() {
        let mut next = HashSet::new();
        for state in close(states) {
            let mut steps = Vec::new();
            SETUP.actions(&state, &mut steps);
            let same = steps
                .into_iter()
                .filter(|step| is(step, observed) && step.next.broken.is_none());
            next.extend(same.map(|step| step.next));
        }
        if next.is_empty() {
            return Some(number);
        }
        states = next;
    }
    None
}

/// Judges a record, and the same record with changes.
pub fn judge(record: &str, file: &str) -> bool {
    let text = std::fs::read_to_string(record).unwrap();
    let trace = crate::strace::read(&text, file);
    if let Some(number) = refused(&trace) {
        println!(
            "FAILED: {record}: the model does not make call {number} of {}:",
            trace.len()
        );
        for (at, call) in trace.iter().enumerate().take(number + 1) {
            println!("  {at:>3} {:?} {}", call.actor, call.line);
        }
        return false;
    }
    println!("{record}: the model makes all {} calls", trace.len());
    trace.len() > 20 && changes(&trace)
}

/// The record with each possible change: a call is left out, comes twice, or changes places with the next one. Those that
/// the model makes all the same are printed.
fn changes(trace: &[Observed]) -> bool {
    let (mut all, mut accepted) = (0, Vec::new());
    for at in 0..trace.len() {
        let mut left_out = trace.to_vec();
        left_out.remove(at);
        let mut twice = trace.to_vec();
        twice.insert(at, trace[at].clone());
        let mut changed = vec![("left out", left_out), ("twice", twice)];
        if let Some(next) = trace.get(at + 1)
            && next != &trace[at]
        {
            let mut swapped = trace.to_vec();
            swapped.swap(at, at + 1);
            changed.push(("after the next one", swapped));
        }
        for (change, trace_with) in changed {
            all += 1;
            if refused(&trace_with).is_none() {
                accepted.push((change, trace[at].actor, trace[at].call));
            }
        }
    }
    println!("  of {all} changes it makes {}:", accepted.len());
    for (change, actor, call) in &accepted {
        println!("    {actor:?} {call} {change}");
    }
    accepted.len() * 5 < all
}
