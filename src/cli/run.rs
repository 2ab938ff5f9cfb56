//! The command line of `hinit run`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use nix::libc::{SIGINT, SIGQUIT, SIGTERM, c_int};
use nix::sys::signal::Signal as StandardSignal;

use super::healthcheck::{self, Healthcheck};
use super::invocation::{Invocation, Separators};
use super::probes::{self, Address};
use super::{Command, PidFile, options, pid_file_unless, values};
use crate::error::FailureCodes;
use crate::output::Verbosity;
use crate::sys::SignalSet;

pub(super) const MODE: u32 = 0o644;
pub(super) const STOP_SIGNALS: SignalSet = SignalSet::NONE.with(SIGTERM).with(SIGINT).with(SIGQUIT);
const MAX_LISTEN: usize = 8;

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// None: keep no PID file.
    pub(crate) pid_file: Option<PidFile>,
    /// Its permissions.
    pub(crate) mode: u32,
    /// Pass signals to the server's process group.
    pub(crate) group: bool,
    /// The signal to get when the parent dies.
    pub(crate) parent_death: Option<StandardSignal>,
    pub(crate) rewrites: Rewrites,
    pub(crate) stop: Stop,
    pub(crate) exit: Exit,
    pub(crate) notify: Option<Notify>,
    /// Where to answer probes.
    pub(crate) listen: Vec<Address>,
    /// Probes that hinit itself runs: the server is ready once they are well.
    pub(crate) ready_when: Option<Healthcheck>,
    pub(crate) user: Option<User>,
    /// Keep hinit's supplementary groups, besides those of the user.
    pub(crate) keep_groups: bool,
    /// The server's umask; None: hinit's own.
    pub(crate) umask: Option<u32>,
    pub(crate) workdir: Option<PathBuf>,
    /// The server's own PID files, to be removed before the start.
    pub(crate) stale: Vec<PathBuf>,
    /// The server's own PID files in which it names its successor.
    pub(crate) follow: Vec<PathBuf>,
    pub(crate) profile: InitProfile,
    pub(crate) verbosity: Verbosity,
    /// Do not log the end of the server if the exit code is 0.
    pub(crate) quiet_success: bool,
    /// The server and its arguments; at least one word.
    pub(crate) command: Vec<OsString>,
}

/// Which signals are passed on as others: from, to. With None it is dropped.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Rewrites(pub(crate) Vec<(c_int, Option<c_int>)>);

impl Rewrites {
    /// The signal to pass on for this one; None drops it. The last rule for a signal counts.
    pub(crate) fn apply(&self, signal: c_int) -> Option<c_int> {
        let rule = self.0.iter().rev().find(|(from, _)| *from == signal);
        rule.map_or(Some(signal), |(_, to)| *to)
    }
}

/// How hinit stops the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stop {
    /// The signals that ask for a stop, as they are received.
    pub(crate) signals: SignalSet,
    /// How long a stop signal waits before it is passed on.
    pub(crate) delay: Duration,
    /// When to kill what is left.
    pub(crate) grace: Option<Duration>,
    pub(crate) leftovers: Leftovers,
}

/// What happens to the descendants that the server leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leftovers {
    /// They get SIGTERM, and hinit waits for them.
    Drain,
    /// Those in the server's process group get SIGTERM, and hinit does not wait.
    Tell,
    Leave,
}

/// How the exit code is made from the server's.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Exit {
    /// 0, if the server died of a signal that was passed on to it.
    pub(crate) clean_stop: bool,
    /// Exit codes: from, to.
    pub(crate) map: Vec<(u8, u8)>,
}

/// What the server reports by `sd_notify(3)`, besides that it is ready.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Notify {
    /// The longest time between two reports, and the signal that the server gets after it.
    pub(crate) watchdog: Option<Duration>,
    pub(crate) signal: Option<c_int>,
}

/// The user of the server, by name or number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) user: String,
    pub(crate) group: Option<String>,
}

/// The behaviour in which inits differ; under the name of another init, hinit has the profile of that one: see `compat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each has a meaning of its own, and all go together"
)]
pub(crate) struct InitProfile {
    /// The server leads its own session, which has the terminal of standard input.
    pub(crate) session: bool,
    /// hinit adopts orphans even if it is not PID 1.
    pub(crate) subreaper: bool,
    /// TSTP, TTIN and TTOU also stop hinit itself, unless a shell's job control does.
    pub(crate) stops: bool,
    /// /bin/sh runs a script without `#!`.
    pub(crate) shell: bool,
    /// hinit warns of each orphan that has exited.
    pub(crate) names_orphans: bool,
    pub(crate) exit_codes: FailureCodes,
}

