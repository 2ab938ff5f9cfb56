//! The life of one server: its start, its signals and its end, with which hinit ends.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::libc::{SIGCHLD, SIGCONT, SIGHUP, SIGKILL, SIGSTOP, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU};
use nix::libc::{SIGURG, SIGWINCH};

use crate::support::*;

in_both_modes!(
    the_exit_code_is_the_servers,
    a_server_killed_by_a_signal_is_128_plus_its_number,
    every_signal_reaches_the_server,
    orphans_are_reaped_and_do_not_end_hinit,
    orphans_of_any_kind_and_end_are_reaped,
    a_traced_server_is_alive_and_gets_its_signals,
    the_servers_own_options_are_not_hinits,
    sigchld_ignored_by_the_caller_stays_ignored_for_the_server_alone,
    the_server_inherits_what_hinit_inherited_and_nothing_of_hinits,
    passed_sockets_are_the_servers,
    passed_sockets_name_the_servers_pidfd,
    hinit_leaves_its_working_directory_and_closes_inherited_descriptors,
    closed_standard_descriptors_stay_closed_and_get_no_file_of_hinits,
    a_server_whose_first_thread_has_exited_is_alive,
    a_stopped_server_is_unhealthy_and_does_not_end_hinit,
    the_pid_file_names_the_server_and_is_removed_at_the_end,
    no_pid_file_means_none,
    a_server_that_daemonizes_is_noticed
);

fn the_exit_code_is_the_servers(mode: Mode) {
    for code in 0..=255 {
        let ended = Start::new(mode)
            .no_pid_file()
            .fixture(["exit", &code.to_string()])
            .run();
        assert_eq!(ended.code, code, "{}", ended.log);
    }
}

fn a_server_killed_by_a_signal_is_128_plus_its_number(mode: Mode) {
    let harmless = [
        SIGCHLD, SIGCONT, SIGURG, SIGWINCH, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU,
    ];
    for signal in (1..=64).filter(|signal| !harmless.contains(signal)) {
        let ended = Start::new(mode)
            .no_pid_file()
            .fixture(["die", &signal.to_string()])
            .run();
        assert_eq!(ended.code, 128 + signal, "{}", ended.log);
    }
}

fn every_signal_reaches_the_server(mode: Mode) {
    let hinit = Start::new(mode)
        .no_pid_file()
        .fixture(["signals"])
        .start()
        .ready();
    let kept_back = [SIGKILL, SIGSTOP, SIGCHLD, SIGTERM];
    for signal in (1..=64).filter(|signal| !kept_back.contains(signal)) {
        hinit.signal(signal);
        assert_eq!(hinit.line(), format!("signal {signal}"));
    }
    // SIGCHLD is not passed on: the server would have printed it first.
    hinit.signal(SIGCHLD);
    hinit.signal(SIGTERM);
    assert_eq!(hinit.line(), "signal 15");
    assert_eq!(hinit.end().code, 0);
}

fn orphans_are_reaped_and_do_not_end_hinit(mode: Mode) {
    let hinit = Start::new(mode)
        .no_pid_file()
        .args(["-v"])
        .fixture(["orphans", "20"])
        .start()
        .ready();
    let ended = hinit.stop();
    assert_eq!(ended.code, 143);
    assert_eq!(
        ended.log.matches("reaped orphan").count(),
        20,
        "{}",
        ended.log
    );
}

