//! The model as the checker sees it, and the story of a counterexample.

use std::fmt::{self, Display, Formatter};

use stateright::{Checker, HasDiscoveries, Model, Property};

use crate::hinit::hinit_steps;
use crate::process::process_steps;
use crate::reader::reader_steps;
use crate::rules::{Rule, Setup};
use crate::stranger::stranger_steps;
use crate::world::{Actor, Outcome, State, Step};

impl Model for Setup {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State::default()]
    }

    fn actions(&self, state: &State, found: &mut Vec<Step>) {
        if state.broken.is_some() {
            return;
        }
        for number in 0..self.hinits {
            hinit_steps(state, number, self, found);
        }
        for (number, is_there) in [(0, self.check), (1, self.signal)] {
            if is_there {
                reader_steps(state, number, self, found);
            }
        }
        stranger_steps(state, self, found);
        process_steps(state, self, found);
        for step in found {
            step.next.observe(step.actor, self);
            step.next
                .broken
                .take_if(|rule| self.only.is_some_and(|only| only != *rule));
        }
    }

    fn next_state(&self, _: &State, step: Step) -> Option<State> {
        Some(if self.ignores_names {
            step.next.representative(self)
        } else {
            step.next
        })
    }

    fn properties(&self) -> Vec<Property<Self>> {
        macro_rules! properties {
            ($($rule:ident)*) => {
                vec![$(Property::always(
                    Rule::$rule.claim(),
                    |_, state: &State| state.broken != Some(Rule::$rule),
                )),*]
            };
        }
        properties!(
            NothingLaunchedUnclaimed OneOwner NoStalePid PidNotReused LocksHeld ChecksDisturbNoStart NextStartWorks
            OnlyItsOwnFile NoFalseHealthy NoWrongSignal StopIsSeen
        )
    }
}

/// The number of states, or the rule that does not hold and the shortest way to break it.
pub fn explore(setup: &Setup) -> Result<usize, (&'static str, Vec<Step>)> {
    let checker = setup.clone().checker().threads(2);
    let checker = checker
        .finish_when(HasDiscoveries::AnyFailures)
        .spawn_bfs()
        .join();
    let mut stories: Vec<_> = checker.discoveries().into_iter().collect();
    stories.sort_by_key(|(_, path)| path.clone().into_actions().len());
    match stories.into_iter().next() {
        Some((claim, path)) => Err((claim, path.into_actions())),
        None => Ok(checker.unique_state_count()),
    }
}

impl Display for Step {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        let actor = match self.actor {
            Actor::Hinit(0) => "hinit A",
            Actor::Hinit(_) => "hinit B",
            Actor::Reader(0) => "check",
            Actor::Reader(_) => "signal",
            Actor::Stranger => "stranger",
            Actor::Process(pid) => {
                return write!(
                    f,
                    "{:<10}{}{}",
                    format!("PID {pid}"),
                    self.call,
                    self.outcome
                );
            }
        };
        let pid = self
            .pid
            .map_or(String::new(), |pid| format!(" of PID {pid}"));
        write!(f, "{actor:<10}{}{pid}{}", self.call, self.outcome)
    }
}

impl Display for Outcome {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        match self {
            Self::Done => Ok(()),
            Self::Fails(errno) => write!(f, ": {errno}"),
            Self::Pid(pid) => write!(f, ": PID {pid}"),
            Self::Size(true) => write!(f, ": a file, empty"),
            Self::Size(false) => write!(f, ": a file, not empty"),
            Self::Bytes(None) => write!(f, ": nothing"),
            Self::Bytes(Some(pid)) => write!(f, ": {pid}"),
            Self::Lock(None) => write!(f, ": no writer lock"),
            Self::Lock(Some(length)) => write!(f, ": a writer lock of {length} bytes"),
            Self::State(state) => write!(f, ": {state}"),
        }
    }
}
