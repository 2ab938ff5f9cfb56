//! The child of hinit that probes: its user, its descriptors and its end.

use super::*;

/// The fields of /proc/PID/status on users, groups and capabilities.
const FIELDS: [&str; 6] = ["Uid", "Gid", "Groups", "CapEff", "CapAmb", "NoNewPrivs"];

/// The probe hangs at a server that accepts connections and never answers.
fn with_hanging_probe(mode: Mode, dir: &TempDir, timeout: &str) -> (Start, UnixListener) {
    let socket = dir.join("server");
    let listener = UnixListener::bind(&socket).unwrap();
    set_mode(dir, 0o777);
    set_mode(&socket, 0o777);
    let probes = format!(
        "--http http+unix://{}:/ --timeout {timeout}",
        socket.display()
    );
    (start(mode, dir, &probes), listener)
}

fn wait_until_gone(pid: i32) {
    eventually("the child is gone", || {
        (!Path::new(&format!("/proc/{pid}")).exists()).then_some(())
    });
}

in_both_modes!(
    the_probing_child_runs_as_the_servers_user,
    the_probing_child_keeps_no_descriptor_of_hinit,
    the_probing_child_does_not_outlive_a_stop,
    a_hanging_probe_is_killed_and_the_next_one_runs,
    a_killed_probe_has_no_answer,
    the_probing_child_runs_in_the_servers_directory,
    the_probe_runs_in_a_directory_that_root_may_not_enter,
    a_probe_that_cannot_start_is_one_warning
);

fn the_probing_child_runs_as_the_servers_user(mode: Mode) {
    if !can_be_root("to be another user") {
        return;
    }
    for options in [&[][..], &["--user", "4242:7"], &["--user", "daemon"]] {
        let dir = TempDir::new();
        let (start, listener) = with_hanging_probe(mode, &dir, "10m");
        let hinit = start.args(options).fixture(["ready"]).start().ready();
        let (_stream, pid) = accept_probe(&listener);
        let server = children_of(hinit.pid())
            .into_iter()
            .find(|child| *child != pid)
            .unwrap();
        for field in FIELDS {
            assert_eq!(
                status_of(pid, field),
                status_of(server, field),
                "{options:?} {field}"
            );
        }
        stop(hinit);
    }
}

fn the_probing_child_keeps_no_descriptor_of_hinit(mode: Mode) {
    let dir = TempDir::new();
    let (start, listener) = with_hanging_probe(mode, &dir, "10m");
    let start = start.args([
        "--notify",
        "--listen",
        &format!("unix:{}", dir.join("probes").display()),
    ]);
    let hinit = start.fixture(["ready"]).start().ready();
    let (_stream, pid) = accept_probe(&listener);
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten();
    let mut kinds: Vec<String> = descriptors
        .filter(|fd| fd.file_name().to_str().unwrap().parse::<i32>().unwrap() > 2)
        .map(|fd| fs::read_link(fd.path()).unwrap().display().to_string())
        .map(|link| link.split(':').next().unwrap().to_owned())
        .collect();
    kinds.sort_unstable();
    // Its connection to the server, and the pipe for its reason to hinit.
    assert_eq!(kinds, ["pipe", "socket"]);
    // It has hinit's signal mask: only hinit handles the signals that a terminal sends to their group.
    assert_eq!(status_of(pid, "SigBlk"), status_of(hinit.pid(), "SigBlk"));
    stop(hinit);
}

fn the_probing_child_does_not_outlive_a_stop(mode: Mode) {
    for (script, code) in [
        (
            "trap 'exit 3' TERM; echo ready; while :; do sleep 0.01; done",
            3,
        ),
        (
            "trap 'exit 4' USR1; echo ready; while :; do sleep 0.01; done",
            4,
        ),
    ] {
        let dir = TempDir::new();
        let (start, listener) = with_hanging_probe(mode, &dir, "10m");
        let hinit = start
            .args(["-v", "--grace", "10m"])
            .script(script)
            .start()
            .ready();
        let (_stream, pid) = accept_probe(&listener);
        hinit.signal(if code == 3 { SIGTERM } else { SIGUSR1 });
        let ended = hinit.end();
        assert_eq!(
            (
                ended.code,
                count(&ended.log, "orphan"),
                count(&ended.log, "left")
            ),
            (code, 0, 0),
            "{}",
            ended.log
        );
        wait_until_gone(pid);
    }
}