impl InitProfile {
    pub(crate) const OWN: Self = Self {
        session: false,
        subreaper: true,
        stops: false,
        shell: false,
        names_orphans: false,
        exit_codes: FailureCodes::OWN,
    };
}

macro_rules! version {
    ($build:literal) => {
        concat!("hinit ", env!("CARGO_PKG_VERSION"), " (", $build, ")\n")
    };
}

/// Which build this is: docker/build sets `HINIT_BUILD`.
const VERSION: &str = match option_env!("HINIT_BUILD") {
    _ if !cfg!(target_feature = "crt-static") => version!("dynamically linked, built by cargo"),
    None => version!("static, built by cargo"),
    Some(build) => match build.as_bytes() {
        b"tiny" => version!("static, tiny build"),
        _ => version!("static, stable build"),
    },
};

pub(super) fn parse(invocation: &mut Invocation) -> Command {
    if invocation.flag(&options::VERSION) {
        return Command::Help(VERSION.into());
    }
    let run = Run {
        pid_file: pid_file_unless(&options::NO_PID_FILE, invocation),
        mode: invocation
            .value(&options::PID_FILE_MODE, &values::PERMISSIONS)
            .unwrap_or(MODE),
        group: invocation.flag(&options::GROUP),
        parent_death: invocation.value(&options::PARENT_DEATH, &values::STANDARD_SIGNAL),
        rewrites: Rewrites(invocation.values(
            &options::REWRITE,
            Separators::BlanksOrCommas,
            &values::REWRITE,
        )),
        stop: Stop {
            signals: invocation
                .value(&options::STOP_SIGNAL, &values::STOP_SIGNALS)
                .unwrap_or(STOP_SIGNALS),
            delay: invocation
                .value(&options::STOP_DELAY, &values::DURATION)
                .unwrap_or_default(),
            grace: invocation.value(&options::GRACE, &values::DURATION),
            leftovers: if invocation.flag(&options::NO_DRAIN) {
                Leftovers::Leave
            } else {
                Leftovers::Drain
            },
        },
        exit: Exit {
            clean_stop: invocation.flag(&options::CLEAN_STOP),
            map: invocation.values(
                &options::MAP_EXIT,
                Separators::BlanksOrCommas,
                &values::EXIT_CODES,
            ),
        },
        notify: notify(invocation),
        listen: listen(invocation),
        ready_when: healthcheck::of_probes(invocation),
        user: invocation.value(&options::USER, &values::USER),
        keep_groups: invocation.flag(&options::KEEP_GROUPS),
        umask: invocation.value(&options::UMASK, &values::UMASK),
        workdir: invocation.word(&options::WORKDIR).map(PathBuf::from),
        stale: invocation.values(&options::REMOVE_STALE, Separators::Lines, &probes::PATH),
        follow: invocation.values(&options::FOLLOW, Separators::Lines, &probes::PATH),
        profile: InitProfile::OWN,
        verbosity: verbosity(invocation),
        quiet_success: invocation.flag(&options::QUIET_SUCCESS),
        command: invocation.command(),
    };
    // hinit's sockets have these permissions too.
    let has_no_file = run.pid_file.is_none() && run.listen.is_empty();
    if has_no_file && invocation.count(&options::PID_FILE_MODE) > 0 {
        invocation.refuse_together(&options::PID_FILE_MODE, &options::NO_PID_FILE);
    }
    Command::Run(run)
}

fn verbosity(invocation: &mut Invocation) -> Verbosity {
    let flags = invocation.one_of(&options::VERBOSE, &options::QUIET);
    let by_variable = invocation.value(&options::LOG, &values::VERBOSITY);
    match flags {
        [true, _] => Verbosity::Verbose,
        [_, true] => Verbosity::Quiet,
        _ => by_variable.unwrap_or(Verbosity::Normal),
    }
}

fn notify(invocation: &mut Invocation) -> Option<Notify> {
    let watchdog = invocation.value(&options::WATCHDOG, &values::TIMEOUT);
    let signal = invocation.value(&options::WATCHDOG_SIGNAL, &values::SIGNAL);
    let is_wanted = invocation.flag(&options::NOTIFY) || watchdog.is_some();
    is_wanted.then_some(Notify {
        watchdog,
        signal: watchdog.and(signal),
    })
}

fn listen(invocation: &mut Invocation) -> Vec<Address> {
    let mut addresses = Vec::new();
    let separators = Separators::BlanksOrCommas;
    invocation.each(&options::LISTEN, separators, &mut |text| {
        addresses.push(probes::listen(text)?);
        Ok(())
    });
    if addresses.len() > MAX_LISTEN {
        invocation.refuse(format!("more than {MAX_LISTEN} addresses to listen at"));
    }
    addresses
}