fn orphans_of_any_kind_and_end_are_reaped(mode: Mode) {
    let fixture = fixture();
    let fixture = fixture.display();
    let deaths = [
        (1, "SIGHUP"),
        (9, "SIGKILL"),
        (11, "SIGSEGV"),
        (15, "SIGTERM"),
        (32, "signal 32"),
        (33, "signal 33"),
        (34, "SIGRTMIN"),
        (35, "SIGRTMIN+1"),
        (50, "SIGRTMIN+16"),
        (64, "SIGRTMIN+30"),
    ];
    // Each by a double fork; then in a new session; then the last of a deep chain. All have the
    // pipe open, so the pipe ends when they have ended.
    let script = format!(
        "{{ for n in {}; do ({fixture} die $n &); done; \
         (setsid sh -c 'setsid sh -c \"exit 3\" & exit 4' &); \
         deep() {{ test $1 -eq 0 || (deep $(($1 - 1)) & exit $1) & }}; deep 30; }} | cat >&2; \
         echo ready; exec sleep 1000",
        deaths.map(|(number, _)| number.to_string()).join(" ")
    );
    let hinit = Start::new(mode)
        .no_pid_file()
        .args(["-v"])
        .script(&script)
        .start()
        .ready();
    eventually("only the server is left", || {
        (children_of(hinit.pid()).len() == 1).then_some(())
    });
    let ended = hinit.stop();
    assert_eq!(ended.code, 143, "{}", ended.log);
    for (_, name) in deaths {
        assert!(
            ended.log.contains(&format!(": killed by {name}\n")),
            "{name}: {}",
            ended.log
        );
    }
    assert!(
        ended.log.matches("reaped orphan").count() > deaths.len() + 30,
        "{}",
        ended.log
    );
}

fn a_traced_server_is_alive_and_gets_its_signals(mode: Mode) {
    let dir = TempDir::new();
    let pid_file = dir.join("pid");
    let hinit = start_fixture(mode, &pid_file, "signals");
    let server = hinit.server();
    let mut strace = Command::new("strace");
    strace.args([
        "--quiet=all",
        "--output=/dev/null",
        "--attach",
        &server.to_string(),
    ]);
    let mut strace = strace.spawn().unwrap();
    eventually("it is traced", || {
        (status_of(server, "TracerPid")? != "0").then_some(())
    });
    hinit.signal(SIGHUP);
    assert_eq!(hinit.line(), "signal 1");
    assert_eq!(
        hinit.verdict(&pid_file),
        format!("healthy: process {} is alive", recorded(&pid_file))
    );
    hinit.signal(SIGTERM);
    assert_eq!(hinit.line(), "signal 15");
    assert_eq!(hinit.end().code, 0);
    strace.wait().unwrap();
}

fn the_servers_own_options_are_not_hinits(mode: Mode) {
    let words = [
        "--pid-file",
        "/nowhere/x",
        "-q",
        "--help",
        "--",
        "healthcheck",
    ];
    for separator in [&[][..], &["--"]] {
        let start = Start::new(mode)
            .no_pid_file()
            .args(separator)
            .args([fixture()]);
        let ended = start.args(["arguments"]).args(words).run();
        assert_eq!((ended.code, ended.stdout), (0, words.join(" ")));
    }
}

fn sigchld_ignored_by_the_caller_stays_ignored_for_the_server_alone(mode: Mode) {
    // The server is not a shell, which would change the disposition of SIGCHLD.
    let mut command = command_in(mode, "env");
    command.arg("--ignore-signal=CHLD").arg(hinit());
    command.args(["--no-pid-file", "grep", "SigIgn", "/proc/self/status"]);
    let ended = Start::of(mode, command).run();
    assert_eq!(ended.code, 0, "{}", ended.log);
    let ignored = ended.stdout.strip_prefix("SigIgn:\t").unwrap();
    let ignored = u64::from_str_radix(ignored, 16).unwrap();
    assert_ne!(ignored & 1 << (SIGCHLD - 1), 0, "{ignored:x}");
}

fn the_server_inherits_what_hinit_inherited_and_nothing_of_hinits(mode: Mode) {
    let dir = TempDir::new();
    // The server is not a shell, which would change dispositions of its own.
    for server in [
        &[
            "grep",
            "-E",
            "Sig(Blk|Ign|Cgt)|Umask|Threads",
            "/proc/self/status",
        ][..],
        &["ls", "/proc/self/fd"],
        &["sh", "-c", "pwd; nice; cat /proc/self/limits"],
        &["env"],
    ] {
        let run = |init: &[&str]| {
            let mut command = command_in(mode, "env");
            command
                .args(["--block-signal=USR1,HUP", "--ignore-signal=INT,PIPE"])
                .args(init);
            command
                .args(server)
                .env("HINIT_PID_FILE", dir.join("pid"))
                .current_dir("/usr");
            Ended::of(&command.stdin(Stdio::null()).output().unwrap()).stdout
        };
        let without = run(&[]);
        assert!(!without.is_empty());
        assert_eq!(run(&[hinit().to_str().unwrap()]), without);
    }
}

