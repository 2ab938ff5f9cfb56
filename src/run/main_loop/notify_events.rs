//! What the server says of itself, and what hinit makes of it.

use std::fmt;
use std::time::Instant;

use nix::libc::{SIGCONT, c_int};
use nix::unistd::Pid;

use super::MainLoop;
use crate::file::{is_ambiguous, is_trusted};
use crate::process::{self, Process, State};
use crate::run::descendants::is_below;
use crate::run::ending::StopRequest;
use crate::run::notify::{Heard, MAX_BYTES, Sender, Word, words};
use crate::run::shutdown::StopEvent;
use crate::run::sockets::Sockets;
use crate::sys::{describe, is_child, is_running_child};

/// How many messages are read before others have their turn.
const MAX_AT_ONCE: usize = 16;

impl MainLoop<'_> {
    /// Answers probes, and hears what the server has to say. (Apart from the loop, whose stack would
    /// else be larger by an answer's buffers; so is `hear`.)
    #[inline(never)]
    pub(super) fn attend(&mut self) {
        if let Some(sockets) = &mut self.sockets
            && sockets.attend(&self.health)
        {
            self.read_messages(MAX_AT_ONCE);
        }
    }

    /// Reads what is queued by now: not more, for others may go on to send.
    pub(super) fn read_all_messages(&mut self) {
        if let Some(notify) = self.sockets.as_mut().and_then(Sockets::notify) {
            let most = notify.capacity();
            self.read_messages(most);
        }
    }

    #[inline(never)]
    fn read_messages(&mut self, most: usize) {
        let mut bytes = [0; MAX_BYTES];
        for _ in 0..most {
            let notify = self.sockets.as_mut().and_then(Sockets::notify);
            let server = self.server.pid();
            let Some(heard) = notify.and_then(|notify| notify.hear(server, &mut bytes)) else {
                return;
            };
            let Heard {
                message,
                sender: Some(sender),
            } = heard
            else {
                continue;
            };
            let text = String::from_utf8_lossy(message);
            self.log.verbose(format_args!("the server says {text}"));
            match words(message) {
                Some(words) => words.for_each(|word| match word {
                    Some(word) => self.apply_notify_event(word, sender),
                    None => self.refuse_junk("a line is not valid for sd_notify(3)"),
                }),
                None => self.refuse_junk("it is not text"),
            }
        }
    }

    fn refuse_junk(&mut self, why: &str) {
        if let Some(notify) = self.sockets.as_mut().and_then(Sockets::notify) {
            notify.refuse_junk(format_args!("{why}"));
        }
    }

    fn apply_notify_event(&mut self, word: Word, sender: Sender) {
        let now = Instant::now();
        self.health.hear(word, now);
        match word {
            Word::MainPid(pid) if self.may_set_main_pid(sender, pid) => self.follow(pid),
            Word::Extend(time) => {
                let _nothing = self.shutdown.on(StopEvent::Extended(time), now);
            }
            _ => {}
        }
    }

    /// Whether this sender may say that another process is the server: that one gets the server's signals then,
    /// and its end is the server's. It must live, and both must be its user's own, where that is not one who
    /// may do as much anyway.
    fn may_set_main_pid(&mut self, sender: Sender, pid: Pid) -> bool {
        let user = sender.user;
        if sender.has_exited {
            self.warn_of_main_pid(format_args!(
                "ignored MAINPID={pid}: its sender has exited; it should wait until its message is read \
                 (systemd-notify, or BARRIER=1)"
            ));
            return false;
        }
        let is_own = |pid| process::owner(pid) == Some(user);
        let are_own = || is_own(pid) && is_own(self.server.pid()) && !is_ambiguous(user);
        if is_trusted(user) || are_own() {
            return true;
        }
        self.warn_of_main_pid(format_args!(
            "ignored MAINPID={pid}: the sender's UID {user} must own that process and the server"
        ));
        false
    }

    /// Once: a server that sends such things sends many.
    fn warn_of_main_pid(&mut self, warning: fmt::Arguments) {
        if !std::mem::replace(&mut self.warned_main_pid, true) {
            self.log.warn(warning);
        }
    }

    /// Makes another process the server: only a child's PID is no other's as long as hinit has not
    /// reaped it.
    fn follow(&mut self, pid: Pid) {
        // The last word counts.
        self.successor = None;
        if self.server_end.is_some() || pid == self.server.pid() {
            return;
        }
        if is_running_child(pid) {
            return self.adopt(pid);
        }
        if is_child(pid) {
            return self.warn_of_main_pid(format_args!("ignored MAINPID={pid}: it has ended"));
        }
        // A grandchild comes to hinit when the server ends, and is the server then.
        self.successor = process::read(pid).filter(|new| !new.has_ended() && is_below(pid));
        match self.successor.as_ref().map(|new| new.name) {
            Some(name) => self.warn_of_main_pid(format_args!(
                "MAINPID={pid} ({name}) is not a child of hinit; it becomes the server when its parent has exited"
            )),
            None => self.warn_of_main_pid(format_args!("ignored MAINPID={pid}: it is not a running descendant of hinit")),
        }
    }

    /// When the server has ended: whoever was to take its place is the server now, if it has come to
    /// hinit and lives.
    pub(super) fn follow_successor(&mut self) {
        if let Some(Process { pid, started, .. }) = self.successor.take()
            && self.server_end.is_none()
            && is_running_child(pid)
            && process::read(pid).is_some_and(|process| process.started == started)
        {
            self.adopt(pid);
        }
    }

    pub(super) fn adopt(&mut self, pid: Pid) {
        // It ends by itself. A PID file may name it that is left from an earlier run.
        if self.is_ready_probe(pid) {
            return;
        }
        self.log
            .verbose(format_args!("process {pid} is now the server"));
        self.previous_server = Some(self.server.pid());
        self.server.adopt(pid);
        let is_stopped = process::read(pid).is_some_and(|new| new.state == State::Stopped);
        self.health.replace_server(pid, is_stopped, Instant::now());
        self.update_pid_file(&|claim| claim.change(pid));
        self.stop_new_server();
    }

    /// The server that was asked to end is not this one: so it is asked as well.
    fn stop_new_server(&mut self) {
        if let Some(StopRequest { signal, .. }) = self.stop_request
            && self.delayed.is_none()
            && let Some(number) = self.options.rewrites.apply(signal)
        {
            self.send(number);
        }
    }

    /// Looks whether the server has been silent for too long. True, if it is to end of that.
    pub(super) fn is_watchdog_due(&mut self, now: Instant) -> bool {
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
        if let Err(errno) = self.server.send_signal(number) {
            let why = describe(errno);
            self.log.warn(format_args!(
                "cannot send signal {number} to the server: {why}"
            ));
        }
    }

    fn watchdog_signal(&self) -> Option<c_int> {
        self.options.notify.and_then(|notify| notify.signal)
    }
}
