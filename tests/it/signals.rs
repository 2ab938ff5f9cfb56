//! Signals that hinit passes on: each one, with its value, in order, to the server or its group.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::thread;
use std::time::Instant;

use nix::libc::{self, SIGCONT, SIGHUP, SIGKILL, SIGSTOP, SIGTERM, SIGUSR1};

use crate::support::*;

/// `sigqueue(3)`; false if the queue is full.
#[allow(unsafe_code)]
fn try_to_queue(pid: i32, number: i32, value: usize) -> bool {
    let value = libc::sigval {
        sival_ptr: std::ptr::without_provenance_mut(value),
    };
    // SAFETY: the value is a number, and no process uses it as a pointer.
    let result = unsafe { libc::sigqueue(pid, number, value) };
    let error = std::io::Error::last_os_error();
    assert!(
        result == 0 || error.raw_os_error() == Some(libc::EAGAIN),
        "{error}"
    );
    result == 0
}

pub fn queue(pid: i32, number: i32, value: usize) {
    assert!(try_to_queue(pid, number, value));
}

/// Sends hinit a hundred signals without a value and a hundred with one. (The kernel delivers lower
/// numbers first, signal(7): so the signals without a value find the server's queue full first,
/// even if hinit has not read any signal yet.)
fn send_two_hundred(hinit: &Running) {
    let pid = hinit.pid();
    for _ in 0..100 {
        kill(pid, 40);
    }
    for value in 1..=100 {
        queue(pid, 41, value);
    }
}

/// Sends SIGUSR1, for which the server waits: then all of the two hundred arrive, and the values in
/// order.
fn assert_all_arrive(hinit: Running) {
    let pid = hinit.pid();
    hinit.signal(SIGUSR1);
    let lines: Vec<String> = (0..200).map(|_| hinit.line()).collect();
    let only = |start: &'static str| lines.iter().filter(move |line| line.starts_with(start));
    let values: Vec<String> = (1..=100)
        .map(|value| format!("signal 41 value {value}"))
        .collect();
    assert!(only("signal 41 ").eq(&values), "{lines:?}");
    assert_eq!(only("signal 40").count(), 100, "{lines:?}");
    // A standard signal may have a value as well.
    queue(pid, SIGHUP, 7);
    assert_eq!(hinit.line(), "signal 1 value 7");
    hinit.signal(SIGTERM);
    assert_eq!(hinit.line(), "signal 15");
    assert_eq!(hinit.end().code, 0);
}

in_both_modes!(
    a_queued_signal_arrives_with_its_value_and_its_sender,
    values_arrive_in_order_and_unmerged,
    no_signal_is_lost_when_the_servers_queue_is_full,
    a_full_queue_of_hinits_own_does_not_stop_it,
    a_full_queue_of_hinits_own_leaves_the_server_room,
    with_group_the_whole_group_gets_the_signals,
    a_signal_that_cannot_be_passed_on_is_a_warning
);

fn a_queued_signal_arrives_with_its_value_and_its_sender(mode: Mode) {
    let hinit = Start::new(mode).no_pid_file().fixture(["sender"]);
    let hinit = hinit.start().ready();
    queue(hinit.pid(), 42, 0x8765_4321);
    let (process, user) = match mode {
        // A process outside of the PID namespace has no number in it, and this user is root in it.
        Mode::Pid1 => (0, 0),
        Mode::Subreaper => (std::process::id(), nix::unistd::geteuid().as_raw()),
    };
    let expected = format!("value 0x87654321 from process {process} of UID {user}");
    assert_eq!(hinit.line(), expected);
    assert_eq!(hinit.end().code, 0);
}

fn values_arrive_in_order_and_unmerged(mode: Mode) {
    let start = Start::new(mode).no_pid_file();
    let hinit = start.fixture(["signals-later"]).start().ready();
    send_two_hundred(&hinit);
    assert_all_arrive(hinit);
}

/// The command that limits how many signals may be queued. The kernel counts them by user
/// (`RLIMIT_SIGPENDING`), so it has a user of its own.
fn with_a_queue_of(limit: u32) -> [String; 5] {
    static USERS: AtomicU32 = AtomicU32::new(0);
    let user = 100_000 + 8 * std::process::id() + USERS.fetch_add(1, Relaxed);
    [
        "setpriv".into(),
        format!("--reuid={user}"),
        "--clear-groups".into(),
        "prlimit".into(),
        format!("--sigpending={limit}"),
    ]
}

fn no_signal_is_lost_when_the_servers_queue_is_full(mode: Mode) {
    if !can_be_root("to give the server a queue of its own") {
        return;
    }
    // SIGUSR1, which makes the server continue, must overtake the signals that wait for room.
    let server = with_a_queue_of(8);
    let start = Start::new(mode).no_pid_file().args(["--"]).args(server);
    let start = start.args([fixture()]).args(["signals-later"]);
    let hinit = start.start().ready();
    send_two_hundred(&hinit);
    // The kernel keeps the order of the signals that hinit has not read. (A signal wakes hinit before
    // kill(2) returns, so once hinit sleeps it has read what it reads.)
    wait_for_state(hinit.pid(), 'S');
    let unread = status_of(hinit.pid(), "ShdPnd").unwrap();
    let unread = u64::from_str_radix(&unread, 16).unwrap();
    assert_eq!(unread, 1 << (41 - 1) | 1 << (40 - 1), "{unread:#x}");
    assert_all_arrive(hinit);
}

