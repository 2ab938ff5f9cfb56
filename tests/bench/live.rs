//! Inits that live while something is measured.

use std::fs;
use std::process::Child;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, Uid};

use crate::program::{Program, Result};

/// An init that idles as PID 1 of a namespace of its own, seen from outside.
pub(crate) struct Idle {
    unshare: Child,
    init: String,
}

impl Idle {
    /// Starts an init of `sleep` as a PID 1 and lets it come to rest.
    pub(crate) fn start(init: &Program) -> Result<Self> {
        let mut options = vec!["--pid", "--fork", "--kill-child", "--mount-proc"];
        if !Uid::effective().is_root() {
            options.extend(["--user", "--map-root-user"]);
        }
        let unshare = init.under("unshare", &options).spawn()?;
        let mut idle = Self {
            unshare,
            init: String::new(),
        };
        let parent = idle.unshare.id().to_string();
        let runs = || {
            let init = first_child(&parent)?;
            let server = first_child(&init)?;
            let name = fs::read_to_string(format!("/proc/{server}/comm")).ok()?;
            (name == "sleep\n").then_some(init)
        };
        idle.init = eventually(runs).ok_or(format!("{init} did not start its server as PID 1"))?;
        // Then the init has still a little to do.
        let rests = || {
            let before = idle.switches().ok()?;
            sleep(Duration::from_millis(50));
            (idle.switches().ok()? == before).then_some(())
        };
        eventually(rests).ok_or(format!("{init} does not come to rest"))?;
        Ok(idle)
    }

    /// Its proportional share of memory, in KB.
    pub(crate) fn pss(&self) -> Result<u64> {
        self.sum("smaps_rollup", &["Pss:"])
    }

    /// How often it was switched to and fro so far, of its own will or not.
    pub(crate) fn switches(&self) -> Result<u64> {
        self.sum(
            "status",
            &["voluntary_ctxt_switches:", "nonvoluntary_ctxt_switches:"],
        )
    }

    fn sum(&self, file: &str, fields: &[&str]) -> Result<u64> {
        let text = fs::read_to_string(format!("/proc/{}/{file}", self.init))?;
        let mut sum = 0;
        for line in text.lines() {
            let mut words = line.split_whitespace();
            if words.next().is_some_and(|name| fields.contains(&name)) {
                sum += words.next().unwrap_or_default().parse::<u64>()?;
            }
        }
        Ok(sum)
    }
}

impl Drop for Idle {
    /// PID 1 first, and `unshare` ends with it: the other way round PID 1 would live on for a moment,
    /// and refuse its PID file to the next.
    fn drop(&mut self) {
        let ended = match self.init.parse() {
            Ok(init) => kill(Pid::from_raw(init), Signal::SIGKILL).is_ok(),
            Err(_) => false,
        };
        if !ended {
            let _ = self.unshare.kill();
        }
        let _ = self.unshare.wait();
    }
}

fn first_child(pid: &str) -> Option<String> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    children.split_whitespace().next().map(str::to_string)
}

/// An init with a server that a health check finds alive.
pub(crate) struct Server(Child);

impl Server {
    pub(crate) fn start(init: &Program, check: &Program) -> Result<Self> {
        let server = Self(init.under("env", &[]).spawn()?);
        eventually(|| check.run().ok()).ok_or(format!("{check} found no live server"))?;
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = i32::try_from(self.0.id()).map(|pid| kill(Pid::from_raw(pid), Signal::SIGTERM));
        let _ = self.0.wait();
    }
}

fn eventually<T>(condition: impl Fn() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + Duration::from_secs(10);
    while Instant::now() < deadline {
        let value = condition();
        if value.is_some() {
            return value;
        }
        sleep(Duration::from_millis(1));
    }
    None
}
