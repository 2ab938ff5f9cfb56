//! Options with their values, separated from the operands.

use std::convert::Infallible;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use pico_args::Arguments;

use crate::cli::options::Opt;

/// Before each value, because pico-args searches all words for a name, and must not find it in a value.
const VALUE: &[u8] = b"=";

/// Options in their order.
pub(super) struct Parsed {
    options: Vec<&'static Opt>,
    /// The name of each option that has a value, and the value.
    values: Arguments,
}

impl Parsed {
    /// From options in their order, and [`Parsed::words`] of those that have a value.
    pub(super) fn new(options: Vec<&'static Opt>, values: Vec<OsString>) -> Self {
        Self {
            options,
            values: Arguments::from_vec(values),
        }
    }

    pub(super) fn words(option: &Opt, value: &[u8]) -> [OsString; 2] {
        let value = [VALUE, value].concat();
        [option.long().into(), OsString::from_vec(value)]
    }

    /// How often an option was given. (One function: copies of it are a quarter KiB.)
    #[inline(never)]
    pub(super) fn count(&self, option: &Opt) -> usize {
        let is_it = |one: &&&Opt| std::ptr::eq(**one, option);
        self.options.iter().filter(is_it).count()
    }

    /// Removes and returns the next value of an option.
    pub(super) fn take(&mut self, option: &Opt) -> Option<OsString> {
        let value = |word: &OsStr| {
            let value = word.as_bytes().get(VALUE.len()..).unwrap_or_default();
            Ok::<_, Infallible>(OsStr::from_bytes(value).to_owned())
        };
        self.values
            .opt_value_from_os_str(option.long(), value)
            .ok()
            .flatten()
    }
}

/// The beginning of a message, and the option's name after it.
pub(super) fn named(start: &str, option: &Opt) -> String {
    format!("{start}`{}`", option.long())
}
