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

/// Each signal, with each rule for it and for another one, in each place: a rule alone changes a number, and a signal
/// that is not dropped is passed on.
#[test]
fn no_signal_is_lost_but_by_a_rule() {
    const SIGNALS: std::ops::RangeInclusive<c_int> = 1..=64;
    let stops = plain_run().stop.signals;
    let rules = |to| SIGNALS.map(move |from| (from, to));
    for (from, to) in SIGNALS.map(Some).chain([None]).flat_map(rules) {
        for profile_stops in [false, true] {
            let options = Run {
                rewrites: Rewrites(vec![(from, to)]),
                profile: InitProfile {
                    stops: profile_stops,
                    ..InitProfile::OWN
                },
                ..plain_run()
            };
            for (signal, is_alone) in SIGNALS.flat_map(|signal| [(signal, false), (signal, true)]) {
                let decision = decide(signal, &options, || is_alone);
                let pass_on_as = if signal == from { to } else { Some(signal) };
                let is_stop = stops.contains(signal) && pass_on_as.is_some();
                assert_eq!(
                    (decision.pass_on_as, decision.is_stop),
                    (pass_on_as, is_stop)
                );
                let stops_hinit = [SIGTSTP, SIGTTIN, SIGTTOU].contains(&signal);
                assert_eq!(
                    decision.stops_hinit,
                    stops_hinit && profile_stops && is_alone
                );
            }
        }
    }
}
