//! Options told apart from all else, with their values.

use std::convert::Infallible;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use pico_args::Arguments;

use crate::cli::options::Opt;

/// Before each value, so that pico-args, which looks through all words for a name, takes no value for one.
const VALUE: &[u8] = b"=";

/// Options in their order.
pub(super) struct Parsed {
    options: Vec<&'static Opt>,
    /// The name of each option that has a value, and the value.
    values: Arguments,
}

impl Parsed {
    /// Takes options, and what [`Parsed::words`] makes of those that have a value.
    pub(super) fn new(options: Vec<&'static Opt>, values: Vec<OsString>) -> Self {
        Self {
            options,
            values: Arguments::from_vec(values),
        }
    }

    pub(super) fn words(option: &Opt, value: &[u8]) -> [OsString; 2] {
        let value = [VALUE, value].concat();
        [option.long.into(), OsString::from_vec(value)]
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
