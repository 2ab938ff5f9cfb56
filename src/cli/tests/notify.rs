//! What the server tells, and where hinit answers.

use nix::libc::{SIGABRT, SIGKILL};

use super::*;
use crate::cli::probes::tcp_address;

fn notify(words: &[&str]) -> Option<Notify> {
    run(words).notify
}

#[test]
fn whether_the_server_is_to_say_that_it_is_ready() {
    let watched = |seconds, signal| {
        Some(Notify {
            watchdog: Some(Duration::from_secs(seconds)),
            signal,
        })
    };
    assert_eq!(notify(&["x"]), None);
    assert_eq!(notify(&["--notify", "x"]), Some(Notify::default()));
    assert_eq!(notify(&["--watchdog", "30", "x"]), watched(30, None));
    assert_eq!(
        notify(&[
            "--notify",
            "--watchdog=5s",
            "--watchdog-signal",
            "ABRT",
            "x"
        ]),
        watched(5, Some(SIGABRT))
    );
    assert_eq!(
        notify(&["--watchdog=5s", "--watchdog-signal=9", "x"]),
        watched(5, Some(SIGKILL))
    );
    for (words, refusal) in [
        (
            &["--watchdog-signal=ABRT", "x"][..],
            "run: `--watchdog-signal` needs `--watchdog`",
        ),
        (
            &["--watchdog=0", "x"],
            "run: `--watchdog 0`: not a time such as 500ms, 2s or 1m30s; the units are ms, s, m, h and d",
        ),
        (
            &["--watchdog=1s", "--watchdog-signal=TREM", "x"],
            "run: `--watchdog-signal TREM`: `TREM` is not a signal (did you mean TERM?)",
        ),
    ] {
        assert_eq!(misuse(words), refusal);
    }
}

#[test]
fn the_same_by_the_environment() {
    let with = |variable, value| match parse_with(&["x"], variable, value) {
        Ok(Command::Run(run)) => (run.notify, run.listen.len()),
        other => panic!("{other:?}"),
    };
    let watchdog = Some(Notify {
        watchdog: Some(Duration::from_secs(2)),
        signal: None,
    });
    assert_eq!(with(c"HINIT_NOTIFY", "1"), (Some(Notify::default()), 0));
    assert_eq!(with(c"HINIT_NOTIFY", "0"), (None, 0));
    assert_eq!(with(c"HINIT_WATCHDOG", "2s"), (watchdog, 0));
    assert_eq!(with(c"HINIT_LISTEN", "127.0.0.1:1 unix:/s"), (None, 2));
}

#[test]
fn where_hinit_answers() {
    let tcp = |text: &str| Address::Tcp(vec![tcp_address(text)]);
    for (text, expected) in [
        ("127.0.0.1:9101", tcp("127.0.0.1:9101")),
        ("[::]:9101", tcp("[::]:9101")),
        (
            "unix:/run/hinit.sock",
            Address::Unix("/run/hinit.sock".into()),
        ),
    ] {
        assert_eq!(run(&["--listen", text, "x"]).listen, [expected], "{text}");
    }
    let both = Address::Tcp(vec![tcp_address("127.0.0.1:1"), tcp_address("[::1]:1")]);
    assert_eq!(run(&["--listen=localhost:1", "x"]).listen, [both]);
    for bad in [
        "9101", ":9101", "::1", "0.0.0.0", "unix:", "unix:/", "unix:x", "/x", "a:1",
    ] {
        let why = "not an address such as 127.0.0.1:9101, [::]:9101 or unix:/run/hinit.sock";
        let refusal = format!("run: `--listen {bad}`: {why}");
        assert_eq!(misuse(&["--listen", bad, "x"]), refusal);
    }
    let many = ["--listen=127.0.0.1:1"; 9];
    let many = [&many[..], &["x"]].concat();
    assert_eq!(misuse(&many), "run: more than 8 addresses to listen at");
}

#[test]
fn whom_a_health_check_asks_whether_the_server_is_ready() {
    assert!(!healthcheck(&["healthcheck"]).ready);
    assert!(healthcheck(&["healthcheck", "--ready"]).ready);
    for other in ["--no-pid", "--foreign"] {
        let refusal = format!("healthcheck: `--ready` cannot be used with `{other}`");
        assert_eq!(misuse(&["healthcheck", "--ready", other]), refusal);
    }
}
