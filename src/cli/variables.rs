//! Variables whose names begin as those of hinit's own, and that no command of hinit's knows.

use std::fmt::Write;

use super::COMMANDS;
use super::OWN_VARIABLES;
use super::options::{RUN, VERBOSE, env_name, value_in};
use super::suggestions::Nearest;
use crate::text;

/// Adds a variable (`HINIT_NAME=VALUE`) to a warning of unknown variables, unless it is known. A misspelt name has no
/// effect.
pub(crate) fn note_if_unknown(variable: &[u8], warning: &mut String) {
    let name = variable.split(|&byte| byte == b'=').next();
    let name = name.unwrap_or_default();
    // Kubernetes sets these for its Services, here for one called hinit or hinit-web: `HINIT_PORT`,
    // `HINIT_PORT_80_TCP_ADDR`, `HINIT_SERVICE_HOST`, `HINIT_WEB_SERVICE_HOST`.
    let has = |part: &[u8]| name.windows(part.len()).any(|window| window == part);
    let is_of_service = has(b"_PORT") || has(b"_SERVICE_");
    // Images set these.
    let is_of_image = name == b"HINIT_VERSION" || name == b"HINIT_HOST";
    let mut is_known = is_of_service || is_of_image;
    each_known(&mut |known| is_known |= value_in(variable, known).is_some());
    if is_known {
        return;
    }
    // All names begin alike, so the beginning would make every name near.
    let name = text::shown(name);
    let word = name.get(OWN_VARIABLES.len()..).unwrap_or_default();
    let dashes = |byte| if byte == b'_' { b'-' } else { byte };
    let word: Vec<u8> = word.bytes().map(dashes).collect();
    let mut nearest = Nearest::to(&word);
    each_known(&mut |known| nearest.offer(known));
    let unset = RUN
        .options
        .iter()
        .find(|option| value_in(variable, option.long()).is_some());
    let start = if warning.is_empty() {
        "unknown variable ignored: `"
    } else {
        ", `"
    };
    let _ok = write!(warning, "{start}{name}`");
    if let Some(option) = unset {
        let right = if std::ptr::eq(*option, VERBOSE.opt) {
            "HINIT_LOG=verbose"
        } else {
            option.long()
        };
        let _ok = write!(warning, " (write `{right}`)");
    } else if let Some(nearest) = nearest.name {
        let right = env_name(nearest);
        let _ok = write!(warning, " (did you mean `{right}`?)");
    }
}

/// Passes on the long names of the options that have a variable.
pub(super) fn each_known(take: &mut dyn FnMut(&'static str)) {
    for (topic, _) in &COMMANDS {
        for option in topic.options {
            if option.has_variable() {
                take(option.long());
            }
        }
        if let Some(general) = topic.general {
            take(general);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warning(names: &[&str]) -> String {
        let mut warning = String::new();
        for name in names {
            note_if_unknown(format!("{name}=x").as_bytes(), &mut warning);
        }
        warning
    }

    #[test]
    fn known_variables_and_those_of_others_are_no_typos() {
        let mut known = Vec::new();
        each_known(&mut |long| known.push(env_name(long)));
        for name in &known {
            assert_eq!(warning(&[name]), "", "{name}");
        }
        for name in ["HINIT_GRACE", "HINIT_LOG", "HINIT_HEALTH", "HINIT_FOREIGN"] {
            assert!(known.iter().any(|known| known == name), "{name}");
        }
        for name in [
            "HINIT_VERSION",
            "HINIT_HOST",
            "HINIT_PORT",
            "HINIT_PORT_80_TCP",
            "HINIT_PORT_80_TCP_ADDR",
            "HINIT_SERVICE_HOST",
            "HINIT_SERVICE_PORT_HTTP",
            "HINIT_WEB_SERVICE_HOST",
            "HINIT_WEB_PORT",
        ] {
            assert_eq!(warning(&[name]), "", "{name}");
        }
    }

    #[test]
    fn unknown_variables_are_in_one_warning() {
        for (names, expected) in [
            (
                &["HINIT_GRCE"][..],
                "unknown variable ignored: `HINIT_GRCE` (did you mean `HINIT_GRACE`?)",
            ),
            (
                &["HINIT_PIDFILE", "HINIT_LOG", "HINIT_COLOUR_SCHEME"],
                "unknown variable ignored: `HINIT_PIDFILE` (did you mean `HINIT_PID_FILE`?), \
                 `HINIT_COLOUR_SCHEME`",
            ),
            (&["HINIT_"], "unknown variable ignored: `HINIT_`"),
            (
                &["HINIT_NO_PID_FILE", "HINIT_VERBOSE"],
                "unknown variable ignored: `HINIT_NO_PID_FILE` (write `--no-pid-file`), \
                 `HINIT_VERBOSE` (write `HINIT_LOG=verbose`)",
            ),
            (
                &["HINIT_PID_FILE_MODE"],
                "unknown variable ignored: `HINIT_PID_FILE_MODE` (write `--pid-file-mode`)",
            ),
            (
                &["HINIT_VERSIONS"],
                "unknown variable ignored: `HINIT_VERSIONS`",
            ),
        ] {
            assert_eq!(warning(names), expected);
        }
    }
}
