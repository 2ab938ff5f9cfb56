//! What hinit logs, and that logging never blocks or ends it.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, PipeReader, PipeWriter, Read};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc::{SIGHUP, SIGUSR1};

use crate::support::*;

/// A time below a minute, as the log prints it.
fn time(shown: &str) -> Duration {
    match shown.strip_suffix("ms") {
        Some(millis) => Duration::from_millis(millis.parse().unwrap()),
        None => Duration::from_secs_f64(shown.strip_suffix('s').unwrap().parse().unwrap()),
    }
}

in_both_modes!(
    by_default_only_the_end_is_logged,
    the_time_of_the_stop_is_not_that_of_the_server,
    the_end_names_the_signal,
    quiet_logs_only_errors,
    verbose_names_each_signal_and_its_sender,
    a_closed_log_pipe_does_no_harm,
    a_log_without_a_reader_blocks_nothing
);

fn by_default_only_the_end_is_logged(mode: Mode) {
    let hinit = Start::new(mode)
        .no_pid_file()
        .fixture(["signals"])
        .start()
        .ready();
    hinit.signal(SIGHUP);
    assert_eq!(hinit.line(), "signal 1");
    let ended = hinit.stop();
    // How long the stop took, and how long the server was up.
    let (line, times) = ended.log.split_once(" ended ").unwrap();
    assert_eq!(
        line,
        format!("hinit: SIGTERM from {}; the server", sender(mode))
    );
    let (stop, up) = times.split_once("s later (exited 0, up ").unwrap();
    assert!(stop.starts_with(|c: char| c.is_ascii_digit()), "{times}");
    assert!(up.ends_with("s)") && !up.contains('\n'), "{times}");
}

fn the_time_of_the_stop_is_not_that_of_the_server(mode: Mode) {
    let hinit = Start::new(mode)
        .no_pid_file()
        .fixture(["signals"])
        .start()
        .ready();
    let second = Duration::from_secs(1);
    let ready = Instant::now();
    eventually("the server is up for a second", || {
        (ready.elapsed() > second).then_some(())
    });
    let sent = Instant::now();
    let ended = hinit.stop();
    let longest = sent.elapsed();
    let (_, times) = ended.log.split_once("; the server ended ").unwrap();
    let (stop, up) = times.split_once(" later (exited 0, up ").unwrap();
    assert!(time(stop) <= longest, "{stop} of {longest:?}");
    assert!(time(up.strip_suffix(')').unwrap()) >= second, "{up}");
}

fn the_end_names_the_signal(mode: Mode) {
    for (signal, name) in [
        (15, "SIGTERM"),
        (16, "SIGSTKFLT"),
        (30, "SIGPWR"),
        (35, "SIGRTMIN+1"),
    ] {
        let ended = Start::new(mode)
            .no_pid_file()
            .fixture(["die", &signal.to_string()])
            .run();
        assert!(
            ended
                .log
                .starts_with(&format!("hinit: the server was killed by {name} after ")),
            "{}",
            ended.log
        );
    }
}

fn quiet_logs_only_errors(mode: Mode) {
    let ended = Start::new(mode)
        .no_pid_file()
        .args(["-q"])
        .script("kill -TERM $$")
        .run();
    assert_eq!((ended.code, ended.log.as_str()), (143, ""));
    let ended = Start::new(mode)
        .no_pid_file()
        .args(["-q", "/nowhere/x"])
        .run();
    assert_eq!(
        (ended.code, ended.log.as_str()),
        (
            127,
            "hinit: cannot run `/nowhere/x`: No such file or directory"
        )
    );
}

fn verbose_names_each_signal_and_its_sender(mode: Mode) {
    let hinit = Start::new(mode)
        .no_pid_file()
        .args(["-v"])
        .fixture(["signals"])
        .start()
        .ready();
    hinit.signal(SIGUSR1);
    let line = hinit.log_line();
    match mode {
        Mode::Subreaper => {
            let own = std::fs::read_to_string("/proc/self/comm").unwrap();
            let (own, pid) = (own.trim_end(), std::process::id());
            let user = nix::unistd::getuid();
            assert_eq!(
                line,
                format!("hinit: SIGUSR1 from process {pid} ({own}) of UID {user}")
            );
        }
        Mode::Pid1 => assert_eq!(line, "hinit: SIGUSR1 from outside the container"),
    }
    hinit.stop();
}

fn a_closed_log_pipe_does_no_harm(mode: Mode) {
    let (reader, writer) = nix::unistd::pipe2(OFlag::O_CLOEXEC).unwrap();
    drop(reader);
    // The server makes hinit log a line, so that hinit gets a SIGPIPE. Its number is lower than
    // that of SIGTERM, so it is read first: if hinit passed it on, it would kill the server.
    let script = "trap logged=1 USR1; trap 'exit 3' TERM; kill -USR1 $PPID; \
        until test $logged; do :; done; kill -TERM $PPID; while :; do sleep 0.01; done";
    let start = Start::new(mode).no_pid_file().args(["-v"]).script(script);
    assert_eq!(start.log_to(writer).run().code, 3);
}

