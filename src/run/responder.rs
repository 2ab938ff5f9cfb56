//! A tiny HTTP server for probes, in hinit's main loop. It never blocks and has a fixed number of connections, so
//! that no client can make hinit grow or wait.

use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollEvent, EpollFlags};

use super::health::Health;
use crate::cli::{Address, Written};
use crate::error::{self, Error, Verb};
use crate::file::Entry;
use crate::pidfile::{Claim, SOCKET, beside};
use crate::sys::try_reserve;

mod connection;
mod listener;
mod request;

use connection::Connection;
use listener::Listener;
#[cfg(any(fuzzing, test))]
pub(crate) use request::fuzz;

/// How many connections there are at the same time. One more replaces the connection that has been idle for the
/// longest time.
const MAX_CONNECTIONS: usize = 16;
/// How long to wait before the next accept(2) when the system is out of descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

pub(super) struct Responder {
    listeners: Vec<Listener>,
    /// Used and unused ones.
    connections: Vec<Connection>,
    /// Until then nothing is accepted.
    paused_until: Option<Instant>,
}

impl Responder {
    /// Listens at these addresses and beside the PID file. `mode` is that of the PID file: the users that may read
    /// it may connect to a Unix socket.
    pub(super) fn open(
        addresses: &[Written<Address>],
        claim: Option<&Claim>,
        mode: u32,
    ) -> error::Result<Self> {
        let mut listeners = Vec::new();
        for Written { text, value } in addresses {
            match value {
                Address::Unix(path) => {
                    let shown = text.strip_prefix("unix:").unwrap_or(text);
                    listeners.push(Listener::unix(shown.as_ref(), Entry::of(path), mode)?);
                }
                Address::Tcp(addresses) => listeners.extend(Listener::tcp(text, addresses)?),
            }
        }
        if let Some(claim) = claim {
            let path = beside(claim.shown(), SOCKET);
            listeners.push(Listener::unix(&path, claim.beside(SOCKET), mode)?);
        }
        // Without a listener no connection is ever used.
        let count = if listeners.is_empty() {
            0
        } else {
            MAX_CONNECTIONS
        };
        let now = Instant::now();
        let mut connections = Vec::new();
        try_reserve(&mut connections, count)
            .map_err(|errno| Error::failed(Verb::Allocate, "connections for probes", errno))?;
        connections.extend((0..count).map(|_| Connection::new(now)));
        Ok(Self {
            listeners,
            connections,
            paused_until: None,
        })
    }

    /// Passes each descriptor that must stay open. Clients may have connected while the server's program was
    /// loaded.
    pub(super) fn keep(&self, keep: &mut dyn FnMut(BorrowedFd)) {
        for listener in &self.listeners {
            listener.keep(keep);
        }
        for connection in &self.connections {
            connection.keep(keep);
        }
    }

    /// Adds the listeners to `epoll`, each with its index as its number. A connection has the number of its slot
    /// plus the number of listeners.
    pub(super) fn watch_listeners(&self, epoll: &Epoll) -> nix::Result<()> {
        for (listener, number) in self.listeners.iter().zip(0..) {
            match epoll.add(listener, EpollEvent::new(EpollFlags::EPOLLIN, number)) {
                Ok(()) | Err(Errno::EEXIST) => {}
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }

    /// Accepts connections at the listener of this number, or reads from the connection.
    pub(super) fn handle_event(
        &mut self,
        epoll: &Epoll,
        number: u64,
        health: &Health,
        now: Instant,
    ) {
        let number = usize::try_from(number).unwrap_or(usize::MAX);
        match number.checked_sub(self.listeners.len()) {
            None => self.accept(epoll, number, health, now),
            Some(slot) => {
                if let Some(connection) = self.connections.get_mut(slot) {
                    connection.handle_event(health, now);
                }
            }
        }
    }

    /// Accepts one connection. For those that still wait epoll reports another event.
    fn accept(&mut self, epoll: &Epoll, number: usize, health: &Health, now: Instant) {
        let Some(listener) = self.listeners.get(number) else {
            return;
        };
        let socket = match listener.accept() {
            Ok(socket) => socket,
            Err(Errno::EMFILE | Errno::ENFILE | Errno::ENOBUFS | Errno::ENOMEM) => {
                if !self.close_idle() {
                    self.pause_accepting(epoll, now);
                }
                return;
            }
            // The client has closed it already.
            Err(_) => return,
        };
        let slots = self.connections.iter_mut().zip(self.listeners.len()..);
        let first = slots.min_by_key(|(connection, _)| connection.eviction_order());
        if let Some((connection, number)) = first {
            connection.open(socket, now);
            // Its request has mostly arrived by now, and the connection of a health check ends with the answer.
            connection.handle_event(health, now);
            connection.watch(epoll, number as u64);
        }
    }

    /// Closes the connection that has been idle for the longest time. False, if none is idle.
    fn close_idle(&mut self) -> bool {
        let all = self.connections.iter_mut();
        let idle = all.filter(|connection| connection.is_idle());
        let first = idle.min_by_key(|connection| connection.eviction_order());
        first.map(Connection::close).is_some()
    }

    fn pause_accepting(&mut self, epoll: &Epoll, now: Instant) {
        self.paused_until = Some(now + ACCEPT_PAUSE);
        for listener in &self.listeners {
            // It fails only for a listener that could not be added again, which epoll does not watch anyway.
            let _ignored = epoll.delete(listener);
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let requests = self.connections.iter().filter_map(Connection::deadline);
        requests.chain(self.paused_until).min()
    }

    pub(super) fn postpone(&mut self, by: Duration) {
        let requests = self
            .connections
            .iter_mut()
            .filter_map(Connection::deadline_mut);
        for instant in requests.chain(&mut self.paused_until) {
            *instant += by;
        }
    }

    /// Ends the requests that took too long, and listens again after a pause.
    pub(super) fn expire(&mut self, epoll: &Epoll, health: &Health, now: Instant) {
        for connection in &mut self.connections {
            connection.expire(health, now);
        }
        if self.paused_until.is_some_and(|until| until <= now) {
            self.paused_until = self
                .watch_listeners(epoll)
                .is_err()
                .then_some(now + ACCEPT_PAUSE);
        }
    }
}
