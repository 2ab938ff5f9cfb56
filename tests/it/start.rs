//! A slow start: the server's program is on a slow file system. fanotify(7) simulates it: the
//! kernel asks the test whether the file may be opened for an exec, and waits for the answer.

use std::ffi::OsStr;
use std::fs;

use nix::libc::SIGHUP;
use nix::sys::fanotify::{
    EventFFlags, Fanotify, FanotifyEvent, FanotifyResponse, InitFlags, MarkFlags, MaskFlags,
    Response,
};

use crate::support::*;

/// A program whose exec waits for the test.
struct SlowProgram {
    dir: TempDir,
    fanotify: Fanotify,
}

impl SlowProgram {
    /// None where fanotify is not permitted.
    fn new() -> Option<Self> {
        if !can_be_root("to hold an exec up by fanotify") {
            return None;
        }
        let dir = TempDir::new();
        fs::copy(fixture(), dir.join("server")).unwrap();
        let flags = InitFlags::FAN_CLASS_CONTENT | InitFlags::FAN_CLOEXEC;
        let fanotify =
            Fanotify::init(flags, EventFFlags::O_RDONLY | EventFFlags::O_CLOEXEC).unwrap();
        let mask = MaskFlags::FAN_OPEN_EXEC_PERM;
        let file = dir.join("server");
        let marked = fanotify.mark(
            MarkFlags::FAN_MARK_ADD,
            mask,
            nix::fcntl::AT_FDCWD,
            Some(&file),
        );
        marked.unwrap();
        Some(Self { dir, fanotify })
    }

    /// hinit, with this program as its server.
    fn start(&self, mode: Mode, options: &[&str], arguments: &[&str]) -> Running {
        let start = Start::new(mode).pid_file(self.pid_file()).args(options);
        let server = self.dir.join("server");
        start
            .args([OsStr::new("--"), server.as_os_str()])
            .args(arguments)
            .start()
    }

    fn pid_file(&self) -> std::path::PathBuf {
        self.dir.join("pid")
    }

    /// Waits until the kernel is asked to execute it.
    fn wait_for_exec(&self) -> FanotifyEvent {
        self.fanotify.read_events().unwrap().pop().unwrap()
    }

    fn answer(&self, event: &FanotifyEvent, response: Response) {
        let response = FanotifyResponse::new(event.fd().unwrap(), response);
        self.fanotify.write_response(response).unwrap();
    }
}

in_both_modes!(
    a_stop_signal_ends_a_hanging_start,
    a_hanging_start_is_killed_after_the_grace_time,
    health_checks_are_answered_during_the_exec,
    the_server_is_probed_only_after_its_exec,
    a_signal_during_the_exec_reaches_the_server,
    an_exec_that_fails_late_is_reported
);

fn a_stop_signal_ends_a_hanging_start(mode: Mode) {
    let Some(slow) = SlowProgram::new() else {
        return;
    };
    let hinit = slow.start(mode, &["--grace", "10m"], &["ready"]);
    let _never_answered = slow.wait_for_exec();
    assert_eq!(
        hinit.verdict(&slow.pid_file()),
        "unhealthy: the server has not started yet, or has ended"
    );
    let ended = hinit.stop();
    assert_eq!(ended.code, 143, "{}", ended.log);
    assert!(
        ended.log.starts_with("hinit: SIGTERM from "),
        "{}",
        ended.log
    );
    assert!(!slow.pid_file().exists());
}

fn a_hanging_start_is_killed_after_the_grace_time(mode: Mode) {
    let Some(slow) = SlowProgram::new() else {
        return;
    };
    let server = slow.dir.join("server");
    let script = format!(
        "trap '' TERM; exec \"$@\" --no-pid-file --grace 1ms -- {} ready",
        server.display()
    );
    let start = Start::by(mode, &["sh", "-c", &script, "sh"]);
    let hinit = start.start();
    let _never_answered = slow.wait_for_exec();
    assert_eq!(hinit.stop().code, 137);
}

fn health_checks_are_answered_during_the_exec(mode: Mode) {
    let Some(slow) = SlowProgram::new() else {
        return;
    };
    let hinit = slow.start(mode, &["--notify"], &["notifies", "READY=1"]);
    let event = slow.wait_for_exec();
    let pid_file = slow.pid_file();
    assert!(get(&pid_file, "/livez").status.starts_with("200 "));
    assert_eq!(
        get(&pid_file, "/readyz").status,
        "503 unhealthy: the server has not started yet, or has ended"
    );
    assert_eq!(get(&pid_file, "/status").member("phase"), "\"starting\"");
    slow.answer(&event, Response::FAN_ALLOW);
    let hinit = hinit.ready();
    assert!(get(&pid_file, "/readyz").status.starts_with("200 "));
    let ended = hinit.stop();
    assert_eq!(ended.code, 143, "{}", ended.log);
}

fn the_server_is_probed_only_after_its_exec(mode: Mode) {
    let Some(slow) = SlowProgram::new() else {
        return;
    };
    let beat = slow.dir.join("beat");
    let probes = format!("--heartbeat {} --max-age 60m", beat.display());
    let hinit = slow.start(mode, &["-v", "--ready-when", &probes], &["ready"]);
    let event = slow.wait_for_exec();
    let pid_file = slow.pid_file();
    // A deadline that is due comes before an answer.
    for _ in 0..3 {
        assert_eq!(
            get(&pid_file, "/readyz").status,
            "503 unhealthy: the server has not started yet, or has ended"
        );
    }
    // A probe before now would have failed, and been logged.
    eventually("nothing else runs", || {
        (children_of(hinit.pid()).len() == 1).then_some(())
    });
    fs::write(&beat, "").unwrap();
    slow.answer(&event, Response::FAN_ALLOW);
    let hinit = hinit.ready();
    assert_eq!(
        hinit.log_line(),
        "hinit: the server has answered the probes of --ready-when"
    );
    assert!(get(&pid_file, "/readyz").status.starts_with("200 "));
    assert_eq!(hinit.stop().code, 143);
}

fn a_signal_during_the_exec_reaches_the_server(mode: Mode) {
    let Some(slow) = SlowProgram::new() else {
        return;
    };
    let server = slow.dir.join("server");
    // SIGHUP is blocked in the server, as it is in hinit's caller.
    let script = format!(
        "exec \"$@\" -v --no-pid-file -- {} signals",
        server.display()
    );
    let start = Start::by(
        mode,
        &["env", "--block-signal=HUP", "sh", "-c", &script, "sh"],
    );
    let hinit = start.start();
    let event = slow.wait_for_exec();
    hinit.signal(SIGHUP);
    slow.answer(&event, Response::FAN_ALLOW);
    let mut lines = [hinit.line(), hinit.line()];
    lines.sort();
    assert_eq!(lines, ["ready", "signal 1"]);
    assert_eq!(hinit.stop().code, 0);
}

fn an_exec_that_fails_late_is_reported(mode: Mode) {
    let Some(slow) = SlowProgram::new() else {
        return;
    };
    let hinit = slow.start(mode, &[], &["ready"]);
    let event = slow.wait_for_exec();
    slow.answer(&event, Response::FAN_DENY);
    let ended = hinit.end();
    assert_eq!(
        (ended.code, ended.log.contains("cannot run")),
        (126, true),
        "{}",
        ended.log
    );
    assert!(!slow.pid_file().exists());
}
