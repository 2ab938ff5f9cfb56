//! What was given by its name and has no effect beside the rest is a mistake. An option's own variable is none: an
//! image sets it once, for command lines of which it knows nothing.

use super::Invocation;
use crate::cli::options::{self, Opt};

/// Options, and those of which each needs one.
static NEEDS: [(&Opt, [&Opt; 2]); 7] = [
    (&options::METHOD, [&options::HTTP; 2]),
    (&options::EXPECT, [&options::HTTP; 2]),
    (&options::CONTAINS, [&options::HTTP; 2]),
    (&options::HEADER, [&options::HTTP, &options::GRPC]),
    (&options::MAX_AGE, [&options::HEARTBEAT; 2]),
    (&options::KEEP_GROUPS, [&options::USER; 2]),
    (&options::WATCHDOG_SIGNAL, [&options::WATCHDOG; 2]),
];

/// Options, and what leaves each of them nothing to do.
static IDLE: [(&Opt, &Opt); 4] = [
    (&options::PID_FILE, &options::NO_PID_FILE),
    (&options::PID_FILE, &options::NO_PID),
    (&options::FOREIGN, &options::NO_PID),
    (&options::QUIET_SUCCESS, &options::QUIET),
];

impl Invocation<'_> {
    /// The first option that has no effect, and why not.
    pub(super) fn without_effect(&self) -> Option<String> {
        for (place, options) in self.explicit() {
            for (option, [one, other]) in &NEEDS {
                if options.count(option) > 0 && !self.is_given(one) && !self.is_given(other) {
                    let mut why = pair(place.prefix(), option, " needs ", one);
                    if !std::ptr::eq(*one, *other) {
                        why = named(&(why + " or "), other);
                    }
                    return Some(why);
                }
            }
            for (option, other) in &IDLE {
                if options.count(option) > 0 && options.count(other) > 0 {
                    return Some(pair(place.prefix(), option, NOT_WITH, other));
                }
            }
        }
        None
    }

    /// Whether there is anything for an option, wherever.
    pub(in crate::cli) fn is_given(&self, option: &Opt) -> bool {
        self.count(option) > 0 || self.general.count(option) > 0 || self.variable(option).is_some()
    }

    pub(in crate::cli) fn refuse_together(&mut self, one: &Opt, other: &Opt) {
        self.refuse(pair("", one, NOT_WITH, other));
    }
}

const NOT_WITH: &str = " cannot be used with ";

fn pair(start: &str, one: &Opt, verb: &str, other: &Opt) -> String {
    named(&(named(start, one) + verb), other)
}

/// The beginning of a message, and an option after it.
pub(super) fn named(start: &str, option: &Opt) -> String {
    [start, "`", option.long, "`"].concat()
}

#[cfg(test)]
mod tests;
