//! Servers that replace their main process, and name the new one in their own PID file.

use std::fs;
use std::path::Path;

use nix::libc::{SIGTERM, SIGUSR2};

use crate::support::*;

/// A server that at SIGUSR2 starts another one, writes this text (such as `$!`) to its PID file,
/// and exits.
fn replaces_itself(own: &Path, content: &str) -> String {
    let (own, server) = (own.display(), fixture());
    format!(
        "trap '{} ready & echo \"{content}\" >{own}; exit 0' USR2; echo $$ >{own}; echo ready; \
         while :; do :; done",
        server.display()
    )
}

/// Runs such a server, and stops hinit when the new server is ready.
fn replace_server(mode: Mode, dir: &TempDir, content: &str, change: impl FnOnce(&Path)) -> Ended {
    let (pid_file, own) = (dir.join("pid"), dir.join("own"));
    fs::write(&own, "").unwrap();
    change(&own);
    let start = Start::new(mode)
        .pid_file(&pid_file)
        .args(["--grace", "10ms", "--follow"]);
    let hinit = start
        .arg(&own)
        .script(&replaces_itself(&own, content))
        .start()
        .ready();
    let first = recorded(&pid_file);
    hinit.signal(SIGUSR2);
    let has_successor = eventually("the new one is the server, or hinit ends", || {
        let Ok(recorded) = fs::read_to_string(&pid_file) else {
            return Some(false);
        };
        let recorded: i32 = recorded.trim().parse().ok()?;
        (recorded != first).then_some(true)
    });
    if has_successor {
        let hinit = hinit.ready();
        hinit.signal(SIGTERM);
        return hinit.end();
    }
    hinit.end()
}

in_both_modes!(
    the_process_that_the_file_names_becomes_the_server,
    a_process_that_is_not_a_child_of_hinit_is_ignored,
    a_file_that_others_may_write_is_ignored,
    a_file_that_names_no_process_is_not_followed,
    a_file_that_names_another_users_process_is_ignored,
    without_the_option_the_last_line_names_the_option
);

fn the_process_that_the_file_names_becomes_the_server(mode: Mode) {
    let ended = replace_server(mode, &TempDir::new(), "$!", |_| {});
    assert_eq!(ended.code, 143, "{}", ended.log);
    assert!(
        ended.log.starts_with("hinit: SIGTERM from "),
        "{}",
        ended.log
    );
}

fn a_process_that_is_not_a_child_of_hinit_is_ignored(mode: Mode) {
    let ended = replace_server(mode, &TempDir::new(), "4194000", |_| {});
    assert_eq!(ended.code, 0);
    assert!(
        ended
            .log
            .contains(": process 4194000 is not a running child of hinit\n"),
        "{}",
        ended.log
    );
}

fn a_file_that_others_may_write_is_ignored(mode: Mode) {
    let open = |own: &Path| set_mode(own, 0o666);
    let ended = replace_server(mode, &TempDir::new(), "$!", open);
    assert_eq!(ended.code, 0);
    assert!(
        ended.log.contains(": it is writable by others\n"),
        "{}",
        ended.log
    );
}

fn a_file_that_names_no_process_is_not_followed(mode: Mode) {
    let ended = replace_server(mode, &TempDir::new(), "junk", |_| {});
    assert_eq!(ended.code, 0);
    ended.assert_logged("hinit: did not follow the PID file `*`: its first line is not a PID");
}

fn a_file_that_names_another_users_process_is_ignored(mode: Mode) {
    if !can_be_root("to be another user") {
        return;
    }
    let dir = TempDir::new();
    let own = dir.join("own");
    // The server exits when its child has become the other user.
    let script = format!(
        "setpriv --reuid=4242 --clear-groups sleep 1000 & echo $! >{}; \
        until grep -q '^Uid:[[:space:]]4242' /proc/$!/status; do :; done",
        own.display()
    );
    let start = Start::new(mode)
        .no_pid_file()
        .args(["--grace", "10ms", "--follow"])
        .arg(&own);
    let ended = start.script(&script).run();
    assert_eq!(ended.code, 0, "{}", ended.log);
    ended.assert_logged(
        "hinit: did not follow the PID file `*`: process * runs as another user than the server",
    );
}

// Without the option the log names the remedies.
fn without_the_option_the_last_line_names_the_option(mode: Mode) {
    let dir = TempDir::new();
    let own = dir.join("own");
    let start = Start::new(mode).no_pid_file().args(["--grace", "10ms"]);
    let hinit = start.script(&replaces_itself(&own, "$!")).start().ready();
    hinit.signal(SIGUSR2);
    let ended = hinit.end();
    assert_eq!(ended.code, 0);
    assert!(
        ended.log.contains("; most likely it was replaced by "),
        "{}",
        ended.log
    );
}
