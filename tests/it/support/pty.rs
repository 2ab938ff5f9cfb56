//! A pseudo-terminal: a program runs on it, and the test types and reads.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, poll};
use nix::pty::{grantpt, posix_openpt, ptsname_r, unlockpt};
use nix::unistd::tcgetpgrp;

/// The prompt of the shells.
const PROMPT: &str = "prompt> ";

/// A pseudo-terminal, which hangs up when dropped.
pub struct Pty {
    master: File,
    /// The program's side.
    pub line: File,
    seen: String,
}

impl Pty {
    pub fn new() -> Self {
        // openpty does not set close-on-exec: a program that inherits the master keeps the terminal
        // from hanging up.
        let master = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let line = File::options()
            .read(true)
            .write(true)
            .custom_flags(OFlag::O_NOCTTY.bits())
            .open(ptsname_r(&master).unwrap())
            .unwrap();
        Self {
            master: OwnedFd::from(master).into(),
            line,
            seen: String::new(),
        }
    }

    /// Starts a program with its standard streams on the terminal. (Only `setsid --ctty` makes it a
    /// controlling terminal.)
    pub fn start(&self, command: &mut Command) -> Child {
        let line = || self.line.try_clone().unwrap();
        command.stdin(line()).stdout(line()).stderr(line());
        command.env("PS1", PROMPT).spawn().unwrap()
    }

    /// Types on the keyboard: `\x03` is Ctrl-C, `\x1a` Ctrl-Z, `\x1c` Ctrl-\.
    pub fn press(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).unwrap();
    }

    /// Types a command after the shell's prompt: the shell may discard what was typed before.
    #[track_caller]
    pub fn command(&mut self, command: &str) {
        self.expect(PROMPT);
        self.press(command);
        self.press("\n");
    }

    /// Waits for a text after the last one that was expected, and returns what came before it. The
    /// terminal echoes what is typed, so expect something else.
    #[track_caller]
    pub fn expect(&mut self, text: &str) -> String {
        let start = Instant::now();
        loop {
            if let Some(at) = self.seen.find(text) {
                let rest = self.seen.split_off(at + text.len());
                let mut before = std::mem::replace(&mut self.seen, rest);
                before.truncate(at);
                return before;
            }
            assert!(
                start.elapsed() < Duration::from_secs(30) && self.read(),
                "`{text}` does not show: {}",
                self.seen
            );
        }
    }

    /// Reads for at most a second; false at the end.
    fn read(&mut self) -> bool {
        let mut readable = [PollFd::new(self.master.as_fd(), PollFlags::POLLIN)];
        if poll(&mut readable, 1000_u16).unwrap() == 0 {
            return true;
        }
        let mut bytes = [0; 4096];
        let length = self.master.read(&mut bytes).unwrap_or(0);
        self.seen.push_str(&String::from_utf8_lossy(
            bytes.get(..length).unwrap_or_default(),
        ));
        length > 0
    }

    /// The process group in the foreground.
    pub fn foreground(&self) -> i32 {
        tcgetpgrp(&self.master).unwrap().as_raw()
    }

    /// Changes the size of the window by another descriptor.
    pub fn resize(&self, rows: u32, columns: u32) {
        let mut stty = Command::new("stty");
        stty.args(["rows", &rows.to_string(), "cols", &columns.to_string()]);
        assert!(self.start(&mut stty).wait().unwrap().success());
    }
}
