//! Too few descriptors, from none to enough.

use std::path::Path;
use std::process::Command;

use nix::libc::{SIGKILL, SIGUSR1};

use super::*;

mod commands;

const NONE_LEFT: &str = "No file descriptors available";

/// More descriptors than any test here needs.
const ENOUGH: u32 = 20;

/// The results with each number of descriptors, from none to enough, without repetitions.
fn from_none_to_enough(run: impl FnMut(u32) -> (i32, String)) -> Vec<(i32, String)> {
    let mut results: Vec<_> = (0..=ENOUGH).map(run).collect();
    results.dedup();
    results
}

/// hinit with this limit of descriptors, including the first three, and with these arguments.
fn limited(limit: u32, arguments: &[&str]) -> Ended {
    let mut command = Command::new("prlimit");
    command.arg(format!("--nofile={limit}")).arg(hinit());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("HINIT_")) {
        command.env_remove(name);
    }
    Ended::of(&command.args(arguments).output().unwrap())
}

/// The line without its time.
fn without_time(line: &str) -> String {
    line.split(" after ").next().unwrap().to_owned()
}

#[test]
fn a_launch_names_what_lacks_a_descriptor() {
    let dir = TempDir::new();
    let (path, other) = (dir.join("pid"), dir.join("other"));
    let pid_file = path.to_str().unwrap();
    let listen = format!("unix:{}", other.display());
    let remedy = "name another with --pid-file or HINIT_PID_FILE, or keep none with --no-pid-file";
    let claim = format!("claim the PID file `{pid_file}`: {NONE_LEFT}; {remedy}");
    let cannot = |what: &str| (125, format!("hinit: cannot {what}: {NONE_LEFT}"));
    let at = |path: &Path| cannot(&format!("listen at `{}`", path.display()));
    let socket = socket_beside(&path);
    for (options, between) in [
        (&[][..], vec![]),
        (
            &["--notify"],
            vec![
                cannot("open `epoll`"),
                at(&socket),
                cannot("open the socket `NOTIFY_SOCKET`"),
            ],
        ),
        (
            &["--listen", &listen],
            vec![cannot("open `epoll`"), at(&other), at(&socket)],
        ),
    ] {
        let results = from_none_to_enough(|limit| {
            let arguments = ["--pid-file", pid_file, "sh", "-c", "exit 7"];
            let ended = limited(limit, &[options, &arguments].concat());
            for file in [&path, &socket, &other] {
                assert!(!file.exists(), "{limit} {options:?}: {ended:?}");
            }
            (ended.code, without_time(&ended.log))
        });
        let mut expected = vec![
            cannot("open `signalfd`"),
            (125, format!("hinit: cannot {claim}")),
        ];
        expected.extend(between);
        expected.extend([
            cannot("start `sh`"),
            (7, "hinit: the server exited 7".to_owned()),
        ]);
        assert_eq!(results, expected, "{options:?}");
    }
}

/// The fewest descriptors with which a server is launched.
fn min_descriptors(pid_file: &Path) -> u32 {
    let arguments = ["--pid-file", pid_file.to_str().unwrap(), "true"];
    let launches = |limit: &u32| limited(*limit, &arguments).code == 0;
    (0..=ENOUGH).find(launches).unwrap()
}

in_both_modes!(
    descriptors_that_suffice_to_start_suffice_to_stop,
    without_descriptors_the_server_is_still_killed,
    without_descriptors_hinit_warns_of_leftovers
);

fn descriptors_that_suffice_to_start_suffice_to_stop(mode: Mode) {
    let dir = TempDir::new();
    let path = dir.join("pid");
    let limit = format!("--nofile={}", min_descriptors(&path));
    // (dash has no descriptors to redirect with.)
    let script = "trap '' TERM; sleep 1000 & until test \"$(cat /proc/$!/comm)\" = sleep; do :; \
                  done; \
        echo ready; while :; do sleep 1; done";
    let hinit = Start::by(mode, &["prlimit", &limit])
        .pid_file(&path)
        .args(["--grace", "1ms"]);
    let hinit = hinit.script(script).start().ready().settled();
    recorded(&path);
    let ended = hinit.stop();
    ended.assert_code_and_lines(137, 1);
    assert!(
        ended
            .log
            .contains(" later (killed by SIGKILL when its grace time was over, up "),
        "{}",
        ended.log
    );
    assert!(ended.log.contains("); killed "), "{}", ended.log);
    assert!(ended.log.contains(": sleep (PID "), "{}", ended.log);
    assert!(!path.exists());
}

fn without_descriptors_the_server_is_still_killed(mode: Mode) {
    let dir = TempDir::new();
    let path = dir.join("pid");
    let hinit = Start::new(mode).pid_file(&path).args(["--grace", "1ms"]);
    let hinit = hinit
        .script("trap '' TERM; echo ready; while :; do sleep 1; done")
        .start()
        .ready()
        .settled();
    recorded(&path);
    exhaust_descriptors(&hinit);
    assert!(hinit.verdict(&path).starts_with("healthy: "));
    let ended = hinit.stop();
    let (warning, end) = ended.log.split_once('\n').unwrap();
    assert_eq!(
        warning,
        format!("hinit: cannot list the server's processes: {NONE_LEFT}")
    );
    assert!(
        end.contains(" later (killed by SIGKILL when its grace time was over, up "),
        "{end}"
    );
    assert_eq!((ended.code, end.lines().count()), (137, 1), "{}", ended.log);
    assert!(!path.exists());
}

fn without_descriptors_hinit_warns_of_leftovers(mode: Mode) {
    let dir = TempDir::new();
    let path = dir.join("pid");
    let hinit = Start::new(mode).pid_file(&path).args(["--grace", "1ms"]);
    let hinit = hinit.script("trap 'exit 3' USR1; sleep 1000 >/dev/null 2>&1 & echo ready; wait");
    let hinit = hinit.start().ready().settled();
    let server = hinit.server();
    let leftover = eventually("the server has a child", || children_of(server).pop());
    exhaust_descriptors(&hinit);
    hinit.signal(SIGUSR1);
    let ended = hinit.end();
    let (warning, end) = ended.log.split_once('\n').unwrap();
    assert_eq!(
        warning,
        format!("hinit: cannot list the server's processes: {NONE_LEFT}")
    );
    assert_eq!(
        (ended.code, without_time(end)),
        (3, "hinit: the server exited 3".to_owned())
    );
    assert!(!path.exists());
    if mode == Mode::Subreaper {
        kill(leftover, SIGKILL);
    }
}

/// Lowers hinit's limit so that it cannot open another descriptor.
fn exhaust_descriptors(hinit: &Running) {
    let mut command = Command::new("prlimit");
    command.args(["--pid", &hinit.pid().to_string(), "--nofile=0"]);
    assert!(command.status().unwrap().success());
}
