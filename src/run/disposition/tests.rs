use nix::libc::{SIGHUP, SIGINT, SIGKILL, SIGSTOP, SIGTERM};

use super::*;
use crate::cli::{self, Command, InitProfile, Rewrites};

fn plain_run() -> Run {
    match cli::parse(vec!["hinit".into(), "server".into()], cli::Env::EMPTY) {
        Ok(Command::Run(options)) => options,
        other => panic!("{other:?}"),
    }
}

/// The decision for each kind of signal: dropped, rewritten, a stop, job control, passed on.
#[test]
fn each_signal_has_one_disposition() {
    let own = InitProfile::OWN;
    // As dumb-init does.
    let stopping = InitProfile { stops: true, ..own };
    let rules = vec![
        (SIGHUP, None),
        (SIGINT, Some(SIGTERM)),
        (SIGTSTP, Some(SIGSTOP)),
        (SIGTTIN, None),
    ];
    for (signal, profile, is_alone, pass_on_as, is_stop, stops_hinit) in [
        (SIGTERM, own, true, Some(SIGTERM), true, false),
        (SIGINT, own, true, Some(SIGTERM), true, false),
        (SIGHUP, own, true, None, false, false),
        (SIGKILL, own, true, Some(SIGKILL), false, false),
        (SIGTTOU, own, true, Some(SIGTTOU), false, false),
        (SIGTTOU, stopping, true, Some(SIGTTOU), false, true),
        (SIGTTOU, stopping, false, Some(SIGTTOU), false, false),
        (SIGTSTP, stopping, true, Some(SIGSTOP), false, true),
        (SIGTTIN, stopping, true, None, false, true),
        (SIGTTIN, stopping, false, None, false, false),
    ] {
        let options = Run {
            rewrites: Rewrites(rules.clone()),
            profile,
            ..plain_run()
        };
        assert_eq!(
            decide(signal, &options, || is_alone),
            Disposition {
                pass_on_as,
                is_stop,
                stops_hinit
            },
            "signal {signal}"
        );
    }
}
