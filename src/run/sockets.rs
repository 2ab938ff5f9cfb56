//! The sockets that the main loop watches: the notify socket and the responder's.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use super::health::Health;
use super::launch::Identity;
use super::notify::Notify;
use super::responder::Responder;
use crate::cli::Run;
use crate::error::{self, Error, Verb};
use crate::pidfile::Claim;

pub(super) struct Sockets {
    /// One descriptor for the main loop to poll, however many sockets there are.
    epoll: Epoll,
    notify: Option<Notify>,
    responder: Responder,
}

/// The notify socket's number in `epoll`. All others are the responder's.
const NOTIFY: u64 = u64::MAX;
/// How many events are handled before the main loop polls for signals again.
const MAX_AT_ONCE: usize = 4;

impl Sockets {
    /// None, if the options ask for no socket.
    pub(super) fn open(
        options: &Run,
        claim: Option<&Claim>,
        identity: Option<&Identity>,
    ) -> error::Result<Option<Self>> {
        if !are_wanted(options) {
            return Ok(None);
        }
        let fail = |errno: Errno| Error::failed(Verb::Open, "epoll", errno);
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).map_err(fail)?;
        let responder = Responder::open(&options.listen, claim, options.mode)?;
        responder.watch_listeners(&epoll).map_err(fail)?;
        let notify = match &options.notify {
            Some(notify) => {
                let opened = Notify::open(options, notify, claim, identity);
                let fail = |errno: Errno| Error::failed(Verb::OpenSocket, "NOTIFY_SOCKET", errno);
                Some(opened.map_err(fail)?)
            }
            None => None,
        };
        if let Some(notify) = &notify {
            let event = EpollEvent::new(EpollFlags::EPOLLIN, NOTIFY);
            epoll.add(notify, event).map_err(fail)?;
        }
        Ok(Some(Self {
            epoll,
            notify,
            responder,
        }))
    }

    /// Passes each descriptor that must stay open.
    pub(super) fn keep(&self, keep: &mut dyn FnMut(BorrowedFd)) {
        keep(self.as_fd());
        if let Some(notify) = &self.notify {
            notify.keep(keep);
        }
        self.responder.keep(keep);
    }

    pub(super) fn notify(&mut self) -> Option<&mut Notify> {
        self.notify.as_mut()
    }

    /// Answers HTTP requests. True, if a notify message may wait.
    pub(super) fn handle_events(&mut self, health: &Health) -> bool {
        let mut events = [EpollEvent::empty(); MAX_AT_ONCE];
        let count = self.epoll.wait(&mut events, EpollTimeout::ZERO);
        let now = Instant::now();
        let mut has_message = false;
        for event in events.iter().take(count.unwrap_or_default()) {
            match event.data() {
                NOTIFY => has_message = true,
                number => self
                    .responder
                    .handle_event(&self.epoll, number, health, now),
            }
        }
        has_message
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.responder.deadline()
    }

    pub(super) fn postpone(&mut self, by: Duration) {
        self.responder.postpone(by);
    }

    pub(super) fn expire(&mut self, health: &Health, now: Instant) {
        self.responder.expire(&self.epoll, health, now);
    }
}

impl AsFd for Sockets {
    /// Readable while there is an event to handle.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.0.as_fd()
    }
}

/// Whether the options ask for a socket. `--ready-when` needs one to answer whether the server is ready.
pub(super) fn are_wanted(options: &Run) -> bool {
    options.notify.is_some() || !options.listen.is_empty() || options.ready_when.is_some()
}
