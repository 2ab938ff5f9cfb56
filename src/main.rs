//! hinit: the init of a container, and its health check, in one static binary.
//!
//! The architecture, top to bottom; no module uses one above it:
//!
//! - `main`: this page: which command it is, and one line when it fails
//! - `run`: the life of one server: claim, spawn, record, let go, watch, clear, drain, remove, exit
//! - `signal`, `status`, `install`: the small commands
//! - `healthcheck`: the client: one verdict on a server, by its PID file, by what hinit reports and by the server's
//!   answers
//! - `lookup`: the server that a PID file names
//! - `cli`: arguments and environment in, a `Command` out; pure; also the command lines of other inits
//! - `verdict`: every verdict and finding of a health check, and its words
//! - `pidfile`: both sides of the PID-file protocol, by which `run` and `healthcheck` agree
//! - `error`: what failed, on what, and which exit code that is
//! - `process`: what /proc says of a process
//! - `file`: files by their paths, or by their names in a directory that is held open
//! - `output`: the log and the lines on standard output
//! - `json`: the writer of JSON
//! - `text`: texts of a bounded size, and the names of signals and processes
//! - `sys`: all the unsafe code
//! - `time`: times, for poll(2) and for people
//!
//! Three rules hold everywhere. All signals are blocked from the first instruction on and read
//! from a queue, so none is lost. Once the server is spawned only its end ends hinit, because a dead
//! PID 1 kills the container: from there on a failure is a warning. And there are no threads, and no
//! timers or wake-ups while nothing happens.

#![warn(unreachable_pub)]
#![deny(clippy::disallowed_methods)]
#![cfg_attr(not(test), no_main)]
#![cfg_attr(
    test,
    allow(
        dead_code,
        clippy::unwrap_used,
        clippy::panic,
        clippy::indexing_slicing,
        reason = "tests"
    )
)]

use std::ffi::{OsStr, OsString};

use nix::libc::SIGPIPE;

// `cargo install` builds for the machine's own target, which is often linked dynamically. Such a hinit cannot run in an
// image that has no libc.
#[cfg(not(any(target_feature = "crt-static", debug_assertions, fuzzing, test)))]
compile_error!(
    "hinit must be static: type `rustup target add $(uname -m)-unknown-linux-musl && cargo install --locked --target $(uname -m)-unknown-linux-musl hinit`"
);

mod cli;
mod error;
mod file;
mod healthcheck;
mod install;
mod json;
mod lookup;
mod output;
mod pidfile;
mod process;
mod run;
mod signal;
mod status;
mod sys;
mod text;
mod time;
mod verdict;

use cli::{Command, Env, ErrorOutput, InitProfile, OWN_VARIABLES, UsageError};
use error::exit_code;
use output::{Log, Verbosity};
use sys::{OnAllocFailure, SignalSet};
use verdict::Verdict;

sys::c_main!(prepare_for_alloc_failure, hinit);

/// Sets how the command that the first argument names ends if hinit is out of memory.
fn prepare_for_alloc_failure(command: Option<&[u8]>) {
    let (failure, code) = match command {
        Some(b"healthcheck") => (OnAllocFailure::Verdict, exit_code::UNHEALTHY),
        Some(b"signal" | b"status") => (OnAllocFailure::Refuse, exit_code::REFUSED),
        _ => (OnAllocFailure::Refuse, exit_code::HINIT_FAILED),
    };
    sys::on_alloc_failure(failure, code);
}

/// Does what the arguments say; returns the exit code. `inherited` is the signal mask that hinit
/// was started with.
fn hinit(arguments: Vec<OsString>, inherited: SignalSet) -> u8 {
    let mut own = Vec::new();
    sys::each_variable(OWN_VARIABLES.as_bytes(), &mut |variable| own.push(variable));
    let env = Env {
        own: &own,
        other: &|name| sys::environment(name).map(OsStr::to_owned),
    };
    match cli::parse(arguments, env) {
        Ok(Command::Run(options)) => {
            if options.profile == InitProfile::OWN {
                warn_of_unknown_variables(&own, Log(options.verbosity));
            }
            run::run(&options, inherited)
        }
        Ok(Command::Healthcheck(options)) => healthcheck::healthcheck(&options, inherited),
        Ok(Command::Signal(options)) => {
            let_caller_interrupt(inherited);
            signal::signal(&options)
        }
        Ok(Command::Status(options)) => {
            let_caller_interrupt(inherited);
            status::status(&options)
        }
        Ok(Command::Install(path)) => install::install(&path),
        Ok(Command::Pause) => run::pause(),
        Ok(Command::Print(text)) => {
            if output::print_text(&text) {
                0
            } else {
                exit_code::REFUSED
            }
        }
        Err(error) => report(&error),
    }
}

/// A variable with a misspelt name has no effect, so hinit warns of it.
fn warn_of_unknown_variables(own: &[&[u8]], log: Log) {
    let mut warning = String::new();
    for variable in own {
        cli::note_if_unknown(variable, &mut warning);
    }
    if !warning.is_empty() {
        log.warn(format_args!("{warning}"));
    }
}

/// The caller of a small command can interrupt it. A reader that has left does not end it by SIGPIPE: the exit code
/// still tells.
fn let_caller_interrupt(inherited: SignalSet) {
    sys::set_signal_mask(inherited.with(SIGPIPE));
}

/// Reports a usage error in one line; that of a health check is its verdict.
fn report(error: &UsageError) -> u8 {
    let UsageError { why, call, output } = error;
    let why = format!("{why}; try `{call} --help`");
    match *output {
        ErrorOutput::Verdict(answer) => healthcheck::refuse(Verdict::Usage(why), answer),
        ErrorOutput::Exit(code) => {
            Log(Verbosity::Normal).error(format_args!("{why}"));
            code
        }
    }
}

#[cfg(any(fuzzing, test))]
mod checks;
