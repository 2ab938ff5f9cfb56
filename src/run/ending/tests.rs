use std::os::unix::process::ExitStatusExt;
use std::time::Instant;

use nix::libc::{SIGKILL, SIGQUIT, SIGTERM};
use nix::unistd::{Pid, getpid};

use super::*;
use crate::process;
use crate::run::signals::Sender;

fn server_end(wait_status: i32) -> ServerEnd {
    ServerEnd {
        status: ExitStatus::from_raw(wait_status),
        age: Duration::from_millis(1234),
        since_stop_request: None,
        killed_by_hinit: false,
        left: Vec::new(),
        was_signalled: false,
    }
}

fn ending(wait_status: i32) -> Ending {
    Ending {
        server: Ok(server_end(wait_status)),
        stop_request: None,
        fault_at_stop: None,
        oom_kills: 0,
        killed: Vec::new(),
        remaining: Vec::new(),
    }
}

fn request_of(sender: Sender) -> StopRequest {
    StopRequest {
        signal: SIGTERM,
        sender,
        at: Instant::now(),
    }
}

/// A process of that name, asleep and just started.
fn processes(name: &str, pids: std::ops::RangeInclusive<i32>) -> Vec<Process> {
    let one = |pid| Process {
        pid: Pid::from_raw(pid),
        name: name.into(),
        state: process::State::Sleeping,
        started: process::StartTime::TO_COME,
        ..process::read(getpid()).unwrap()
    };
    pids.map(one).collect()
}

#[test]
fn exit_codes_and_lines() {
    let plain = Exit::default();
    for (wait_status, code, line) in [
        (0x0000, 0, "the server exited 0 after 1.2s"),
        (0xff00, 255, "the server exited 255 after 1.2s"),
        (0x000f, 143, "the server was killed by SIGTERM after 1.2s"),
        (
            0x008b,
            139,
            "the server was killed by SIGSEGV with a core dump after 1.2s",
        ),
        (0x0020, 160, "the server was killed by signal 32 after 1.2s"),
        (0x0022, 162, "the server was killed by SIGRTMIN after 1.2s"),
        (
            0x0023,
            163,
            "the server was killed by SIGRTMIN+1 after 1.2s",
        ),
        (
            0x0040,
            192,
            "the server was killed by SIGRTMIN+30 after 1.2s",
        ),
    ] {
        let exit_code = server_end(wait_status).exit_code(&plain, SignalSet::ALL);
        let told = ending(wait_status).to_string();
        assert_eq!((exit_code, told.as_str()), (code, line));
    }
}

#[test]
fn exit_codes_are_mapped() {
    const KILLED_BY_TERM: i32 = SIGTERM;
    const EXITED_143: i32 = 143 << 8;
    let passed_on = SignalSet::NONE.with(SIGTERM);
    for (wait_status, clean_stop, map, code) in [
        (KILLED_BY_TERM, false, &[][..], 143),
        (KILLED_BY_TERM, true, &[], 0),
        // The server's own code, and deaths that hinit had no part in, are what they are.
        (EXITED_143, true, &[], 143),
        (SIGQUIT, true, &[], 131),
        (SIGKILL, true, &[], 137),
        (KILLED_BY_TERM, false, &[(143, 0)], 0),
        (EXITED_143, false, &[(143, 0)], 0),
        (EXITED_143, false, &[(142, 0), (143, 7)], 7),
        // The last rule counts, and none is applied to what another gives.
        (EXITED_143, false, &[(143, 1), (143, 2), (2, 3)], 2),
        (KILLED_BY_TERM, true, &[(143, 7), (0, 9)], 9),
    ] {
        let exit = Exit {
            clean_stop,
            map: map.to_vec(),
        };
        let exit_code = server_end(wait_status).exit_code(&exit, passed_on);
        assert_eq!(exit_code, code, "{wait_status} {exit:?}");
    }
}

