//! `hinit status`: every row as text and as JSON, and the reason where one is missing.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use nix::libc::{SIGKILL, SIGSTOP, SIGTERM};

use crate::support::*;

mod reading;

use reading::{FACTS, members, rows};

/// The facts about the server in /proc.
const OF_THE_PROCESS: [&str; 6] = [
    "command",
    "state",
    "up time",
    "memory",
    "threads",
    "open files",
];

fn status(hinit: &Running, pid_file: &Path, arguments: &[&str]) -> Ended {
    let mut command = hinit.hinit_in_namespaces();
    command.arg("status").arg("--pid-file").arg(pid_file);
    Ended::of(&command.args(arguments).output().unwrap())
}

in_both_modes!(each_fact_about_a_server);

fn each_fact_about_a_server(mode: Mode) {
    let dir = TempDir::new();
    let path = dir.join("pid");
    let script = "sleep 1000 & sleep 1000 & echo ready; wait";
    let hinit = Start::new(mode)
        .pid_file(&path)
        .script(script)
        .start()
        .ready();
    let (pid, file) = (recorded(&path).to_string(), path.to_str().unwrap());
    let server = hinit.server();
    wait_for_state(server, 'S');
    let ended = status(&hinit, &path, &[]);
    assert_eq!((ended.code, ended.log.as_str()), (0, ""));
    let found = rows(&ended.stdout);
    let verdict = format!("healthy: process {pid} is alive");
    for (name, value) in [
        ("verdict", verdict.as_str()),
        ("PID", &pid),
        ("command", &format!("sh -c {script}")),
        ("state", "sleeping"),
        ("threads", "1"),
        ("children", "2"),
        ("PID file", file),
        ("lock", "locked by hinit"),
    ] {
        assert_eq!(found[name], value);
    }
    assert!(found["memory"].ends_with("iB"), "{}", found["memory"]);
    let files = fs::read_dir(format!("/proc/{server}/fd")).unwrap().count();
    assert_eq!(found["open files"], files.to_string());
    // The same as JSON.
    for arguments in [&["--json"][..], &["--json", "--foreign"]] {
        let ended = status(&hinit, &path, arguments);
        assert_eq!((ended.code, ended.log.as_str()), (0, ""));
        assert_eq!(ended.stdout.lines().count(), 1);
        let found = members(&ended.stdout);
        for (_, key) in FACTS {
            let is_null = found[key] == "null";
            assert_eq!(
                is_null,
                found.contains_key(&format!("{key}_reason")),
                "{key}"
            );
        }
        for (key, value) in [("pid", pid.as_str()), ("threads", "1"), ("children", "2")] {
            assert_eq!(found[key], value);
        }
        let quoted = |text: &str| format!("\"{text}\"");
        assert_eq!(found["verdict"], quoted(&verdict));
        assert_eq!(found["pid_file"], quoted(file));
        assert!(found["memory_bytes"].parse::<u64>().unwrap() >= 4096);
        assert!(found["seconds"].parse::<u64>().unwrap() < 3600);
    }
    hinit.stop();
}

#[test]
fn its_exit_code_is_that_of_the_verdict() {
    let dir = TempDir::new();
    let path = dir.join("pid");
    let arguments = ["status", "--pid-file", path.to_str().unwrap()];
    let missing = format!("PID file {} does not exist", path.display());
    let ended = run_hinit(arguments);
    let line = format!("verdict       unhealthy: {missing}");
    assert_eq!(
        (ended.code, ended.stdout, ended.log.as_str()),
        (1, line, "")
    );
    let ended = run_hinit(arguments.iter().chain(&["--json"]));
    let line = format!("{{\"verdict\":\"unhealthy: {missing}\"}}");
    assert_eq!(
        (ended.code, ended.stdout, ended.log.as_str()),
        (1, line, "")
    );
    let process = TestProcess::sleeping();
    let pid = process.pid();
    let file = locked_pid_file(&path, pid.to_string());
    assert_eq!(run_hinit(arguments).code, 0);
    kill(pid, SIGSTOP);
    process.wait_for_state('T');
    let ended = run_hinit(arguments);
    assert_eq!(ended.code, 1);
    let found = rows(&ended.stdout);
    let verdict = format!("unhealthy: process {pid} is suspended");
    assert_eq!(
        (found["verdict"], found["state"]),
        (verdict.as_str(), "suspended")
    );
    kill(pid, SIGKILL);
    process.wait_for_state('Z');
    let ended = run_hinit(arguments);
    let found = rows(&ended.stdout);
    assert_eq!((ended.code, found["state"]), (1, "a zombie"));
    assert_eq!(found["command"], "(the process has exited)");
    drop((process, file));
    let ended = run_hinit(arguments.iter().chain(&["--foreign"]));
    let found = rows(&ended.stdout);
    let verdict = format!("unhealthy: process {pid} does not exist");
    assert_eq!((ended.code, found["verdict"]), (1, verdict.as_str()));
    assert_eq!((found["lock"], found["children"]), ("not locked", "0"));
    assert_eq!(found["state"], "(/proc does not show it)");
    for fact in OF_THE_PROCESS {
        assert!(found[fact].starts_with('('), "{fact}: {}", found[fact]);
    }
    assert_eq!(run_hinit(["status", "--jsn"]).code, 125);
    assert_eq!(run_hinit(["status", "all"]).code, 125);
}

