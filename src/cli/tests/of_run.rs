//! The options of `hinit run` about signals, the stop and the exit code.

use super::*;

#[test]
fn options_of_run() {
    let plain = run(&["x"]);
    let expected = Run {
        pid_file: Some(PidFile::Default),
        mode: 0o644,
        group: false,
        parent_death: None,
        rewrites: Rewrites::default(),
        stop: Stop {
            signals: options::STOP_SIGNALS,
            delay: Duration::ZERO,
            grace: None,
            leftovers: Leftovers::Drain,
        },
        exit: Exit::default(),
        notify: None,
        listen: Vec::new(),
        ready_when: None,
        user: None,
        keep_groups: false,
        umask: None,
        workdir: None,
        stale: Vec::new(),
        follow: Vec::new(),
        profile: InitProfile::OWN,
        verbosity: Verbosity::Normal,
        quiet_success: false,
        command: vec!["x".into()],
    };
    assert_eq!(plain, expected);
    assert_eq!(run(&["--pid-file", "/p", "x"]).pid_file, Some(at("/p")));
    assert_eq!(run(&["--pid-file=/p=q", "x"]).pid_file, Some(at("/p=q")));
    assert_eq!(run(&["--no-pid-file", "--no-pid-file", "x"]).pid_file, None);
    for (words, verbosity) in [
        (&["-v", "x"][..], Verbosity::Verbose),
        (&["--verbose", "-v", "x"], Verbosity::Verbose),
        (&["-q", "x"], Verbosity::Quiet),
        (&["--quiet", "x"], Verbosity::Quiet),
    ] {
        assert_eq!(run(words).verbosity, verbosity, "{words:?}");
    }
}

#[test]
fn flags_by_argument_or_environment() {
    let [group, no_drain, clean_stop, quiet_success]: [fn(&Run) -> bool; 4] = [
        |run| run.group,
        |run| run.stop.leftovers == Leftovers::Leave,
        |run| run.exit.clean_stop,
        |run| run.quiet_success,
    ];
    for (flag, variable, is_on) in [
        ("--group", "HINIT_GROUP", group),
        ("--no-drain", "HINIT_NO_DRAIN", no_drain),
        ("--clean-stop", "HINIT_CLEAN_STOP", clean_stop),
        ("--quiet-success", "HINIT_QUIET_SUCCESS", quiet_success),
    ] {
        let refusal = format!("`{variable}=maybe`: not 1, 0, true, false, yes, no, on or off");
        for (words, value, expected) in [
            (&["x"][..], "", Ok(false)),
            (&["x"], "1", Ok(true)),
            (&["x"], "0", Ok(false)),
            (&[flag, "x"], "", Ok(true)),
            (&[flag, "x"], "0", Ok(true)),
            (&[flag, "x"], "off", Ok(true)),
            (&["x"], "true", Ok(true)),
            (&["x"], "YES", Ok(true)),
            (&["x"], "On", Ok(true)),
            (&["x"], "False", Ok(false)),
            (&["x"], "no", Ok(false)),
            (&["x"], "off", Ok(false)),
            (&["x"], "maybe", Err(of_run(refusal))),
        ] {
            let on = parse_with(words, variable, value)
                .map(|command| matches!(command, Command::Run(run) if is_on(&run)));
            assert_eq!(on, expected, "{words:?} {variable:?}={value}");
        }
    }
    assert!(run(&["-g", "x"]).group);
}

#[test]
fn verbosity_by_option_and_variable() {
    let verbosity = |words: &[&str], value| match parse_with(words, "HINIT_LOG", value) {
        Ok(Command::Run(run)) => run.verbosity,
        other => panic!("{words:?} {value}: {other:?}"),
    };
    for (words, value, expected) in [
        (&["x"][..], "", Verbosity::Normal),
        (&["x"], "normal", Verbosity::Normal),
        (&["x"], "quiet", Verbosity::Quiet),
        (&["x"], "verbose", Verbosity::Verbose),
        (&["x"], "Quiet", Verbosity::Quiet),
        (&["x"], "VERBOSE", Verbosity::Verbose),
        (&["-v", "x"], "quiet", Verbosity::Verbose),
        (&["-q", "x"], "verbose", Verbosity::Quiet),
    ] {
        assert_eq!(verbosity(words, value), expected, "{words:?} {value}");
    }
    let refusal = of_run("`HINIT_LOG=debug`: not quiet, normal or verbose".into());
    assert_eq!(parse_with(&["x"], "HINIT_LOG", "debug"), Err(refusal));
    // HINIT_QUIET is a variable of the health check.
    match parse_with(&["x"], "HINIT_QUIET", "1") {
        Ok(Command::Run(run)) => assert_eq!(run.verbosity, Verbosity::Normal),
        other => panic!("{other:?}"),
    }
}

#[test]
fn options_of_a_stop() {
    let seconds = Duration::from_secs;
    let (rewrites, map) = (vec![(15, Some(3)), (1, None)], vec![(143, 0), (7, 8)]);
    let words = [
        "--stop-delay",
        "3",
        "--grace=8s",
        "--no-drain",
        "--clean-stop",
        "--rewrite",
        "TERM=QUIT",
        "--rewrite=HUP=",
        "--map-exit=TERM=0",
        "--map-exit",
        "7=8",
        "x",
    ];
    let by_arguments = run(&words);
    let expected = Stop {
        signals: options::STOP_SIGNALS,
        delay: seconds(3),
        grace: Some(seconds(8)),
        leftovers: Leftovers::Leave,
    };
    assert_eq!(by_arguments.stop, expected);
    assert_eq!(by_arguments.rewrites, Rewrites(rewrites.clone()));
    assert_eq!(
        by_arguments.exit,
        Exit {
            clean_stop: true,
            map: map.clone()
        }
    );
    let by_variable = |variable, value| match parse_with(&["x"], variable, value) {
        Ok(Command::Run(run)) => run,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        by_variable("HINIT_GRACE", "8s").stop.grace,
        Some(seconds(8))
    );
    assert_eq!(by_variable("HINIT_STOP_DELAY", "3").stop.delay, seconds(3));
    // One variable contains several rules. An argument overrides them all.
    for value in ["TERM=QUIT HUP=", "TERM=QUIT,HUP=", " TERM=QUIT,\n HUP= "] {
        assert_eq!(
            by_variable("HINIT_REWRITE", value).rewrites,
            Rewrites(rewrites.clone())
        );
    }
    assert_eq!(by_variable("HINIT_MAP_EXIT", "TERM=0 7=8").exit.map, map);
    match parse_with(&["--rewrite=INT=TERM", "x"], "HINIT_REWRITE", "TERM=QUIT") {
        Ok(Command::Run(run)) => assert_eq!(run.rewrites, Rewrites(vec![(2, Some(15))])),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_last_rule_for_a_signal_counts() {
    let rewrites = Rewrites(vec![(15, Some(3)), (1, None), (15, Some(2))]);
    for (from, to) in [(15, Some(2)), (1, None), (3, Some(3)), (64, Some(64))] {
        assert_eq!(rewrites.apply(from), to);
    }
}

#[test]
fn the_signal_on_the_parents_death() {
    let expected = "run: `--parent-death TREM`: `TREM` is not a signal (did you mean TERM?)";
    assert_eq!(usage_error(&["--parent-death", "TREM", "x"]), expected);
    assert_eq!(
        run(&["--parent-death=hup", "x"]).parent_death,
        Some(StandardSignal::SIGHUP)
    );
}
