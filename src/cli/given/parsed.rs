//! Options told apart from all else, with their values.

use std::convert::Infallible;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use pico_args::Arguments;

use crate::cli::options::Opt;

/// Before each value, so that pico-args, which looks through all words for a name, takes no value for one.
const VALUE: &str = "=";

/// Options in their order.
pub(super) struct Parsed {
    options: Vec<&'static Opt>,
    /// The name of each option that has a value, and the value.
    values: Arguments,
}

impl Parsed {
    /// Takes options and the value of each; that of a flag is None.
    pub(super) fn new(given: Vec<(&'static Opt, Option<OsString>)>) -> Self {
        let (mut options, mut words) = (Vec::new(), Vec::new());
        for (option, value) in given {
            options.push(option);
            if let Some(value) = value {
                let mut word = OsString::from(VALUE);
                word.push(value);
                words.extend([option.long.into(), word]);
            }
        }
        Self {
            options,
            values: Arguments::from_vec(words),
        }
    }

    /// How often an option was given. (One function: copies of it are a quarter KiB.)
    #[inline(never)]
    pub(super) fn count(&self, option: &Opt) -> usize {
        let is_asked_for = |one: &&&Opt| std::ptr::eq(**one, option);
        self.options.iter().filter(is_asked_for).count()
    }

    /// Takes the next value of an option out.
    pub(super) fn take(&mut self, option: &Opt) -> Option<OsString> {
        // pico-args refuses to look for a name without a dash: some options are variables alone.
        if self.count(option) == 0 {
            return None;
        }
        let value = |word: &OsStr| {
            let value = word.as_bytes().get(VALUE.len()..).unwrap_or_default();
            Ok::<_, Infallible>(OsStr::from_bytes(value).to_owned())
        };
        self.values
            .opt_value_from_os_str(option.long, value)
            .ok()
            .flatten()
    }
}