fn a_log_without_a_reader_blocks_nothing(mode: Mode) {
    let (_reader, writer) = full_pipe();
    let start = Start::new(mode)
        .no_pid_file()
        .args(["-v"])
        .fixture(["exit", "3"]);
    assert_eq!(start.log_to(writer).run().code, 3);
}

/// Each poll(2) that finds no room for a line is a call that strace records.
#[test]
fn a_log_without_a_reader_is_waited_for_once() {
    let dir = TempDir::new();
    let path = dir.join("trace");
    let (mut reader, writer) = full_pipe();
    let mut command = Command::new("strace");
    command
        .arg("-o")
        .arg(&path)
        .args(["-e", "trace=poll,ppoll"]);
    command.arg(hinit()).args(["-v", "--no-pid-file"]);
    // Each orphan is a line.
    command.arg(fixture()).args(["orphans", "10"]);
    command.stdout(Stdio::piped()).stderr(writer);
    let mut strace = command.spawn().unwrap();
    drop(command);
    let mut lines = BufReader::new(strace.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "ready");
    let polls = eventually("each orphan was reaped", || {
        let trace = fs::read_to_string(&path).unwrap();
        let lines = trace.lines();
        let polls = lines.filter(|line| line.contains("[{fd=2,") && line.ends_with("(Timeout)"));
        let polls: Vec<String> = polls.map(str::to_owned).collect();
        (polls.len() >= 10).then_some(polls)
    });
    let waiting = polls
        .iter()
        .filter(|line| !line.contains("], 1, 0)") && !line.contains("tv_nsec=0}"));
    assert_eq!(waiting.count(), 1, "{polls:?}");
    // Once the pipe is read, lines arrive again.
    reader.read_exact(&mut [0; 4096]).unwrap();
    let log = thread::spawn(move || {
        let mut log = String::new();
        reader.read_to_string(&mut log).map(|_| log)
    });
    let hinit = children_of(strace.id().cast_signed())[0];
    kill(hinit, SIGUSR1);
    let code = eventually("hinit exits", || {
        strace.try_wait().unwrap().map(Ended::code_of)
    });
    assert_eq!(code, 138);
    let log = log.join().unwrap().unwrap();
    let line = "hinit: the server was killed by SIGUSR1 after ";
    assert!(log.contains(line), "{}", log.trim_start_matches('x'));
}

/// A pipe that does not block, and in which there is room for that many bytes.
fn with_little_room(bytes: usize) -> (PipeReader, PipeWriter) {
    let (mut reader, writer) = full_pipe();
    fcntl(&writer, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
    reader.read_exact(&mut vec![0; bytes]).unwrap();
    (reader, writer)
}

#[test]
fn a_text_is_written_whole_where_there_is_little_room() {
    let whole = run_hinit(["--help"]).stdout;
    for room in [0, 4096] {
        let (mut reader, writer) = with_little_room(room);
        let mut child = hinit_with(["--help"]).stdout(writer).spawn().unwrap();
        let call = format!("/proc/{}/syscall", child.id());
        eventually("it waits for room, or has ended", || {
            let is_waiting = fs::read_to_string(&call).is_ok_and(|call| {
                let number = call.split(' ').next().unwrap();
                POLL.contains(&number) || PPOLL.contains(&number)
            });
            (is_waiting || child.try_wait().unwrap().is_some()).then_some(())
        });
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0));
        assert_eq!(text.trim_start_matches('x').trim_end(), whole, "{room}");
    }
}

#[test]
fn a_text_that_cannot_be_written_is_a_failure() {
    let dir = TempDir::new();
    let path = dir.join("pid");
    let process = TestProcess::sleeping();
    let _held = locked_pid_file(&path, process.pid().to_string());
    let status = ["status", "--pid-file", path.to_str().unwrap()];
    for arguments in [&["--help"][..], &["healthcheck", "--help"], &status] {
        let (_reader, writer) = with_little_room(0);
        let full = File::options().write(true).open("/dev/full").unwrap();
        for (stdout, why) in [
            (Stdio::from(full), "No space left on device"),
            (Stdio::from(writer), "Resource temporarily unavailable"),
        ] {
            let ended = Ended::of(&hinit_with(arguments).stdout(stdout).output().unwrap());
            let line = format!("hinit: cannot write to standard output: {why}");
            assert_eq!((ended.code, ended.log), (1, line), "{arguments:?}");
        }
    }
}
