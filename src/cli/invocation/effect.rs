//! An option that was given by its name and has no effect beside the others is a mistake. An option's own variable may
//! have no effect: an image sets it once, for all command lines.

use super::Invocation;
use super::parsed::{Parsed, named};
use super::source::Source;
use crate::cli::options::{
    BODY, CONTAINS, EXPECT, FASTCGI, FOREIGN, GRPC, HEADER, HEARTBEAT, HTTP, KEEP_GROUPS, LACKS,
    MAX_AGE, METHOD, NO_PID, NO_PID_FILE, Opt, PID_FILE, QUIET, QUIET_SUCCESS, REPLY, SEND, TCP,
    TLS, UNIX, USER, WATCHDOG, WATCHDOG_SIGNAL,
};

/// Options, each with the two of which it needs one.
static NEEDS: [(&Opt, [&Opt; 2]); 12] = [
    (METHOD.opt, [HTTP.opt; 2]),
    (BODY.opt, [HTTP.opt; 2]),
    (EXPECT.opt, [HTTP.opt, FASTCGI.opt]),
    (CONTAINS.opt, [HTTP.opt, FASTCGI.opt]),
    (LACKS.opt, [HTTP.opt, FASTCGI.opt]),
    (HEADER.opt, [HTTP.opt, GRPC.opt]),
    (SEND.opt, [REPLY.opt; 2]),
    (TLS.opt, [REPLY.opt; 2]),
    (REPLY.opt, [TCP.opt, UNIX.opt]),
    (MAX_AGE.opt, [HEARTBEAT.opt; 2]),
    (KEEP_GROUPS.opt, [USER.opt; 2]),
    (WATCHDOG_SIGNAL.opt, [WATCHDOG.opt; 2]),
];

/// Options, each with the one that leaves it without effect.
static EXCLUDES: [(&Opt, &Opt); 4] = [
    (PID_FILE.opt, NO_PID_FILE.opt),
    (PID_FILE.opt, NO_PID.opt),
    (FOREIGN.opt, NO_PID.opt),
    (QUIET_SUCCESS.opt, QUIET.opt),
];

impl Invocation<'_> {
    /// The first option that has no effect, and why not.
    pub(super) fn without_effect(&self) -> Option<String> {
        for (prefix, options) in self.explicit() {
            for (option, [one, other]) in &NEEDS {
                if options.count(option) > 0 && !self.is_given(one) && !self.is_given(other) {
                    let mut why = pair(prefix, option, " needs ", one);
                    if !std::ptr::eq(*one, *other) {
                        why = named(&(why + " or "), other);
                    }
                    return Some(why);
                }
            }
            for (option, other) in &EXCLUDES {
                if options.count(option) > 0 && options.count(other) > 0 {
                    return Some(pair(prefix, option, NOT_WITH, other));
                }
            }
        }
        None
    }

    /// The options that were given by their names, and not by their own variables; how a message about each begins.
    pub(super) fn explicit(&self) -> [(&'static str, &Parsed); 2] {
        [
            (Source::Argument.prefix(), &self.arguments),
            (Source::General.prefix(), &self.general),
        ]
    }

    /// Whether an option was given, in whatever way.
    pub(in crate::cli) fn is_given(&self, option: &Opt) -> bool {
        self.source(option).is_some()
    }

    pub(in crate::cli) fn refuse_together(&mut self, one: &Opt, other: &Opt) {
        self.refuse(pair("", one, NOT_WITH, other));
    }
}

const NOT_WITH: &str = " cannot be used with ";

fn pair(start: &str, one: &Opt, verb: &str, other: &Opt) -> String {
    named(&(named(start, one) + verb), other)
}

#[cfg(test)]
mod tests;
