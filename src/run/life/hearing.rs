//! What the server says of itself, and what hinit makes of it.

use std::time::Instant;

use nix::libc::{SIGCONT, c_int};
use nix::unistd::Pid;

use super::Life;
use crate::process::{self, Process, State};
use crate::run::descendants::{is_below, is_child};
use crate::run::notify::{MOST_BYTES, Word, words};
use crate::run::shutdown::Happened;
use crate::run::sockets::Sockets;
use crate::sys::{describe, effective_user};

/// How many messages are read before others have their turn.
const MOST_AT_ONCE: usize = 16;

impl Life<'_> {
    /// Answers probes, and hears what the server has to say. (Apart from the loop, whose stack would
    /// else be larger by an answer's buffers; so is `hear`.)
    #[inline(never)]
    pub(super) fn attend(&mut self) {
        if let Some(sockets) = &mut self.sockets
            && sockets.attend(&self.health)
        {
            self.hear();
        }
    }

    #[inline(never)]
    pub(super) fn hear(&mut self) {
        let mut bytes = [0; MOST_BYTES];
        for _ in 0..MOST_AT_ONCE {
            let notify = self.sockets.as_mut().and_then(Sockets::notify);
            let server = self.server.pid();
            let Some((datagram, user)) = notify.and_then(|notify| notify.hear(server, &mut bytes))
            else {
                return;
            };
            if datagram.is_empty() {
                continue;
            }
            let text = String::from_utf8_lossy(datagram);
            self.log.verbose(format_args!("the server says {text}"));
            match words(datagram) {
                Some(words) => words.for_each(|word| match word {
                    Some(word) => self.take_note(word, user),
                    None => self.refuse_junk("a line is none of sd_notify's"),
                }),
                None => self.refuse_junk("it is no text"),
            }
        }
    }

    fn refuse_junk(&mut self, why: &str) {
        if let Some(notify) = self.sockets.as_mut().and_then(Sockets::notify) {
            notify.refuse_junk(format_args!("{why}"));
        }
    }

    fn take_note(&mut self, word: Word, user: u32) {
        let now = Instant::now();
        self.health.hear(word, now);
        match word {
            Word::MainPid(pid) if self.may_speak(user, pid) => self.follow(pid),
            Word::Extend(time) => {
                let _nothing = self.shutdown.on(Happened::Extended(time), now);
            }
            _ => {}
        }
    }

    /// Whether this user may say that another process is the server: it gets the server's signals then, and
    /// its end is the server's. Both must be the user's own, where that is not one who may do as much
    /// anyway.
    fn may_speak(&mut self, user: u32, pid: Pid) -> bool {
        let is_own = |pid| process::owner(pid) == Some(user);
        if [0, effective_user()].contains(&user) || is_own(pid) && is_own(self.server.pid()) {
            return true;
        }
        if !std::mem::replace(&mut self.is_told_of_main_pid, true) {
            self.log.warn(format_args!(
                "MAINPID={pid} is not believed: it is not for UID {user} to say"
            ));
        }
        false
    }

    /// Makes another process the server: only a child's PID is no other's as long as hinit has not
    /// reaped it.
    fn follow(&mut self, pid: Pid) {
        // The last word counts.
        self.successor = None;
        if self.server_end.is_some() || pid == self.server.pid() {
            return;
        }
        if is_child(pid) {
            return self.adopt(pid);
        }
        // A grandchild comes to hinit when the server ends, and is the server then.
        self.successor = process::read(pid).filter(|_| is_below(pid));
        if !std::mem::replace(&mut self.is_told_of_main_pid, true) {
            let log = self.log;
            match &self.successor {
                Some(Process { name, .. }) => log.warn(format_args!(
                    "MAINPID={pid} ({name}) is no child of hinit's, and not the server before it is"
                )),
                None => log.warn(format_args!("MAINPID={pid} is no child of hinit's")),
            }
        }
    }

    /// When the server has ended: whoever was to take its place is the server now, if it has come to
    /// hinit.
    pub(super) fn follow_successor(&mut self) {
        if let Some(Process { pid, started, .. }) = self.successor.take()
            && self.server_end.is_none()
            && is_child(pid)
            && process::read(pid).is_some_and(|process| process.started == started)
        {
            self.adopt(pid);
        }
    }

    pub(super) fn adopt(&mut self, pid: Pid) {
        self.log
            .verbose(format_args!("process {pid} is the server from now on"));
        self.former = Some(self.server.pid());
        self.server.adopt(pid);
        let is_stopped = process::read(pid).is_some_and(|new| new.state == State::Stopped);
        self.health.replace_server(pid, is_stopped, Instant::now());
        self.keep_pid_file(|claim| claim.change(pid));
        self.tell_of_stop();
    }

    /// The server that was asked to end is not this one: so it is asked as well.
    fn tell_of_stop(&mut self) {
        if let Some((signal, _)) = self.asked
            && self.delayed.is_none()
            && let Some(number) = self.options.rewrites.apply(signal)
        {
            self.send(number);
        }
    }

    /// Looks whether the server has been silent for too long. True, if it is to end of that.
    pub(super) fn is_to_abort(&mut self, now: Instant) -> bool {
        let Some(verdict) = self.health.newly_silent(now) else {
            return false;
        };
        self.log.warn(format_args!("the server is {verdict}"));
        self.watchdog_signal().is_some()
    }

    /// Has the server end of its silence. One that is stopped must go on for that.
    pub(super) fn abort(&mut self) {
        for number in self.watchdog_signal().into_iter().chain([SIGCONT]) {
            self.send(number);
        }
    }

    fn send(&mut self, number: c_int) {
        if let Err(errno) = self.server.signal_as_told(number) {
            let why = describe(errno);
            self.log.warn(format_args!(
                "cannot send the server signal {number}: {why}"
            ));
        }
    }

    fn watchdog_signal(&self) -> Option<c_int> {
        self.options.notify.and_then(|notify| notify.signal)
    }
}