/// Starts hinit and its server with this limit.
fn start_with_a_queue_of(limit: u32, mode: Mode) -> Running {
    let command = with_a_queue_of(limit);
    let command = command.each_ref().map(String::as_str);
    let start = Start::by(mode, &command).no_pid_file();
    start.fixture(["signals"]).start().ready()
}

fn a_full_queue_of_hinits_own_does_not_stop_it(mode: Mode) {
    if !can_be_root("to give hinit and the server a queue of their own") {
        return;
    }
    let hinit = start_with_a_queue_of(64, mode);
    let pid = hinit.pid();
    // Each slot that becomes free is used at once, without a pause between the tries.
    let fill = |number| {
        let start = Instant::now();
        for value in 1..=1000 {
            while !try_to_queue(pid, number, value) {
                assert!(start.elapsed() < bound(), "there is no room for {value}");
            }
        }
    };
    let numbers = 40..44;
    thread::scope(|scope| {
        for number in numbers.clone() {
            scope.spawn(move || fill(number));
        }
    });
    let lines: Vec<String> = (0..4000).map(|_| hinit.line()).collect();
    for number in numbers {
        let start = format!("signal {number} ");
        let arrived = lines.iter().filter(|line| line.starts_with(&start));
        let all = (1..=1000).map(|value| format!("signal {number} value {value}"));
        assert!(arrived.cloned().eq(all), "{number}");
    }
    hinit.signal(SIGTERM);
    assert_eq!(hinit.line(), "signal 15");
    assert_eq!(hinit.end().code, 0);
}

fn a_full_queue_of_hinits_own_leaves_the_server_room(mode: Mode) {
    if !can_be_root("to give hinit and the server a queue of their own") {
        return;
    }
    let hinit = start_with_a_queue_of(64, mode);
    let pid = hinit.pid();
    // hinit has started the server and passes signals on.
    hinit.signal(SIGHUP);
    assert_eq!(hinit.line(), "signal 1");
    kill(pid, SIGSTOP);
    wait_for_state(pid, 'T');
    let sent = (1..=64).take_while(|value| try_to_queue(pid, 40, *value));
    let sent = sent.count();
    queue(hinit.server(), 41, 1);
    assert_eq!(hinit.line(), "signal 41 value 1");
    assert_eq!(sent, 32);
    kill(pid, SIGCONT);
    assert_eq!(hinit.line(), "signal 18");
    for value in 1..=sent {
        assert_eq!(hinit.line(), format!("signal 40 value {value}"));
    }
    assert_eq!(hinit.stop().code, 0);
}

fn with_group_the_whole_group_gets_the_signals(mode: Mode) {
    // The server exits only after its child has, so the child must get the signal as well.
    let script = "trap 'wait; exit 5' TERM; \
        (trap 'exit 0' TERM; echo ready; while :; do sleep 0.01; done) & wait";
    for group in [&["-g"][..], &["--group"]] {
        let hinit = Start::new(mode)
            .no_pid_file()
            .args(group)
            .script(script)
            .start()
            .ready();
        assert_eq!(hinit.stop().code, 5);
    }
    let start = Start::new(mode).with(|command| {
        command.env("HINIT_GROUP", "1");
    });
    let hinit = start.no_pid_file().script(script).start().ready();
    assert_eq!(hinit.stop().code, 5);
}

fn a_signal_that_cannot_be_passed_on_is_a_warning(mode: Mode) {
    if !can_be_root("to install a program setuid root") {
        return;
    }
    let dir = TempDir::new();
    let program = setuid_root(&dir);
    let start = Start::by(mode, &["setpriv", "--reuid=65534", "--clear-groups"]);
    let hinit = start
        .no_pid_file()
        .args(["--"])
        .args([program])
        .args(["becomes-root"]);
    let hinit = hinit.start().ready();
    hinit.signal(SIGTERM);
    let warning = hinit.log_line();
    assert!(
        warning.starts_with("hinit: cannot pass on SIGTERM from "),
        "{warning}"
    );
    assert!(warning.ends_with(": Operation not permitted"), "{warning}");
    kill(hinit.server(), SIGKILL);
    assert_eq!(hinit.end().code, 137);
}

/// Starts hinit with these options under a parent that the test can kill. Returns the parent.
fn under_a_parent(options: &str, server: &str) -> Running {
    let hinit = hinit();
    let script = format!(
        "{} {options} --no-pid-file {} {server} & wait",
        hinit.display(),
        fixture().display()
    );
    let mut command = std::process::Command::new("sh");
    command.args(["-c", &script]);
    Start::of(Mode::Subreaper, command).start().ready()
}

#[test]
fn the_parents_death_sends_a_signal() {
    for options in ["--parent-death TERM", "--parent-death=15"] {
        let parent = under_a_parent(options, "signals");
        parent.signal(SIGKILL);
        assert_eq!(parent.line(), "signal 15");
    }
}

#[test]
fn the_parents_death_can_kill_hinit_and_server() {
    let parent = under_a_parent("--parent-death KILL", "ready");
    let hinit = parent.server();
    let server = eventually("hinit has a server", || children_of(hinit).pop());
    parent.signal(SIGKILL);
    for pid in [hinit, server] {
        eventually("the process dies", || {
            status_of(pid, "State")
                .is_none_or(|s| s.starts_with('Z'))
                .then_some(())
        });
    }
}

#[test]
fn pid_1_does_not_follow_its_parent() {
    let start = Start::new(Mode::Pid1)
        .no_pid_file()
        .args(["--parent-death", "KILL"]);
    assert_eq!(start.fixture(["exit", "3"]).run().code, 3);
}
