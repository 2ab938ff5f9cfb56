use super::*;

#[test]
fn permissions_of_a_pid_file() {
    for good in ["600", "0600", "0604", "0640", "644", "00644"] {
        assert_eq!(
            permissions(good),
            u32::from_str_radix(good, 8).ok(),
            "{good}"
        );
    }
    for bad in [
        "", "0", "400", "0666", "0664", "0622", "0755", "4644", "0o644", "+644", "rw", "9",
    ] {
        assert_eq!(permissions(bad), None, "{bad}");
    }
}

#[test]
fn umasks() {
    for (text, expected) in [
        ("0", Some(0)),
        ("22", Some(0o22)),
        ("022", Some(0o22)),
        ("0027", Some(0o27)),
        ("777", Some(0o777)),
        ("0777", Some(0o777)),
        ("1000", None),
        ("1777", None),
        ("8", None),
        ("0o22", None),
        ("-1", None),
        ("+22", None),
        ("u=rwx", None),
        ("", None),
        ("99999999999", None),
    ] {
        assert_eq!((UMASK.parse)(text), expected, "{text}");
    }
}

#[test]
fn durations() {
    for (text, micros) in [
        ("500ms", 500_000),
        ("8s", 8_000_000),
        ("2m", 120_000_000),
        ("1.5s", 1_500_000),
        ("0.05m", 3_000_000),
        ("0.25", 250_000),
        ("3", 3_000_000),
        ("1.5ms", 1500),
        ("1ms", 1000),
        ("0", 0),
        ("0.0ms", 0),
        ("525600m", 31_536_000_000_000),
        ("365d", 31_536_000_000_000),
        ("1h", 3_600_000_000),
        ("2d", 172_800_000_000),
        ("1.5h", 5_400_000_000),
        ("1m30s", 90_000_000),
        // In the form of Go.
        ("1h0m0.5s", 3_600_500_000),
        ("30s1m", 90_000_000),
        // In the form of systemd.
        ("1min 30s", 90_000_000),
        ("2d 3h", 183_600_000_000),
        // In the form of hinit's own output.
        ("2m05s", 125_000_000),
        ("1s500ms", 1_500_000),
        ("0.5ms0.5ms", 1000),
        ("0s0ms", 0),
    ] {
        assert_eq!(
            duration(text),
            Some(Duration::from_micros(micros)),
            "{text}"
        );
    }
    for bad in [
        "",
        "0.5ms",
        "0.0009",
        "-1",
        "+1",
        "s",
        "ms",
        ".",
        "1.",
        ".5",
        "1.5.5",
        "1e3",
        "1 s",
        "5S",
        "1H",
        "1w",
        "1y",
        "1M",
        "1m30",
        "30 1m",
        "1 2",
        "1h-5m",
        "1h+5m",
        "1h,5m",
        " 1s",
        "1s ",
        "1s\t1s",
        "1hour",
        "1mins",
        "1..5s",
        "h1",
        "1hh",
        "infinity",
        "364d24h1ms",
        "366d",
        "213503d213503d",
        "18446744073709551615ms",
        "18446744073s18446744073s18446744073s",
        "1ss",
        "inf",
        "nan",
        "\u{663}s",
        "525601m",
        "99999999999999999999s",
        "1.0000000005s",
        "1.99999999999999999999s",
    ] {
        assert_eq!(duration(bad), None, "{bad}");
    }
}

