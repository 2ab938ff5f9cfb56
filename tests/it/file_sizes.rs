//! The limit of file sizes that hinit and its server inherit.

use nix::libc::{SIGTERM, SIGUSR1};
use nix::sys::statfs::{TMPFS_MAGIC, statfs};

use crate::support::*;

in_both_modes!(a_limit_of_file_sizes_is_a_warning_and_does_not_end_the_server);

fn a_limit_of_file_sizes_is_a_warning_and_does_not_end_the_server(mode: Mode) {
    let dir = TempDir::new();
    let pid_file = dir.join("pid");
    let start = Start::by(mode, &["prlimit", "--fsize=0"]).pid_file(&pid_file);
    let path = pid_file.display();
    // tmpfs holds even the room that is reserved before the launch against the limit.
    if statfs(dir.as_ref()).unwrap().filesystem_type() == TMPFS_MAGIC {
        let ended = start.fixture(["signals"]).run();
        ended.assert_code_and_lines(125, 1);
        ended.assert_logged(&format!(
            "hinit: cannot claim the PID file `{path}`: File too large; *"
        ));
        assert!(!pid_file.exists());
        return;
    }
    let hinit = start.fixture(["signals"]).start().ready();
    assert_eq!(
        hinit.log_line(),
        format!("hinit: cannot write the PID file `{path}`: File too large")
    );
    assert_eq!(
        hinit.verdict(&pid_file),
        "unhealthy: the server has not started yet, or has ended"
    );
    hinit.signal(SIGUSR1);
    hinit.signal(SIGTERM);
    assert_eq!(hinit.line(), "signal 10");
    assert_eq!(hinit.line(), "signal 15");
    assert_eq!(hinit.end().code, 0);
}
