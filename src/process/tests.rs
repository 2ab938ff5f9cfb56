use std::time::Duration;

use super::*;

/// A stat file as kernel 6 writes it.
fn line(name: &str, state: &str) -> String {
    format!(
        "42 ({name}) {state} 7 42 42 0 -1 4194304 96 0 0 0 0 0 0 0 20 0 3 0 8415 3149824 380 \
         18446744073709551615 1 1 0 0 0 0 0 0 65536 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
    )
}

#[test]
fn the_fields_of_a_stat_file() {
    let pid = Pid::from_raw(42);
    for (name, letter, state) in [
        ("nginx", "R", State::Running),
        ("nginx", "S", State::Sleeping),
        ("nginx", "D", State::Blocked),
        ("nginx", "I", State::Other),
        ("nginx", "t", State::Traced),
        ("nginx", "T", State::Stopped),
        ("nginx", "Z", State::Ended),
        ("nginx", "X", State::Ended),
        // Names that look like other fields.
        ("a) Z (b", "S", State::Sleeping),
        (") Z 1 1 1", "S", State::Sleeping),
        ("((", "T", State::Stopped),
        ("))", "T", State::Stopped),
        ("x\n42 (y) Z 1", "R", State::Running),
        ("", "S", State::Sleeping),
    ] {
        let process = Process {
            pid,
            parent: Pid::from_raw(7),
            name: name.into(),
            state,
            threads: 3,
            started: StartTime(8415),
        };
        let line = line(name, letter);
        assert_eq!(parse_stat(pid, line.as_bytes()), Some(process), "{line}");
    }
}

#[test]
fn each_state_has_a_text() {
    for (letter, shown) in [
        (b'R', "running"),
        (b'D', "in an uninterruptible wait"),
        (b'Z', "a zombie"),
        (b'I', "in an unknown state"),
    ] {
        assert_eq!(State::of(letter).to_string(), shown);
    }
}

#[test]
fn a_truncated_or_invalid_stat_file_is_rejected() {
    let whole = line("a) Z (b", "S");
    let (needed, _) = whole.split_once("8415").unwrap();
    for end in 0..needed.len() {
        assert_eq!(
            parse_stat(Pid::from_raw(42), &whole.as_bytes()[..end]),
            None,
            "{end}"
        );
    }
    for junk in [&b"(\xff) S x"[..], b")(", b"42 (x) SS 7", b"\0", b"42 (x)"] {
        assert_eq!(parse_stat(Pid::from_raw(42), junk), None, "{junk:?}");
    }
}

#[test]
fn proc_shows_this_process() {
    let Lookup::Found(own) = look_up(getpid()) else {
        panic!("/proc shows this process")
    };
    assert_eq!(own.parent, nix::unistd::getppid());
    assert!(!own.has_ended());
    // It was started by this test run, not at boot.
    assert!(own.started.age() < Duration::from_hours(1));
    assert!(own.threads > 1, "a test has a thread of its own");
    assert_eq!(look_up(nix::unistd::gettid()), Lookup::Thread(getpid()));
    assert!(all().unwrap().iter().any(|process| process.pid == getpid()));
    assert!(is_proc_ours());
}

#[test]
fn the_users_of_a_status_file() {
    for (status, expected) in [
        (
            &b"Name:\t\xff\nUid:\t1\t2\t3\t4\nGid:\t5\t5\t5\t5\n"[..],
            Some([1, 2, 3]),
        ),
        // The kernel writes a newline in a name like this.
        (
            b"Name:\tx\\nUid:\t9\t9\t9\nUid:\t1\t2\t3\t4\n",
            Some([1, 2, 3]),
        ),
        (b"Name:\tx\nUid:\t1\t2\n", None),
        (b"Name:\tx\n", None),
        (b"", None),
    ] {
        assert_eq!(parse_users(status), expected, "{status:?}");
    }
    assert_eq!(users(getpid()).unwrap()[1], crate::sys::effective_user());
}
