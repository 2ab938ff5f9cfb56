//! What hinit says, and that saying it never hurts.

use nix::fcntl::OFlag;
use nix::libc::{SIGHUP, SIGTERM, SIGUSR1};

use crate::support::*;

in_both_modes! {
    fn by_default_only_the_end_is_told(mode: Mode) {
        let hinit = Start::new(mode).no_pid_file().fixture(["signals"]).start().ready();
        hinit.signal(SIGHUP);
        assert_eq!(hinit.line(), "signal 1");
        hinit.signal(SIGTERM);
        let ended = hinit.end();
        let (line, after) = ended.log.split_once(" after ").unwrap();
        let sender = match mode {
            Mode::Subreaper => std::process::id(),
            // The test is outside of that namespace.
            Mode::Pid1 => 0,
        };
        assert_eq!(line, format!("hinit: stopped by SIGTERM from PID {sender}; the server exited 0"));
        assert!(after.ends_with('s') && !after.contains('\n'), "{after}");
    }

    fn the_end_names_the_signal(mode: Mode) {
        for (signal, name) in [(15, "SIGTERM"), (16, "SIGSTKFLT"), (30, "SIGPWR"), (35, "SIGRTMIN+1")] {
            let ended = Start::new(mode).no_pid_file().fixture(["die", &signal.to_string()]).run();
            assert!(ended.log.starts_with(&format!("hinit: the server was killed by {name} after ")), "{}", ended.log);
        }
    }

    fn quiet_says_nothing_but_errors(mode: Mode) {
        let ended = Start::new(mode).no_pid_file().args(["-q"]).script("kill -TERM $$").run();
        assert_eq!((ended.code, ended.log.as_str()), (143, ""));
        let ended = Start::new(mode).no_pid_file().args(["-q", "/nowhere/x"]).run();
        assert_eq!((ended.code, ended.log.as_str()), (127, "hinit: cannot run `/nowhere/x`: No such file or directory"));
    }

    fn verbose_names_each_signal_and_its_sender(mode: Mode) {
        let hinit = Start::new(mode).no_pid_file().args(["-v"]).fixture(["signals"]).start().ready();
        hinit.signal(SIGUSR1);
        let line = hinit.log_line();
        match mode {
            Mode::Subreaper => {
                let own = std::fs::read_to_string("/proc/self/comm").unwrap();
                let (own, pid) = (own.trim_end(), std::process::id());
                let user = nix::unistd::getuid();
                assert_eq!(line, format!("hinit: SIGUSR1 from process {pid} ({own}) of UID {user}"));
            }
            Mode::Pid1 => assert_eq!(line, "hinit: SIGUSR1 from outside the PID namespace"),
        }
        hinit.signal(SIGTERM);
        hinit.end();
    }

    fn a_reader_that_is_gone_does_no_harm(mode: Mode) {
        let (reader, writer) = nix::unistd::pipe2(OFlag::O_CLOEXEC).unwrap();
        drop(reader);
        // The server has hinit log a line, which earns it a SIGPIPE. That has a lower number than
        // SIGTERM, and so comes first: were hinit to pass it on, the server would die of it.
        let script = "trap logged=1 USR1; trap 'exit 3' TERM; kill -USR1 $PPID; \
            until test $logged; do :; done; kill -TERM $PPID; while :; do sleep 0.01; done";
        let start = Start::new(mode).no_pid_file().args(["-v"]).script(script);
        assert_eq!(start.log_to(writer).run().code, 3);
    }

    fn a_log_that_nobody_reads_stops_nothing(mode: Mode) {
        let (_reader, writer) = full_pipe();
        let start = Start::new(mode).no_pid_file().args(["-v"]).fixture(["exit", "3"]);
        assert_eq!(start.log_to(writer).run().code, 3);
    }
}
