//! Variables whose names begin as those of hinit's own do, and that no command of hinit's knows.

use std::ffi::CStr;

use super::options::{HEALTHCHECK, LOG, RUN, SIGNAL, STATUS};
use super::suggestions::Nearest;

const PREFIX: &str = "HINIT_";

/// Adds a variable (`NAME=value`) to a warning of those that are unknown, unless it is known: a name that is misspelt
/// has no effect.
pub(crate) fn note_if_unknown(variable: &[u8], warning: &mut String) {
    let name = variable.split(|&byte| byte == b'=').next();
    let name = name.unwrap_or_default();
    // By which Kubernetes tells of its Services, here of one called hinit or hinit-web: `HINIT_PORT`,
    // `HINIT_PORT_80_TCP_ADDR`, `HINIT_SERVICE_HOST`, `HINIT_WEB_SERVICE_HOST`.
    let has = |part: &[u8]| name.windows(part.len()).any(|window| window == part);
    let is_of_service = has(b"_PORT") || has(b"_SERVICE_");
    // Images have these.
    let is_of_image = name == b"HINIT_VERSION" || name == b"HINIT_HOST";
    if is_of_service || is_of_image {
        return;
    }
    let mut is_known = false;
    each_known(&mut |known| is_known |= name == known.to_bytes());
    if is_known {
        return;
    }
    // All begin alike, and that says nothing of how near one is.
    let mut nearest = Nearest::to(name.get(PREFIX.len()..).unwrap_or_default());
    each_known(&mut |known| {
        let known = known.to_str().unwrap_or_default();
        nearest.offer(known.get(PREFIX.len()..).unwrap_or_default());
    });
    warning.push_str(if warning.is_empty() {
        "unknown variable ignored: `"
    } else {
        ", `"
    });
    warning.push_str(&String::from_utf8_lossy(name));
    warning.push('`');
    if let Some(nearest) = nearest.name {
        warning.extend([" (did you mean `", PREFIX, nearest, "`?)"]);
    }
}

/// Passes on the names of hinit's own variables; of options that have none, an empty one.
fn each_known(take: &mut dyn FnMut(&'static CStr)) {
    for topic in [&RUN, &HEALTHCHECK, &SIGNAL, &STATUS] {
        take(topic.env);
        for option in topic.options {
            take(option.env);
        }
    }
    take(LOG.env);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warning(names: &[&str]) -> String {
        let mut warning = String::new();
        for name in names {
            note_if_unknown(name.as_bytes(), &mut warning);
        }
        warning
    }

    #[test]
    fn what_a_command_knows_or_others_set_is_no_typo() {
        let mut known = Vec::new();
        each_known(&mut |name| known.push(name.to_str().unwrap()));
        for name in known.iter().filter(|name| !name.is_empty()) {
            assert_eq!(warning(&[name]), "", "{name}");
        }
        for name in ["HINIT_GRACE", "HINIT_LOG", "HINIT_HEALTH", "HINIT_FOREIGN"] {
            assert!(known.contains(&name), "{name}");
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
    fn all_others_are_in_one_warning() {
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
                &["HINIT_VERSIONS"],
                "unknown variable ignored: `HINIT_VERSIONS`",
            ),
        ] {
            assert_eq!(warning(names), expected);
        }
    }
}
