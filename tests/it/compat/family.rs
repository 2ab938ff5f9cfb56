//! A server with a family of processes, and the signals that each of them got.

use std::collections::BTreeMap;

use nix::sys::signal::{Signal, kill as nix_kill};
use nix::unistd::Pid;

use super::{TerminalState, terminal_state};
use crate::support::*;

/// The signals that each process of the family got.
pub(super) type Received = BTreeMap<String, Vec<i32>>;

/// These members got all of these signals in order; the others got none.
pub(super) fn received(members: &[&str], signals: &[i32]) -> Received {
    let mut signals = signals.to_vec();
    signals.sort_unstable();
    members
        .iter()
        .map(|&member| (member.to_owned(), signals.clone()))
        .collect()
}

/// An init with the fixture's family of processes below it; all are killed when dropped.
pub(super) struct Family {
    init: Option<Running>,
    pub(super) server: i32,
    /// In the server's process group.
    pub(super) child: i32,
    /// In other groups; that of the second process is in another session.
    pub(super) others: [i32; 2],
    received: Received,
}

impl Family {
    #[track_caller]
    pub(super) fn start(start: Start) -> Self {
        let init = start.fixture(["family"]).start().ready();
        let server = init.server();
        let children = children_of(server);
        let one = |is_it: &dyn Fn(TerminalState) -> bool| {
            let it = children
                .iter()
                .copied()
                .find(|&pid| is_it(terminal_state(pid)));
            it.unwrap()
        };
        let home = terminal_state(server);
        let child = one(&|place| place.group == home.group);
        let group = one(&|place| place.group != home.group && place.session == home.session);
        let session = one(&|place| place.session != home.session);
        Self {
            init: Some(init),
            server,
            child,
            others: [group, session],
            received: Received::new(),
        }
    }

    pub(super) fn init(&self) -> &Running {
        self.init.as_ref().unwrap()
    }

    /// Sends the init these signals, and waits until the server got the last. It has the highest
    /// number, so the init and the server have handled the others before.
    #[track_caller]
    pub(super) fn signal(&mut self, signals: &[i32]) {
        for &signal in signals {
            self.init().signal(signal);
        }
        let last = *signals.last().unwrap();
        self.expect("server", last);
    }

    /// Waits until this member got this signal.
    #[track_caller]
    pub(super) fn expect(&mut self, member: &str, signal: i32) {
        while !self
            .received
            .get(member)
            .is_some_and(|received| received.contains(&signal))
        {
            let line = self.init().line();
            record(&mut self.received, &line);
        }
    }

    /// Ends all of them.
    #[track_caller]
    pub(super) fn end(self) -> Received {
        kill(self.server, 64);
        self.at_the_end()
    }

    /// Ends the server alone, and the others when the init has exited.
    #[track_caller]
    pub(super) fn server_ends(mut self) -> Received {
        kill(self.server, 63);
        assert_eq!(self.init.as_mut().unwrap().code(), 0);
        for pid in self.others.into_iter().chain([self.child]) {
            kill(pid, 64);
        }
        self.at_the_end()
    }

    /// The signals that they got up to their end.
    #[track_caller]
    pub(super) fn at_the_end(mut self) -> Received {
        let ended = self.init.take().unwrap().end();
        assert_eq!(ended.code, 0, "{ended:?}");
        let mut received = std::mem::take(&mut self.received);
        for line in ended.stdout.lines() {
            record(&mut received, line);
        }
        for signals in received.values_mut() {
            signals.sort_unstable();
        }
        received
    }
}

impl Drop for Family {
    fn drop(&mut self) {
        if self.init.is_some() {
            for pid in self.others.into_iter().chain([self.child, self.server]) {
                let _gone = nix_kill(Pid::from_raw(pid), Signal::SIGKILL);
            }
        }
    }
}

fn record(received: &mut Received, line: &str) {
    let (member, signal) = line.split_once(' ').unwrap();
    received
        .entry(member.to_owned())
        .or_default()
        .push(signal.parse().unwrap());
}
