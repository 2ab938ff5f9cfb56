//! What the server inherits: signal dispositions, descriptors, sockets and its directory.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use nix::libc::SIGCHLD;

use crate::support::*;

in_both_modes!(
    sigchld_ignored_by_the_caller_stays_ignored_for_the_server_alone,
    the_server_inherits_what_hinit_inherited_and_nothing_of_hinits,
    passed_sockets_are_the_servers,
    passed_sockets_name_the_servers_pidfd,
    hinit_leaves_its_working_directory_and_closes_inherited_descriptors,
    closed_standard_descriptors_stay_closed_and_get_no_file_of_hinits
);

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
