//! What the main loop does with the server's messages (`sd_notify(3)`) and with its silence.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::time::Instant;

use nix::libc::{SIGCONT, c_int};
use nix::unistd::Pid;

use super::MainLoop;
use crate::process::{self, State};
use crate::run::notify::{MAX_BYTES, NotifyEvent, ReceivedMessage, Sender, parse};
use crate::run::shutdown::StopEvent;
use crate::run::sockets::Sockets;
use crate::sys::describe;

/// How many messages are read before signals and probes have their turn.
const MAX_MESSAGES: usize = 16;

impl MainLoop<'_> {
    /// Answers probes, and reads the server's messages. (Not inlined into the loop, because the buffers would
    /// enlarge the loop's stack; the same goes for `read_messages`.)
    #[inline(never)]
    pub(super) fn attend(&mut self) {
        if let Some(sockets) = &mut self.sockets
            && sockets.handle_events(&self.health)
        {
            self.read_messages(MAX_MESSAGES);
        }
    }

    /// Reads the messages that are queued by now, and no more, because a sender may go on without end.
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
            let Some(heard) = notify.and_then(|notify| notify.receive(server, &mut bytes)) else {
                return;
            };
            let ReceivedMessage {
                message,
                sender: Some(sender),
            } = heard
            else {
                continue;
            };
            let text = OsStr::from_bytes(message).display();
            self.log().verbose(format_args!("the server says {text}"));
            match parse(message) {
                Some(events) => events.for_each(|event| match event {
                    Some(event) => self.apply_notify_event(event, sender),
                    None => self.warn_malformed("a line is not valid for sd_notify(3)"),
                }),
                None => self.warn_malformed("it is not text"),
            }
        }
    }

    fn warn_malformed(&mut self, why: &str) {
        if let Some(notify) = self.sockets.as_mut().and_then(Sockets::notify) {
            notify.warn_malformed(format_args!("{why}"));
        }
    }

    fn apply_notify_event(&mut self, event: NotifyEvent, sender: Sender) {
        let now = self.clock.now();
        self.health.apply(event, now);
        match event {
            NotifyEvent::MainPid(pid) if !self.server.has_ended() => {
                let server = self.server.pid();
                if let Some(pid) = self.handover.main_pid(server, sender, pid) {
                    self.hand_over(pid);
                }
            }
            NotifyEvent::ExtendTimeout(time) => {
                // This event asks for no action.
                let _ignored = self.shutdown.on(StopEvent::Extended(time), now);
            }
            NotifyEvent::MainPid(_)
            | NotifyEvent::Ready
            | NotifyEvent::Reloading
            | NotifyEvent::ReloadTime(_)
            | NotifyEvent::Stopping
            | NotifyEvent::Status(_)
            | NotifyEvent::Errno(_)
            | NotifyEvent::WatchdogPing
            | NotifyEvent::WatchdogTrigger
            | NotifyEvent::WatchdogTimeout(_)
            | NotifyEvent::Ignored => {}
        }
    }

    /// Makes another child of hinit the server.
    pub(super) fn hand_over(&mut self, pid: Pid) {
        // A PID file of an earlier run may name the child that runs hinit's own probes.
        if self.is_ready_probe(pid) {
            return;
        }
        self.log()
            .verbose(format_args!("process {pid} is now the server"));
        self.handover.replaced(self.server.pid());
        let is_stopped = process::read(pid).is_some_and(|new| new.state == State::Stopped);
        self.server.replace(pid, is_stopped);
        self.health
            .replace_server(pid, is_stopped, self.clock.now());
        self.update_pid_file(&|claim| claim.change(pid));
        self.stop_new_server();
    }

    /// The stop signal went to the server before this one, so this one gets it as well.
    fn stop_new_server(&mut self) {
        if let Some(signal) = self.shutdown.signal_in_effect()
            && let Some(number) = self.options.rewrites.apply(signal)
        {
            self.send(number);
            self.wake_stopped_server();
        }
    }

    /// Warns once of a server that has been silent for too long. Whether it gets the watchdog's signal now.
    pub(super) fn take_watchdog_expiry(&mut self, now: Instant) -> bool {
        let Some(verdict) = self.health.take_silence_warning(now) else {
            return false;
        };
        self.log().warn(format_args!("the server is {verdict}"));
        self.watchdog_signal().is_some()
    }

    /// Sends the watchdog's signal. A stopped server must be continued to handle it.
    pub(super) fn abort(&mut self) {
        for number in self.watchdog_signal().into_iter().chain([SIGCONT]) {
            self.send(number);
        }
    }

    fn send(&mut self, number: c_int) {
        if let Err(errno) = self.server.send_signal(number) {
            let why = describe(errno);
            self.log().warn(format_args!(
                "cannot send signal {number} to the server: {why}"
            ));
        }
    }

    fn watchdog_signal(&self) -> Option<c_int> {
        self.options.notify.and_then(|notify| notify.signal)
    }
}
