//! An option that was given by its name and has no effect beside the others is a mistake. An option's own variable may
//! have no effect: an image sets it once, for all command lines.

use super::Invocation;
use super::given::Source;
use super::parsed::Parsed;
use crate::cli::options::{self, Opt};

/// Options, each with the two of which it needs one.
static NEEDS: [(&Opt, [&Opt; 2]); 7] = [
    (&options::METHOD, [&options::HTTP; 2]),
    (&options::EXPECT, [&options::HTTP; 2]),
    (&options::CONTAINS, [&options::HTTP; 2]),
    (&options::HEADER, [&options::HTTP, &options::GRPC]),
    (&options::MAX_AGE, [&options::HEARTBEAT; 2]),
    (&options::KEEP_GROUPS, [&options::USER; 2]),
    (&options::WATCHDOG_SIGNAL, [&options::WATCHDOG; 2]),
];

/// Options, each with the one that leaves it without effect.
static EXCLUDES: [(&Opt, &Opt); 4] = [
    (&options::PID_FILE, &options::NO_PID_FILE),
    (&options::PID_FILE, &options::NO_PID),
    (&options::FOREIGN, &options::NO_PID),
    (&options::QUIET_SUCCESS, &options::QUIET),
];

impl Invocation<'_> {
    /// The first option that has no effect, and why not.
    pub(super) fn without_effect(&self) -> Option<String> {
        for (source, options) in self.explicit() {
            for (option, [one, other]) in &NEEDS {
                if options.count(option) > 0 && !self.is_given(one) && !self.is_given(other) {
                    let mut why = pair(source.prefix(), option, " needs ", one);
                    if !std::ptr::eq(*one, *other) {
                        why = named(&(why + " or "), other);
                    }
                    return Some(why);
                }
            }
            for (option, other) in &EXCLUDES {
                if options.count(option) > 0 && options.count(other) > 0 {
                    return Some(pair(source.prefix(), option, NOT_WITH, other));
                }
            }
        }
        None
    }

    /// The options that were given by their names, and not by their own variables.
    pub(super) fn explicit(&self) -> [(Source, &Parsed); 2] {
        [
            (Source::Argument, &self.arguments),
            (Source::General, &self.general),
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

/// The beginning of a message, and the option's name after it.
pub(super) fn named(start: &str, option: &Opt) -> String {
    [start, "`", option.long(), "`"].concat()
}

#[cfg(test)]
mod tests;