#[test]
fn the_last_line_says_what_else_happened() {
    let mut out_of_memory = ending(9);
    out_of_memory.oom_kills = 2;
    assert_eq!(
        out_of_memory.to_string(),
        "the server was killed by SIGKILL after 1.2s; the cgroup ran out of memory (2 killed)"
    );
    let mut daemon = ending(0);
    daemon.server = Ok(ServerEnd {
        left: processes("nginx", 8..=9),
        ..server_end(0)
    });
    assert_eq!(
        daemon.to_string(),
        "the server exited 0 after 1.2s; most likely it went to the background, leaving \
         nginx (PID 8), nginx (PID 9): run it in the foreground (nginx: `daemon off;`)"
    );
    daemon.server = Ok(ServerEnd {
        left: processes("nginx", 8..=9),
        was_signalled: true,
        ..server_end(0)
    });
    assert_eq!(
        daemon.to_string(),
        "the server exited 0 after 1.2s; most likely it was replaced by nginx (PID 8), nginx (PID 9): \
         name the server's own PID file with --follow, or have it send MAINPID (--notify)"
    );
    let mut stopped = ending(0);
    stopped.killed = processes("worker", 34..=34);
    let killed = "killed 1 leftover: worker (PID 34, sleeping, started 0ms ago)";
    let line = format!("the server exited 0 after 1.2s; {killed}");
    assert_eq!(stopped.to_string(), line);
    stopped.server = Ok(ServerEnd {
        since_stop_request: Some(Duration::from_millis(112)),
        ..server_end(0)
    });
    for (sender, shown) in [
        (Sender::Process(7), "process 7"),
        (Sender::Terminal, "the terminal"),
        (Sender::Kernel, "the kernel"),
        // These tests are not PID 1.
        (Sender::Outside, "outside the PID namespace"),
    ] {
        stopped.stop_request = Some(request_of(sender));
        let line = format!(
            "SIGTERM from {shown}; the server ended 112ms later (exited 0, up 1.2s); {killed}"
        );
        assert_eq!(stopped.to_string(), line);
    }
    stopped.fault_at_stop = Some(Verdict::Stopped(Pid::from_raw(9)));
    let line = "SIGTERM from outside the PID namespace; unhealthy: process 9 is suspended; the server ended ";
    assert!(stopped.to_string().starts_with(line), "{stopped}");
    let mut killed_by_hinit = ending(9);
    killed_by_hinit.server = Ok(ServerEnd {
        killed_by_hinit: true,
        ..server_end(9)
    });
    let mut stopped = ending(9);
    stopped.stop_request = Some(request_of(Sender::Process(7)));
    stopped.server = Ok(ServerEnd {
        killed_by_hinit: true,
        since_stop_request: Some(Duration::from_secs(10)),
        ..server_end(9)
    });
    assert_eq!(
        stopped.to_string(),
        "SIGTERM from process 7; the server ended 10.0s later (killed by SIGKILL when its grace time was over, up 1.2s)"
    );
    killed_by_hinit.killed = processes("a", 1..=10);
    killed_by_hinit.remaining = processes("b", 1..=2);
    let list: Vec<String> = (1..=8)
        .map(|pid| format!("a (PID {pid}, sleeping, started 0ms ago)"))
        .collect();
    assert_eq!(
        killed_by_hinit.to_string(),
        format!(
            "the server was killed by SIGKILL after 1.2s, when its grace time was over; \
             killed 10 leftovers: {} and 2 more; could not end 2 leftovers: \
             b (PID 1, sleeping, started 0ms ago), b (PID 2, sleeping, started 0ms ago)",
            list.join(", ")
        )
    );
}

#[test]
fn a_server_that_cannot_be_killed_is_named() {
    for (refusal, why) in [
        (
            Some(Errno::EPERM),
            "Operation not permitted; hinit needs CAP_KILL for a server of another user",
        ),
        (Some(Errno::EACCES), "Permission denied"),
        (None, "SIGKILL did not end it"),
    ] {
        for (process, who) in [
            (
                processes("db", 7..=7).remove(0),
                "db (PID 7, sleeping, started 0ms ago)",
            ),
            (
                Process::hidden_child(Pid::from_raw(7)),
                "process (PID 7, hidden by /proc)",
            ),
        ] {
            let mut unkillable = ending(0);
            unkillable.stop_request = Some(request_of(Sender::Process(7)));
            unkillable.server = Err(UnkillableServer { process, refusal });
            let line = format!("SIGTERM from process 7; could not kill the server {who}: {why}");
            assert_eq!(unkillable.to_string(), line);
        }
    }
}

#[test]
fn times_have_two_units_at_most() {
    for (millis, text) in [
        (0, "0ms"),
        (999, "999ms"),
        (1000, "1.0s"),
        (59_999, "59.9s"),
        (125_000, "2m05s"),
        (10_920_000, "3h02m"),
        (363_600_000, "4d05h"),
    ] {
        assert_eq!(
            ShortDuration(Duration::from_millis(millis)).to_string(),
            text
        );
    }
}
