//! A tiny HTTP server for probes, in hinit's own loop. It never blocks, and has a fixed number of places
//! for connections, so that no client can make hinit grow or wait.

use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollEvent, EpollFlags};

use super::health::Health;
use crate::cli::Address;
use crate::error::Error;
use crate::file::Entry;
use crate::pidfile::{Claim, SOCKET, beside};
use crate::sys::{describe, try_reserve};

mod connection;
mod listener;
mod request;

use connection::Connection;
use listener::Listener;
#[cfg(any(fuzzing, test))]
pub(crate) use request::fuzz;

/// How many connections there are at the same time. With one more, the one goes that has been idle for
/// the longest time.
const MAX_CONNECTIONS: usize = 16;
/// How many are accepted at once, so that signals have their turn.
const MAX_AT_ONCE: usize = 4;
/// How long not to listen when no connection can be accepted (no descriptors, no memory).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

pub(super) struct Responder {
    listeners: Vec<Listener>,
    places: Vec<Connection>,
    /// Until when nothing is accepted.
    paused_until: Option<Instant>,
}

impl Responder {
    /// Listens at these addresses, and beside the PID file; at a Unix socket for those whom `mode` lets read.
    pub(super) fn open(
        addresses: &[Address],
        claim: Option<&Claim>,
        mode: u32,
    ) -> Result<Self, Error> {
        let mut listeners = Vec::new();
        for address in addresses {
            match address {
                Address::Unix(path) => {
                    listeners.push(Listener::unix(path, Entry::of(path), mode)?);
                }
                Address::Tcp(addresses) => listeners.extend(Listener::tcp(addresses)?),
            }
        }
        if let Some(claim) = claim {
            let path = beside(claim.path(), SOCKET);
            listeners.push(Listener::unix(&path, claim.beside(SOCKET), mode)?);
        }
        // Without listeners none of them is ever used.
        let count = if listeners.is_empty() {
            0
        } else {
            MAX_CONNECTIONS
        };
        let now = Instant::now();
        let mut places = Vec::new();
        try_reserve(&mut places, count).map_err(|errno| {
            Error::cannot("allocate", &"connections for probes", &describe(errno))
        })?;
        places.extend((0..count).map(|_| Connection::new(now)));
        Ok(Self {
            listeners,
            places,
            paused_until: None,
        })
    }

    /// Names what must stay open. Probes may have come while the server's program was loaded.
    pub(super) fn keep(&self, keep: &mut dyn FnMut(BorrowedFd)) {
        for listener in &self.listeners {
            listener.keep(keep);
        }
        for place in &self.places {
            place.keep(keep);
        }
    }

    /// Has its sockets watched; each by its number, the connections' behind the listeners'.
    pub(super) fn listen(&self, epoll: &Epoll) -> nix::Result<()> {
        for (listener, number) in self.listeners.iter().zip(0..) {
            match epoll.add(listener, EpollEvent::new(EpollFlags::EPOLLIN, number)) {
                Ok(()) | Err(Errno::EEXIST) => {}
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }

    /// Takes care of the socket of this number.
    pub(super) fn attend(&mut self, epoll: &Epoll, number: u64, health: &Health, now: Instant) {
        let number = usize::try_from(number).unwrap_or(usize::MAX);
        match number.checked_sub(self.listeners.len()) {
            None => self.accept(epoll, number, health, now),
            Some(place) => {
                if let Some(connection) = self.places.get_mut(place) {
                    connection.attend(health, now);
                }
            }
        }
    }

    fn accept(&mut self, epoll: &Epoll, number: usize, health: &Health, now: Instant) {
        for turn in 0..MAX_AT_ONCE {
            let Some(listener) = self.listeners.get(number) else {
                return;
            };
            let socket = match listener.accept() {
                Ok(socket) => socket,
                // Said also where nobody waits; but in the first turn somebody does.
                Err(Errno::EMFILE | Errno::ENFILE | Errno::ENOBUFS | Errno::ENOMEM)
                    if turn == 0 =>
                {
                    if !self.drop_idle() {
                        self.pause_accepting(epoll, now);
                    }
                    return;
                }
                // There is none, or it has gone again.
                Err(_) => return,
            };
            let places = self.places.iter_mut().zip(self.listeners.len()..);
            let Some((place, number)) = places.min_by_key(|(place, _)| place.rank()) else {
                return;
            };
            let event = EpollEvent::new(EpollFlags::EPOLLIN, number as u64);
            if epoll.add(&socket, event).is_ok() {
                place.open(socket, now);
                // Its request mostly is there by now.
                place.attend(health, now);
            }
        }
    }

    /// Makes room for one more. False, if nobody is idle.
    fn drop_idle(&mut self) -> bool {
        let idle = self.places.iter_mut().filter(|place| place.is_idle());
        let longest = idle.min_by_key(|place| place.rank());
        longest.map(Connection::close).is_some()
    }

    fn pause_accepting(&mut self, epoll: &Epoll, now: Instant) {
        self.paused_until = Some(now + ACCEPT_PAUSE);
        for listener in &self.listeners {
            // It fails only for one that could not be added again, and so is not watched anyway.
            let _not_there = epoll.delete(listener);
        }
    }

    /// When to come back at the latest.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let requests = self.places.iter().filter_map(Connection::deadline);
        requests.chain(self.paused_until).min()
    }

    /// Moves all deadlines to a later time.
    pub(super) fn postpone(&mut self, by: Duration) {
        let requests = self.places.iter_mut().filter_map(Connection::deadline_mut);
        for instant in requests.chain(&mut self.paused_until) {
            *instant += by;
        }
    }

    /// Ends what has taken too long.
    pub(super) fn expire(&mut self, epoll: &Epoll, health: &Health, now: Instant) {
        for place in &mut self.places {
            place.expire(health, now);
        }
        if self.paused_until.is_some_and(|until| until <= now) {
            self.paused_until = self.listen(epoll).is_err().then_some(now + ACCEPT_PAUSE);
        }
    }
}
