//! How options are declared: each is one entry of a table, from which its names, its variable, its text in the help,
//! the man page, the completions and the guides, its parser and the function that returns its value come.

use super::Opt;
use crate::cli::invocation::Invocation;

/// An option, and how its value is read from what was given.
pub(crate) struct Typed<V: 'static> {
    pub(crate) opt: &'static Opt,
    pub(in crate::cli) read: fn(&mut Invocation, &Opt) -> V,
}

/// The text of an option (see [`Opt`]) from the parts of its entry.
macro_rules! text {
    ($synopsis:literal, $help:literal) => {
        concat!($synopsis, "\n", $help)
    };
    ($synopsis:literal, $help:literal, variable) => {
        concat!($synopsis, "\n", $help, "\n$")
    };
    ($synopsis:literal, $help:literal, variable, expanded) => {
        concat!($synopsis, "\n", $help, "\n$$")
    };
    ($synopsis:literal, $help:literal, default $default:literal) => {
        concat!($synopsis, "\n", $help, "\n[default: ", $default, "]")
    };
    ($synopsis:literal, $help:literal, default $default:literal, variable) => {
        concat!($synopsis, "\n", $help, "\n[default: ", $default, "]\n$")
    };
    ($synopsis:literal, $help:literal, default $default:literal, variable, expanded) => {
        concat!($synopsis, "\n", $help, "\n[default: ", $default, "]\n$$")
    };
}

/// One entry: the texts, and which of the methods of [`Invocation`] reads the value.
macro_rules! option {
    (($($text:tt)*) $read:ident($($argument:expr),*)) => {{
        static OPT: $crate::cli::options::Opt =
            $crate::cli::options::Opt::new($crate::cli::options::table::text!($($text)*));
        $crate::cli::options::Typed {
            opt: &OPT,
            read: |invocation, option| invocation.$read(option, $($argument),*),
        }
    }};
}

/// The options of a command, in their order in the help; `--help` is the last one of each. An entry is a constant, and
/// a function that returns what was given. An entry without a body names an option that is declared elsewhere. A
/// function that is never called does not compile.
macro_rules! options {
    (
        $(#[$doc:meta])*
        $given:ident {
            $(
                $( [$title:literal] )?
                $field:ident: $value:ty = $name:ident $( { $($entry:tt)* } )?,
            )*
        }
    ) => {
        $( $(
            pub(crate) const $name: $crate::cli::options::Typed<$value> =
                $crate::cli::options::table::option!($($entry)*);
        )? )*

        $(#[$doc])*
        pub(in crate::cli) enum $given {}

        #[deny(dead_code)]
        impl $given {
            pub(in crate::cli) const OPTIONS: &'static [&'static $crate::cli::options::Opt] =
                &[$( $name.opt, )* &$crate::cli::options::HELP];
            pub(in crate::cli) const TITLES: &'static [$crate::cli::options::Title] =
                &[$( $( ($title, $name.opt), )? )*];

            $(
                pub(in crate::cli) fn $field(
                    invocation: &mut $crate::cli::invocation::Invocation,
                ) -> $value {
                    ($name.read)(invocation, $name.opt)
                }
            )*
        }
    };
}

pub(in crate::cli) use {option, options, text};
