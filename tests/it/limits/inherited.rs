//! Descriptors that hinit inherits for its server.

use std::fs;
use std::path::Path;

use super::*;

/// By strace, which makes `close_range(2)` fail as on an older kernel or under a seccomp profile.
#[test]
fn inherited_descriptors_are_closed_without_close_range() {
    let dir = TempDir::new();
    let given = dir.join("given");
    fs::write(&given, "").unwrap();
    let given = given.to_str().unwrap();
    let pass_it_on = ["sh", "-c", "exec 7<\"$0\"; exec \"$@\"", given];
    let warning = "hinit: cannot close hinit's copies of the server's descriptors: Operation not \
                   permitted; \
        a pipe among them stays open until hinit ends";
    for (faults, is_closed) in [
        (&[][..], true),
        (&["close_range:error=ENOSYS"], true),
        (&["close_range:error=EPERM"], true),
        (&["close_range:error=EPERM:when=2+"], true),
        (
            &["close_range:error=EPERM", "getdents64:error=EPERM:when=1"],
            false,
        ),
    ] {
        let path = dir.join("pid");
        let mut arguments = pass_it_on.to_vec();
        let injected: Vec<_> = faults.iter().map(|it| format!("inject={it}")).collect();
        arguments.extend([
            "strace",
            "-D",
            "-o",
            "/dev/null",
            "-e",
            "trace=close_range,getdents64",
        ]);
        for fault in &injected {
            arguments.extend(["-e", fault]);
        }
        let hinit = Start::by(Mode::Subreaper, &arguments).pid_file(&path);
        let hinit = hinit
            .args(["--notify"])
            .fixture(["ready"])
            .start()
            .ready()
            .settled();
        let has = |pid: i32| {
            let fds = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten();
            let mut files = fds.filter_map(|fd| fs::read_link(fd.path()).ok());
            files.any(|file| file == Path::new(given))
        };
        assert!(has(hinit.server()), "{faults:?}");
        assert_eq!(has(hinit.pid()), !is_closed, "{faults:?}");
        if !is_closed {
            assert_eq!(hinit.log_line(), warning);
        }
        // hinit keeps the descriptors that it needs.
        let pid = recorded(&path);
        assert_eq!(
            hinit.verdict(&path),
            format!("healthy: process {pid} is alive")
        );
        let ended = hinit.stop();
        ended.assert_code_and_lines(143, 1);
        assert!(!path.exists());
    }
}
