//! The command lines of other inits, for a hinit that runs under the name of one of them. Each is a table, and is
//! turned into the options of `hinit run`. hinit does not copy their defects.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use nix::libc::{SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU};

use super::invocation::Invocation;
use super::options::peers::{self, CatatonitOptions, DumbInitOptions, TiniOptions};
use super::options::{MODE, STOP_SIGNALS, Topic};
use super::{Command, ErrorOutput, Exit, InitProfile, Leftovers, Rewrites, Run, Stop};
use crate::error::FailureCodes;
use crate::output::Verbosity;

/// Another init.
pub(super) struct Peer {
    /// Separated by commas.
    names: &'static str,
    pub(super) topic: &'static Topic,
    /// The output of `--version`, which engines parse.
    version: &'static str,
    /// Turns its options into those of `hinit run`, or into another command.
    translate: fn(&mut Invocation, &mut Run) -> Option<Other>,
}

pub(super) static PEERS: [&Peer; 3] = [&TINI, &DUMB_INIT, &CATATONIT];

/// What another init does in place of running a command.
enum Other {
    Version,
    Licence,
    Pause,
}

/// The init that has this name.
pub(super) fn peer(name: &OsStr) -> Option<&'static Peer> {
    let name = name.as_bytes().rsplit(|&byte| byte == b'/').next()?;
    let is_named = |peer: &&Peer| peer.names.split(',').any(|one| one.as_bytes() == name);
    PEERS.into_iter().find(is_named)
}

/// How all of them report a usage error.
pub(super) const FAILED: ErrorOutput = ErrorOutput::Exit(1);

impl Peer {
    pub(super) fn parse(&self, invocation: &mut Invocation) -> Command {
        let mut run = base();
        match (self.translate)(invocation, &mut run) {
            Some(Other::Version) => Command::Print(self.version.into()),
            Some(Other::Licence) => Command::Print("hinit: MIT licence\n".into()),
            Some(Other::Pause) => Command::Pause,
            None => {
                run.command = invocation.command();
                Command::Run(run)
            }
        }
    }
}

/// The options that all of them have in common.
fn base() -> Run {
    Run {
        pid_file: None,
        mode: MODE,
        group: false,
        parent_death: None,
        rewrites: Rewrites::default(),
        stop: Stop {
            signals: STOP_SIGNALS,
            delay: std::time::Duration::ZERO,
            grace: None,
            leftovers: Leftovers::Leave,
        },
        exit: Exit::default(),
        notify: None,
        listen: Vec::new(),
        ready_when: None,
        user: None,
        keep_groups: false,
        umask: None,
        workdir: None,
        stale: Vec::new(),
        follow: Vec::new(),
        profile: InitProfile {
            subreaper: false,
            // By execvp(3).
            shell: true,
            ..InitProfile::OWN
        },
        verbosity: Verbosity::Warnings,
        quiet_success: false,
        command: Vec::new(),
    }
}

static TINI: Peer = Peer {
    names: "tini,tini-static,docker-init",
    topic: &peers::TINI,
    version: "tini version 0.19.0 - git.hinit\n",
    translate: |invocation, run| {
        if TiniOptions::version(invocation) {
            return Some(Other::Version);
        }
        if TiniOptions::licence(invocation) {
            return Some(Other::Licence);
        }
        let env = invocation.env.other;
        let is_set = |name| env(name).is_some();
        let verbosity = env(b"TINI_VERBOSITY");
        let verbosity: Option<usize> = verbosity.and_then(|text| text.to_str()?.parse().ok());
        run.group = TiniOptions::group(invocation) || is_set(b"TINI_KILL_PROCESS_GROUP");
        run.parent_death = TiniOptions::parent_death(invocation);
        run.exit.map = TiniOptions::expected(invocation);
        run.profile.subreaper = TiniOptions::subreaper(invocation) || is_set(b"TINI_SUBREAPER");
        run.profile.names_orphans = TiniOptions::names_orphans(invocation);
        run.profile.exit_codes = FailureCodes([1, 126, 127]);
        run.verbosity = match verbosity.unwrap_or(1) + TiniOptions::verbose(invocation) {
            0 => Verbosity::Quiet,
            1 => Verbosity::Warnings,
            2 => Verbosity::Normal,
            _ => Verbosity::Verbose,
        };
        None
    },
};

static DUMB_INIT: Peer = Peer {
    names: "dumb-init",
    topic: &peers::DUMB_INIT,
    version: "dumb-init v1.2.5 (hinit)\n",
    translate: |invocation, run| {
        if DumbInitOptions::version(invocation) {
            return Some(Other::Version);
        }
        let env = invocation.env.other;
        let has = |name, value: &str| env(name).is_some_and(|text| text == value);
        if !(DumbInitOptions::single_child(invocation) || has(b"DUMB_INIT_SETSID", "0")) {
            run.group = true;
            run.profile.session = true;
            run.stop.leftovers = Leftovers::Tell;
            let job_control = [SIGTSTP, SIGTTOU, SIGTTIN];
            run.rewrites.0 = job_control.map(|signal| (signal, Some(SIGSTOP))).to_vec();
        }
        run.rewrites.0.extend(DumbInitOptions::rewrite(invocation));
        run.profile.stops = true;
        run.profile.exit_codes = FailureCodes([1, 2, 2]);
        if DumbInitOptions::verbose(invocation) || has(b"DUMB_INIT_DEBUG", "1") {
            run.verbosity = Verbosity::Verbose;
        }
        None
    },
};

static CATATONIT: Peer = Peer {
    names: "catatonit,podman-init",
    topic: &peers::CATATONIT,
    version: "tini version 0.1.7_catatonit - git.hinit\n",
    translate: |invocation, run| {
        if CatatonitOptions::version(invocation) {
            return Some(Other::Version);
        }
        if CatatonitOptions::licence(invocation) {
            return Some(Other::Licence);
        }
        if CatatonitOptions::pause(invocation) {
            return Some(Other::Pause);
        }
        run.group = CatatonitOptions::group(invocation);
        run.profile.subreaper = true;
        run.profile.exit_codes = FailureCodes([1; 3]);
        if (invocation.env.other)(b"CATATONIT_DEBUG").is_some() {
            run.verbosity = Verbosity::Verbose;
        }
        None
    },
};

#[cfg(test)]
mod tests;