#[test]
fn hidden_facts_have_their_reason() {
    if !can_be_root("to be another user") {
        return;
    }
    let dir = TempDir::new();
    set_mode(&dir, 0o755);
    let path = dir.join("pid");
    let hinit = start_fixture(Mode::Subreaper, &path, "ready");
    let pid = recorded(&path);
    let by_nobody = |arguments: &[&str]| {
        let mut command = hinit_with(["status", "--pid-file"]);
        command.arg(&path).args(arguments).uid(65534);
        Ended::of(&command.output().unwrap())
    };
    let ended = by_nobody(&[]);
    assert_eq!((ended.code, ended.log.as_str()), (0, ""));
    let found = rows(&ended.stdout);
    assert_eq!(found["open files"], "(Permission denied)");
    assert_eq!(found["PID"], pid.to_string());
    assert!(found["memory"].ends_with("iB"));
    let found = members(&by_nobody(&["--json"]).stdout);
    assert_eq!(found["open_files"], "null");
    assert_eq!(found["open_files_reason"], "\"Permission denied\"");
    assert_eq!(hinit.stop().code, 143);
}

#[test]
fn without_a_proc_of_this_namespace_facts_have_reasons() {
    let dir = TempDir::new();
    let path = dir.join("pid");
    let process = TestProcess::sleeping();
    let _held = locked_pid_file(&path, process.pid().to_string());
    let script = "mount -t tmpfs none /proc; \"$HINIT\" status --pid-file \"$1\"";
    let ended = in_mount_namespace(script, &[path.as_os_str()]);
    assert_eq!((ended.code, ended.log.as_str()), (0, ""));
    let found = rows(&ended.stdout);
    let verdict = format!(
        "healthy: process {} is alive (state unknown)",
        process.pid()
    );
    assert_eq!(found["verdict"], verdict);
    assert_eq!(found["lock"], "locked by hinit");
    let of_proc = [&OF_THE_PROCESS[..], &["children"]].concat();
    for &fact in &of_proc {
        assert!(found[fact].starts_with('('), "{fact}: {}", found[fact]);
    }
    // In a new PID namespace with the old /proc, which shows other processes.
    let script = "sleep 1000 & echo $! >\"$1\"; \"$0\" status --foreign --pid-file \"$1\"";
    let mut command = unshare();
    command.args(["--pid", "--fork", "--kill-child", "sh", "-euc", script]);
    let ended = Ended::of(&command.arg(hinit()).arg(&path).output().unwrap());
    let found = rows(&ended.stdout);
    for fact in of_proc {
        assert!(found[fact].starts_with('('), "{fact}: {}", found[fact]);
    }
}

#[test]
fn names_with_control_characters_make_no_rows_of_their_own() {
    let dir = TempDir::new();
    let path = dir.join("p\nverdict       healthy\x1b[1m");
    let mut command = Command::new("sleep");
    let process = TestProcess::start(command.arg0("a\nb\x1b[1m").arg("1000"));
    let _held = locked_pid_file(&path, process.pid().to_string());
    let ended = run_hinit(["status", "--pid-file", path.to_str().unwrap()]);
    assert!(!ended.stdout.contains('\x1b'), "{}", ended.stdout);
    let found = rows(&ended.stdout);
    assert!(found["PID file"].ends_with("/p?verdict       healthy?[1m"));
    assert_eq!(found["command"], "a?b?[1m 1000");
    let ended = run_hinit(["status", "--json", "--pid-file", path.to_str().unwrap()]);
    let found = members(&ended.stdout);
    assert!(found["pid_file"].ends_with("/p\\u000averdict       healthy\\u001b[1m\""));
    let path = dir.join("none\n\x1b");
    let ended = run_hinit(["status", "--pid-file", path.to_str().unwrap()]);
    assert!(
        ended.stdout.ends_with("/none?? does not exist"),
        "{}",
        ended.stdout
    );
}

#[test]
fn colours_are_for_terminals_only() {
    let dir = TempDir::new();
    let path = dir.join("pid");
    let process = TestProcess::sleeping();
    let file = locked_pid_file(&path, process.pid().to_string());
    let arguments = ["status", "--pid-file", path.to_str().unwrap()];
    let healthy = format!("healthy: process {} is alive", process.pid());
    let on_a_terminal = |change: &dyn Fn(&mut Command)| {
        let mut pty = Pty::new();
        let mut command = hinit_with(arguments);
        command.env_remove("NO_COLOR");
        change(&mut command);
        let mut child = pty.start(&mut command);
        let shown = pty.expect("\r\n");
        assert!(child.wait().is_ok());
        shown.split_at(14).1.to_owned()
    };
    let green = format!("\x1b[32m{healthy}\x1b[0m");
    assert_eq!(on_a_terminal(&|_| ()), green);
    let no_colour = |value: &'static str| {
        on_a_terminal(&move |command| {
            command.env("NO_COLOR", value);
        })
    };
    assert_eq!(no_colour(""), green);
    for value in ["1", "0", "x"] {
        assert_eq!(no_colour(value), healthy);
    }
    assert!(!run_hinit(arguments).stdout.contains('\x1b'));
    drop(file);
    let stale = on_a_terminal(&|_| ());
    assert!(stale.starts_with("\x1b[31munhealthy: PID file "), "{stale}");
    let mut pty = Pty::new();
    let mut child = pty.start(hinit_with(arguments).arg("--json"));
    assert!(!pty.expect("\r\n").contains('\x1b'));
    assert!(child.wait().is_ok());
}

#[test]
fn a_reader_that_closes_the_pipe_does_no_harm() {
    let dir = TempDir::new();
    let arguments = dir.join("w".repeat(200));
    let (reader, writer) = full_pipe();
    let mut command = hinit_with(["status", "--pid-file"]);
    let mut child = command.arg(arguments).stdout(writer).spawn().unwrap();
    // `status` waits for a reader of its output, and its caller can interrupt it.
    kill(child.id().cast_signed(), SIGTERM);
    let code = eventually("the process exits", || {
        child.try_wait().unwrap().map(Ended::code_of)
    });
    assert_eq!(code, 143);
    drop(reader);
}