fn a_hanging_probe_is_killed_and_the_next_one_runs(mode: Mode) {
    let dir = TempDir::new();
    let (start, listener) = with_hanging_probe(mode, &dir, "500ms");
    let hinit = start.args(["-v"]).fixture(["ready"]).start().ready();
    let (_stream, pid) = accept_probe(&listener);
    kill(pid, SIGSTOP);
    let (mut stream, next) = accept_probe(&listener);
    assert_ne!(next, pid);
    wait_until_gone(pid);
    assert!(
        hinit
            .log_line()
            .starts_with("hinit: the server is not ready yet: ")
    );
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
    stop(hinit);
}

fn a_killed_probe_has_no_answer(mode: Mode) {
    let dir = TempDir::new();
    let (start, listener) = with_hanging_probe(mode, &dir, "10m");
    let hinit = start.args(["-v"]).fixture(["ready"]).start().ready();
    let (_stream, pid) = accept_probe(&listener);
    kill(pid, SIGKILL);
    assert_eq!(
        hinit.log_line(),
        "hinit: the server is not ready yet: the probes have no result"
    );
    let (mut stream, _) = accept_probe(&listener);
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
    wait_until_ready(&dir);
    stop(hinit);
}

// A relative path is relative to the server's directory.
fn the_probing_child_runs_in_the_servers_directory(mode: Mode) {
    let dir = TempDir::new();
    let place = dir.join("place");
    fs::create_dir(&place).unwrap();
    for by_option in [false, true] {
        let start = start(mode, &dir, "--heartbeat beat --max-age 60m");
        let start = if by_option {
            start.arg("--workdir").arg(&place)
        } else {
            start.with(|command| {
                command.current_dir(&place);
            })
        };
        let hinit = start.fixture(["ready"]).start().ready().settled();
        assert_eq!(readiness(&dir), 503);
        fs::write(place.join("beat"), "").unwrap();
        wait_until_ready(&dir);
        stop(hinit);
        fs::remove_file(place.join("beat")).unwrap();
    }
}

fn the_probe_runs_in_a_directory_that_root_may_not_enter(mode: Mode) {
    if !can_be_root("to be another user") {
        return;
    }
    let dir = TempDir::new();
    set_mode(&dir, 0o777);
    let home = dir.join("home");
    fs::create_dir(&home).unwrap();
    fs::write(home.join("beat"), "").unwrap();
    std::os::unix::fs::chown(&home, Some(4242), Some(4242)).unwrap();
    set_mode(&home, 0o700);
    let without = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"];
    let start = Start::by(mode, &without)
        .pid_file(dir.join("pid"))
        .args(["--user", "4242", "--workdir"])
        .arg(&home);
    let hinit = start
        .args(["--ready-when", "--heartbeat beat --max-age 60m"])
        .fixture(["ready"])
        .start()
        .ready();
    wait_until_ready(&dir);
    stop(hinit);
}

fn a_probe_that_cannot_start_is_one_warning(mode: Mode) {
    let (dir, address) = (TempDir::new(), unused_address());
    let hinit = start(mode, &dir, &format!("--tcp {address}"))
        .args(["-v"])
        .fixture(["ready"])
        .start()
        .ready()
        .settled();
    assert!(hinit.log_line().contains("is not ready yet"));
    let limit = |limit: &str| {
        let mut command = std::process::Command::new("prlimit");
        command.args([
            "--pid",
            &hinit.pid().to_string(),
            &format!("--nofile={limit}:"),
        ]);
        assert!(command.status().unwrap().success());
    };
    limit("4");
    let warning = "hinit: cannot probe whether the server is ready: No file descriptors available; \
                   hinit tries again";
    assert_eq!(hinit.log_line(), warning);
    let _listener = TcpListener::bind(address).unwrap();
    limit("64");
    assert_eq!(
        hinit.log_line(),
        "hinit: the server has answered the probes of --ready-when"
    );
    wait_until_ready(&dir);
    stop(hinit);
}

/// A PID file that is left from an earlier run can name any PID.
#[test]
fn the_probing_child_cannot_become_the_server() {
    let dir = TempDir::new();
    let (start, listener) = with_hanging_probe(Mode::Subreaper, &dir, "10m");
    let own = dir.join("own");
    let start = start.arg("--follow").arg(&own);
    let script = "trap 'exit 4' USR1; echo ready; while :; do sleep 0.01; done";
    let hinit = start.script(script).start().ready();
    let (_stream, pid) = accept_probe(&listener);
    fs::write(&own, pid.to_string()).unwrap();
    hinit.signal(SIGUSR1);
    assert_eq!(hinit.end().code, 4);
}
