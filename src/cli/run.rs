//! The command line of `hinit run`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use nix::libc::c_int;
use nix::sys::signal::Signal as StandardSignal;

use super::healthcheck::{self, Healthcheck};
use super::invocation::Invocation;
use super::options::{self, RunOptions as Given};
use super::probes::Address;
use super::{Command, PidFile, Written, pid_file_unless, version};
use crate::error::FailureCodes;
use crate::output::Verbosity;
use crate::sys::SignalSet;

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
    pub(crate) listen: Vec<Written<Address>>,
    /// Probes that hinit itself runs: the server is ready once they pass.
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

pub(super) fn parse(invocation: &mut Invocation) -> Command {
    if Given::version(invocation) {
        return Command::Print(version::text(Given::verbose(invocation)).into());
    }
    let is_without_file = Given::no_pid_file(invocation);
    let run = Run {
        pid_file: pid_file_unless(
            options::NO_PID_FILE.opt,
            is_without_file,
            Given::pid_file,
            invocation,
        ),
        mode: Given::pid_file_mode(invocation),
        group: Given::group(invocation),
        parent_death: Given::parent_death(invocation),
        rewrites: Rewrites(Given::rewrite(invocation)),
        stop: Stop {
            signals: Given::stop_signal(invocation),
            delay: Given::stop_delay(invocation),
            grace: Given::grace(invocation),
            leftovers: if Given::no_drain(invocation) {
                Leftovers::Leave
            } else {
                Leftovers::Drain
            },
        },
        exit: Exit {
            clean_stop: Given::clean_stop(invocation),
            map: Given::map_exit(invocation),
        },
        notify: notify(invocation),
        listen: Given::listen(invocation),
        ready_when: healthcheck::of_probes(invocation),
        user: Given::user(invocation),
        keep_groups: Given::keep_groups(invocation),
        umask: Given::umask(invocation),
        workdir: Given::workdir(invocation).map(PathBuf::from),
        stale: Given::remove_stale(invocation),
        follow: Given::follow(invocation),
        profile: InitProfile::OWN,
        verbosity: verbosity(invocation),
        quiet_success: Given::quiet_success(invocation),
        command: invocation.command(),
    };
    invocation.refuse_more_than(MAX_LISTEN, run.listen.len(), "addresses to listen at");
    // hinit's sockets have the permissions of the file too.
    let has_no_file = run.pid_file.is_none() && run.listen.is_empty();
    if has_no_file && invocation.count(options::PID_FILE_MODE.opt) > 0 {
        invocation.refuse_together(options::PID_FILE_MODE.opt, options::NO_PID_FILE.opt);
    }
    Command::Run(run)
}

fn verbosity(invocation: &mut Invocation) -> Verbosity {
    let by_variable = Given::log(invocation);
    let are_on = [Given::verbose(invocation), Given::quiet(invocation)];
    match invocation.one_of([options::VERBOSE.opt, options::QUIET.opt], are_on) {
        [true, _] => Verbosity::Verbose,
        [_, true] => Verbosity::Quiet,
        _ => by_variable.unwrap_or(Verbosity::Normal),
    }
}

fn notify(invocation: &mut Invocation) -> Option<Notify> {
    let watchdog = Given::watchdog(invocation);
    let signal = Given::watchdog_signal(invocation);
    let is_wanted = Given::notify(invocation) || watchdog.is_some();
    is_wanted.then_some(Notify {
        watchdog,
        signal: watchdog.and(signal),
    })
}
