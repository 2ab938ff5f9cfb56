//! What hinit hears by sockets: the server at the notify socket, and probes.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use super::health::Health;
use super::launch::Identity;
use super::notify::Notify;
use super::responder::Responder;
use crate::cli::Run;
use crate::error::Error;
use crate::output::Log;
use crate::pidfile::Claim;
use crate::sys::describe;

pub(super) struct Sockets {
    /// So that a wait has one descriptor more to look at, however many there are.
    epoll: Epoll,
    notify: Option<Notify>,
    responder: Responder,
}

/// The number of the notify socket. The others are the responder's.
const NOTIFY: u64 = u64::MAX;
/// How many sockets are attended to before signals have their turn.
const MAX_AT_ONCE: usize = 4;

impl Sockets {
    /// None, if nobody is to be heard.
    pub(super) fn open(
        options: &Run,
        claim: Option<&Claim>,
        identity: Option<&Identity>,
        log: Log,
    ) -> Result<Option<Self>, Error> {
        if !are_wanted(options) {
            return Ok(None);
        }
        let fail = |errno: Errno| Error::cannot("open", &"epoll", &describe(errno));
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).map_err(fail)?;
        let responder = Responder::open(&options.listen, claim, options.mode)?;
        responder.listen(&epoll).map_err(fail)?;
        let notify = match &options.notify {
            Some(notify) => Some(Notify::open(options, notify, claim, identity, log)?),
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

    /// Names all that must stay open.
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

    /// Answers probes. True, if the server has something to say.
    pub(super) fn attend(&mut self, health: &Health) -> bool {
        let mut events = [EpollEvent::empty(); MAX_AT_ONCE];
        let count = self.epoll.wait(&mut events, EpollTimeout::ZERO);
        let now = Instant::now();
        let mut is_called = false;
        for event in events.iter().take(count.unwrap_or_default()) {
            match event.data() {
                NOTIFY => is_called = true,
                number => self.responder.attend(&self.epoll, number, health, now),
            }
        }
        is_called
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
    /// Readable while there is something to attend to.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.0.as_fd()
    }
}

/// Whether hinit is to hear anything at all.
pub(super) fn are_wanted(options: &Run) -> bool {
    options.notify.is_some() || !options.listen.is_empty() || options.ready_when.is_some()
}