#[test]
fn signals_by_name_or_number() {
    for (text, expected) in [
        ("TERM", Some(15)),
        ("SIGTERM", Some(15)),
        ("sigterm", Some(15)),
        ("15", Some(15)),
        ("KILL", Some(9)),
        ("31", Some(31)),
        ("32", Some(32)),
        ("64", Some(64)),
        ("RTMIN", Some(34)),
        ("SIGRTMIN+0", Some(34)),
        ("rtmin+30", Some(64)),
        ("RTMAX", Some(64)),
        ("RTMAX-14", Some(50)),
        ("RTMAX-30", Some(34)),
        ("RTMIN+31", None),
        ("RTMAX-31", None),
        ("RTMIN-1", None),
        ("RTMIN+", None),
        ("RTMIN+2147483647", None),
        ("RTMIN+99999999999", None),
        ("0", None),
        ("65", None),
        ("-15", None),
        ("", None),
        ("SIG", None),
        ("SIGSIGTERM", None),
        ("TERMINATE", None),
        ("4294967311", None),
    ] {
        assert_eq!(signal(text), expected, "{text}");
    }
}

#[test]
fn lists_of_stop_signals() {
    let set = |numbers: &[c_int]| {
        let all = numbers.iter().fold(SignalSet::NONE, |set, n| set.with(*n));
        Some(all)
    };
    for (text, expected) in [
        ("TERM", set(&[15])),
        ("TERM,INT,QUIT", set(&[15, 2, 3])),
        ("sigwinch,10", set(&[28, 10])),
        ("RTMIN+3, PWR", set(&[37, 30])),
        ("", None),
        (",", None),
        ("TERM;INT", None),
        ("TERM,KILL", None),
        ("STOP", None),
        ("17", None),
        ("WINSH", None),
    ] {
        assert_eq!(stop_signals(text), expected, "{text}");
    }
}

#[test]
fn a_duration_to_the_nanosecond() {
    let expected = Some(Duration::new(1, 1));
    assert_eq!(duration("1.000000001s"), expected);
    assert_eq!(
        duration("0.000000001h1.0000036s"),
        Some(Duration::new(1, 7200))
    );
}

#[test]
fn a_timeout_is_above_zero() {
    assert_eq!((TIMEOUT.parse)("0s"), None);
    assert_eq!((TIMEOUT.parse)("1ms"), Some(Duration::from_millis(1)));
}

#[test]
fn users() {
    for (text, expected) in [
        ("www-data", Some(("www-data", None))),
        ("1000", Some(("1000", None))),
        ("1000:2000", Some(("1000", Some("2000")))),
        ("a:b", Some(("a", Some("b")))),
        ("", None),
        (":", None),
        ("a:", None),
        (":b", None),
        ("a:b:c", None),
        ("a\0", None),
    ] {
        let expected = expected.map(|(user, group): (&str, Option<&str>)| User {
            user: user.into(),
            group: group.map(str::to_owned),
        });
        assert_eq!(user(text), expected, "{text}");
    }
}

#[test]
fn rewriting_rules() {
    for (text, expected) in [
        ("TERM=QUIT", Some((15, Some(3)))),
        ("SIGTERM=3", Some((15, Some(3)))),
        ("15=RTMIN+3", Some((15, Some(37)))),
        ("RTMIN+3=KILL", Some((37, Some(9)))),
        ("HUP=", Some((1, None))),
        ("HUP=HUP", Some((1, Some(1)))),
        ("HUP", None),
        ("=HUP", None),
        ("=", None),
        ("", None),
        ("HUP=USR1=USR2", None),
        ("KILL=TERM", None),
        ("STOP=TSTP", None),
        ("CHLD=USR1", None),
        ("TREM=QUIT", None),
    ] {
        assert_eq!(rewrite(text), expected, "{text}");
    }
}

#[test]
fn mapped_exit_codes() {
    for (text, expected) in [
        ("143=0", Some((143, 0))),
        ("TERM=0", Some((143, 0))),
        ("sigrtmin+1=7", Some((163, 7))),
        ("0=255", Some((0, 255))),
        ("15=0", Some((15, 0))),
        ("256=0", None),
        ("0=256", None),
        ("1=TERM", None),
        ("1=", None),
        ("=1", None),
        ("1", None),
        ("-1=0", None),
    ] {
        assert_eq!(exit_codes(text), expected, "{text}");
    }
}