fn passed_sockets_are_the_servers(mode: Mode) {
    let passed = |pid: &str| {
        let script = format!(
            "LISTEN_PID={pid} LISTEN_FDS=1 exec {} -q --no-pid-file \
            sh -c 'echo $LISTEN_PID $$; cat <&3' 3<<E\nhello\nE",
            hinit().display()
        );
        Ended::of(
            &command_in(mode, "sh")
                .args(["-c", &script])
                .output()
                .unwrap(),
        )
        .stdout
    };
    let own = passed("$$");
    let (pids, input) = own.split_once('\n').unwrap();
    let (listen_pid, server) = pids.split_once(' ').unwrap();
    assert_eq!((listen_pid, input), (server, "hello"));
    // Sockets for another PID are not changed.
    assert!(passed("4194303").starts_with("4194303 "));
}

// systemd 259 also names the process by its pidfd's inode number, which the kernel never reuses.
fn passed_sockets_name_the_servers_pidfd(mode: Mode) {
    let fixture = fixture();
    let program = [fixture.to_str().unwrap(), "name-by-pidfd"];
    // The next number belongs to no process yet.
    for (offset, expected) in [("0", "true true"), ("1000000000000", "false false")] {
        let start = Start::by(mode, &[&program[..], &[offset]].concat()).no_pid_file();
        assert_eq!(start.fixture(["is-named-by-pidfd"]).run().stdout, expected);
    }
}

fn hinit_leaves_its_working_directory_and_closes_inherited_descriptors(mode: Mode) {
    let dir = TempDir::new();
    let (given, path) = (dir.join("given"), dir.join("pid"));
    fs::write(&given, "").unwrap();
    // Descriptors with numbers below and above those that hinit opens.
    let script = format!(
        "exec {} --pid-file {} {} ready 3<{given} 9<{given} 4<{given}",
        hinit().display(),
        path.display(),
        fixture().display(),
        given = given.display()
    );
    let mut command = command_in(mode, "sh");
    command.args(["-c", &script]).current_dir(&dir);
    let hinit = Start::of(mode, command).start().ready();
    recorded(&path);
    let links = |pid: i32| {
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten();
        let links = descriptors.filter_map(|fd| fs::read_link(fd.path()).ok());
        links.filter(|link| *link == given).count()
    };
    assert_eq!(links(hinit.server()), 3);
    eventually("hinit closes the descriptors", || {
        (links(hinit.pid()) == 0).then_some(())
    });
    let directory = |pid: i32| fs::read_link(format!("/proc/{pid}/cwd")).unwrap();
    assert_eq!(directory(hinit.server()), dir.as_ref());
    eventually("hinit leaves its working directory", || {
        (directory(hinit.pid()) == Path::new("/")).then_some(())
    });
    // hinit still has the descriptors that it needs.
    assert!(hinit.verdict(&path).starts_with("healthy: "));
    assert_eq!(hinit.stop().code, 143);
    assert!(!path.exists());
}

fn closed_standard_descriptors_stay_closed_and_get_no_file_of_hinits(mode: Mode) {
    let dir = TempDir::new();
    let (found, pid_file) = (dir.join("found"), dir.join("pid"));
    let script = format!(
        // hinit logs the signal before it passes it on.
        "exec {0} -v --pid-file {1} sh -c 'for fd in 0 1 2; do \
         test -e /proc/$$/fd/$fd || printf closed; done > {2}; trap logged=1 USR1; \
         {3} >/dev/null; kill -USR1 $PPID; until test $logged; do :; done; \
         cat {1} >> {2}' <&- >&- 2>&-",
        hinit().display(),
        pid_file.display(),
        found.display(),
        print_recorded(&pid_file)
    );
    let output = command_in(mode, "sh")
        .args(["-c", &script])
        .output()
        .unwrap();
    assert!(output.status.success());
    let found = fs::read_to_string(found).unwrap();
    // While the script writes to `found`, that is its descriptor 1.
    let (closed, pid) = found.split_at("closedclosed".len());
    assert_eq!(closed, "closedclosed");
    assert!(pid.trim().parse::<u32>().is_ok(), "the PID file: {pid:?}");
    assert!(!pid_file.exists());
}

