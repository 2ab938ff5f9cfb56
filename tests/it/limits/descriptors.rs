//! Too few descriptors, from none to enough.

use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use nix::libc::{SIGKILL, SIGUSR1};

use super::*;

const NONE_LEFT: &str = "No file descriptors available";
/// More descriptors than any test here needs.
const ENOUGH: u32 = 20;

/// The results with each number of descriptors, from none to enough, without repetitions.
fn from_none_to_enough(mut say: impl FnMut(u32) -> (i32, String)) -> Vec<(i32, String)> {
    let mut said: Vec<_> = (0..=ENOUGH).map(&mut say).collect();
    said.dedup();
    said
}

/// hinit with this limit of descriptors, including the first three, and with these arguments.
fn limited(most: u32, words: &[&str]) -> Ended {
    let mut command = Command::new("prlimit");
    command.arg(format!("--nofile={most}")).arg(hinit());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("HINIT_")) {
        command.env_remove(name);
    }
    Ended::of(&command.args(words).output().unwrap())
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
        let said = from_none_to_enough(|most| {
            let words = ["--pid-file", pid_file, "sh", "-c", "exit 7"];
            let ended = limited(most, &[options, &words].concat());
            for file in [&path, &socket, &other] {
                assert!(!file.exists(), "{most} {options:?}: {ended:?}");
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
        assert_eq!(said, expected, "{options:?}");
    }
}

/// The fewest descriptors with which a server is launched.
fn min_descriptors(pid_file: &Path) -> u32 {
    let words = ["--pid-file", pid_file.to_str().unwrap(), "true"];
    let launches = |most: &u32| limited(*most, &words).code == 0;
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
    let hinit = hinit.script(script).start().ready();
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
    let left = eventually("the server has a child", || children_of(server).pop());
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
        kill(left, SIGKILL);
    }
}

/// Lowers hinit's limit so that it cannot open another descriptor.
fn exhaust_descriptors(hinit: &Running) {
    let mut command = Command::new("prlimit");
    command.args(["--pid", &hinit.pid().to_string(), "--nofile=0"]);
    assert!(command.status().unwrap().success());
}

/// The verdicts on a live server, and on one that is dead but not reaped.
#[test]
fn no_health_check_says_that_a_dead_server_is_healthy() {
    let dir = TempDir::new();
    let path = dir.join("pid");
    let victim = Victim::sleeping();
    let pid = victim.pid();
    let _held = locked_pid_file(&path, format!("{pid}\n"));
    let words = ["--pid-file", path.to_str().unwrap()];
    let unreadable = format!("PID file {} cannot be read: {NONE_LEFT}", path.display());
    let unseen = format!("cannot look up process {pid}: {NONE_LEFT}");
    let check = |most| {
        let ended = limited(most, &[&["healthcheck"], &words[..]].concat());
        assert_eq!(ended.log, "");
        (ended.code, ended.stdout)
    };
    let unhealthy = |why: &str| (1, format!("unhealthy: {why}"));
    let alive = (0, format!("healthy: process {pid} is alive"));
    let expected = [unhealthy(&unreadable), unhealthy(&unseen), alive];
    assert_eq!(from_none_to_enough(check), expected);

    let signal = |most| {
        let ended = limited(most, &[&["signal", "CONT"], &words[..]].concat());
        (ended.code, ended.log + &ended.stdout)
    };
    let refused = |why: &str| (1, format!("hinit: cannot send SIGCONT: {why}"));
    let sent = format!("sent SIGCONT to process {pid}");
    let expected = [
        refused(&unreadable),
        refused(&unseen),
        (0, sent.clone()),
        (0, format!("{sent} (sleep)")),
    ];
    assert_eq!(from_none_to_enough(signal), expected);

    // What could not be counted is not shown as 0.
    let status = |most| {
        let ended = limited(most, &[&["status"], &words[..]].concat());
        let line = ended
            .stdout
            .lines()
            .find(|line| line.starts_with("children"));
        (ended.code, line.unwrap_or_default().to_owned())
    };
    let children = from_none_to_enough(status);
    let none = (0, "children      0".to_owned());
    let unknown = (1, format!("children      ({NONE_LEFT})"));
    assert!(
        children.contains(&unknown) && children.last() == Some(&none),
        "{children:?}"
    );
    assert!(
        children
            .iter()
            .all(|said| *said == none || said.0 == 1 || said.1.contains('('))
    );

    kill(pid, SIGKILL);
    victim.becomes('Z');
    let zombie = unhealthy(&format!("process {pid} is a zombie"));
    let expected = [unhealthy(&unreadable), unhealthy(&unseen), zombie];
    assert_eq!(from_none_to_enough(check), expected);
}

#[test]
fn a_probe_without_a_descriptor_is_unhealthy() {
    let dir = TempDir::new();
    let socket = dir.join("socket");
    let _unix = UnixListener::bind(&socket).unwrap();
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = tcp.local_addr().unwrap().to_string();
    let answer = |mut stream: std::net::TcpStream| {
        std::io::Write::write_all(&mut stream, b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
    };
    let (port, server) = serve(answer);
    let url = format!("http://127.0.0.1:{port}/");
    for (option, value, name, finding) in [
        (
            "--tcp",
            address.as_str(),
            format!("tcp {address}"),
            "accepts connections",
        ),
        (
            "--unix",
            socket.to_str().unwrap(),
            format!("unix {}", socket.display()),
            "accepts connections",
        ),
        ("--http", &url, url.clone(), "answered 204 No Content"),
    ] {
        let mut is_well = false;
        let said = from_none_to_enough(|most| {
            if !is_well {
                let words = ["healthcheck", "--no-pid", "--timeout", "30s", option, value];
                let ended = limited(most, &words);
                is_well = ended.code == 0;
                return (ended.code, verdict_of(&ended));
            }
            // hinit has room for one connection.
            (0, format!("healthy: {name} {finding}"))
        });
        let unreachable = format!("unhealthy: {name} cannot be reached: {NONE_LEFT}");
        let expected = [(1, unreachable), (0, format!("healthy: {name} {finding}"))];
        assert_eq!(said, expected);
    }
    server.join().unwrap();
    // A heartbeat needs no descriptor.
    let beat = dir.join("beat");
    std::fs::write(&beat, "").unwrap();
    let path = beat.to_str().unwrap();
    let words = [
        "healthcheck",
        "--no-pid",
        "--max-age",
        "60m",
        "--heartbeat",
        path,
    ];
    let said = from_none_to_enough(|most| (limited(most, &words).code, String::new()));
    assert_eq!(said, [(0, String::new())]);
}
