//! The options of a hinit that runs under the name of another init.

use nix::libc::c_int;
use nix::sys::signal::Signal as StandardSignal;

use super::table::{option, options};
use super::{Topic, Typed, VERSION};
use crate::cli::values::{self, Separators};

const LICENCE: Typed<bool> = option!(("-L, -l", "Print the licence") flag());
const GROUP: Typed<bool> = option!(("-g", "Pass signals to the process group") flag());

options! {
    /// What was given to a hinit named tini.
    TiniOptions {
        subreaper: bool = SUBREAPER {
            ("-s", "Adopt orphans also where this is not PID 1")
            flag()
        },
        group: bool = GROUP,
        parent_death: Option<StandardSignal> = PARENT_DEATH {
            ("-p SIGNAL", "Signal that hinit gets when its parent process dies; not for PID 1")
            value(&values::STANDARD_SIGNAL)
        },
        expected: Vec<(u8, u8)> = EXPECTED {
            ("-e CODE", "Exit with 0 instead of this code; may be repeated")
            values(Separators::BlanksOrCommas, &values::EXIT_CODE)
        },
        names_orphans: bool = NAME_ORPHANS {
            ("-w", "Warn of each orphan that has exited")
            flag()
        },
        verbose: usize = TINI_VERBOSE {
            ("-v, --verbose", "Log more; twice: also each signal and each orphan")
            count()
        },
        licence: bool = LICENCE,
        version: bool = VERSION,
    }
}

options! {
    /// What was given to a hinit named dumb-init.
    DumbInitOptions {
        single_child: bool = SINGLE_CHILD {
            ("-c, --single-child", "No session; signals go to the command alone")
            flag()
        },
        rewrite: Vec<(c_int, Option<c_int>)> = REWRITE {
            (
                "-r, --rewrite FROM:TO",
                "Pass signal FROM on as TO, or drop it if TO is 0; may be repeated"
            )
            values(Separators::BlanksOrCommas, &values::REWRITE_BY_COLON)
        },
        verbose: bool = DUMB_INIT_VERBOSE {
            ("-v, --verbose", "Also log each signal and each orphan")
            flag()
        },
        version: bool = VERSION,
    }
}

options! {
    /// What was given to a hinit named catatonit.
    CatatonitOptions {
        group: bool = GROUP,
        pause: bool = PAUSE {
            ("-P", "Run no command; exit on SIGTERM or SIGINT")
            flag()
        },
        licence: bool = LICENCE,
        version: bool = VERSION,
    }
}

pub(crate) static TINI: Topic = Topic {
    call: "tini",
    usage: "usage: tini [OPTIONS] [--] COMMAND [ARG...]",
    about: "\
hinit, named tini; it reads TINI_SUBREAPER, TINI_KILL_PROCESS_GROUP and
TINI_VERBOSITY",
    mixed: false,
    clusters: true,
    options: TiniOptions::OPTIONS,
    general: None,
    titles: TiniOptions::TITLES,
    examples: "",
};

pub(crate) static DUMB_INIT: Topic = Topic {
    call: "dumb-init",
    usage: "usage: dumb-init [OPTIONS] [--] COMMAND [ARG...]",
    about: "hinit, named dumb-init; it reads DUMB_INIT_SETSID and DUMB_INIT_DEBUG",
    mixed: false,
    clusters: true,
    options: DumbInitOptions::OPTIONS,
    general: None,
    titles: DumbInitOptions::TITLES,
    examples: "",
};

pub(crate) static CATATONIT: Topic = Topic {
    call: "catatonit",
    usage: "usage: catatonit [OPTIONS] [--] COMMAND [ARG...]",
    about: "hinit, named catatonit; it reads CATATONIT_DEBUG",
    mixed: false,
    clusters: true,
    options: CatatonitOptions::OPTIONS,
    general: None,
    titles: CatatonitOptions::TITLES,
    examples: "",
};