fn a_server_whose_first_thread_has_exited_is_alive(mode: Mode) {
    let dir = TempDir::new();
    let pid_file = dir.join("pid");
    let hinit = start_fixture(mode, &pid_file, "leader-leaves");
    assert_eq!(status_of(hinit.server(), "State").unwrap(), "Z (zombie)");
    assert_eq!(
        hinit.verdict(&pid_file),
        format!("healthy: process {} is alive", recorded(&pid_file))
    );
    assert_eq!(hinit.stop().code, 143);
}

fn a_stopped_server_is_unhealthy_and_does_not_end_hinit(mode: Mode) {
    let dir = TempDir::new();
    let pid_file = dir.join("pid");
    let hinit = start_fixture(mode, &pid_file, "ready");
    let server = hinit.server();
    kill(server, SIGSTOP);
    wait_for_state(server, 'T');
    assert_eq!(
        hinit.verdict(&pid_file),
        format!("unhealthy: process {} is stopped", recorded(&pid_file))
    );
    kill(server, SIGCONT);
    eventually("the process continues", || {
        (hinit.verdict(&pid_file).starts_with("healthy")).then_some(())
    });
    assert_eq!(hinit.stop().code, 143);
}

fn the_pid_file_names_the_server_and_is_removed_at_the_end(mode: Mode) {
    let dir = TempDir::new();
    let pid_file = dir.join("pid");
    let hinit = start_fixture(mode, &pid_file, "signals");
    let inside = status_of(hinit.server(), "NSpid").unwrap();
    assert_eq!(
        inside.split('\t').next_back().unwrap(),
        recorded(&pid_file).to_string()
    );
    kill(hinit.server(), SIGHUP);
    assert_eq!(hinit.line(), "signal 1");
    assert_eq!(hinit.stop().code, 0);
    assert!(!pid_file.exists());
}

fn no_pid_file_means_none(mode: Mode) {
    let dir = TempDir::new();
    let start = Start::new(mode).with(|c| {
        c.env("HINIT_PID_FILE", dir.join("pid"));
    });
    let ended = start
        .no_pid_file()
        .script(&format!("ls {}", dir.as_ref().display()))
        .run();
    assert_eq!((ended.code, ended.stdout.as_str()), (0, ""));
}

fn a_server_that_daemonizes_is_noticed(mode: Mode) {
    let ended = Start::new(mode).no_pid_file().fixture(["leave", "2"]).run();
    assert_eq!(ended.code, 0);
    let (_, left) = ended
        .log
        .split_once("; most likely it went to the background, for it left ")
        .unwrap();
    let (names, advice) = left.split_once(": ").unwrap();
    assert_eq!(advice, "run it in the foreground (nginx: `daemon off;`)");
    let names: Vec<&str> = names.split(", ").collect();
    assert_eq!(names.len(), 2);
    for name in names {
        let pid = name
            .strip_prefix("sleep (PID ")
            .unwrap()
            .strip_suffix(')')
            .unwrap();
        assert!(pid.parse::<u32>().is_ok(), "{name}");
    }
}

#[test]
fn hinit_becomes_a_subreaper_only_where_it_must() {
    // The negative control of the test of orphans: without a subreaper, they are reparented to
    // another process.
    let script = "sh -c 'sleep 1000 >/dev/null 2>&1 & echo $!' ; echo $$";
    let hinit = Start::new(Mode::Subreaper)
        .no_pid_file()
        .script(&format!("{script}; exec sleep 1000"))
        .start();
    let orphan: i32 = hinit.line().parse().unwrap();
    eventually("hinit adopts the orphan", || {
        (status_of(orphan, "PPid")? == hinit.pid().to_string()).then_some(())
    });
    kill(orphan, SIGKILL);
    eventually("hinit reaps the orphan", || {
        status_of(orphan, "State").is_none().then_some(())
    });
}
