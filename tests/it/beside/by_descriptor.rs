//! The socket is bound, removed and connected to by the descriptor of its directory.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::verdict_on;
use crate::support::*;

/// A process that may write the directory puts a symlink there, to the socket of another hinit of
/// root.
#[test]
fn a_link_to_the_socket_of_another_hinit_proves_nothing() {
    let dir = TempDir::new();
    let start = |name: &str, message| {
        let path = dir.join(name);
        let start = Start::with_notify(Mode::Subreaper, &path);
        let hinit = start.notifies(&[message]).start().ready();
        recorded(&path);
        (path, hinit)
    };
    let (path, silent) = start("silent", "@none");
    let (other_path, other) = start("other", "READY=1");
    fs::remove_file(socket_beside(&path)).unwrap();
    std::os::unix::fs::symlink(socket_beside(&other_path), socket_beside(&path)).unwrap();
    for options in [&[][..], &["--ready"]] {
        let verdict = silent.verdict_with(&path, options);
        let expected = format!(
            "belongs to process {}, which is not the server's parent",
            other.pid()
        );
        assert_eq!(verdict_on(&verdict, &path), expected);
    }
    // The symlink is not hinit's own, so it stays.
    assert_eq!(silent.stop().code, 143);
    assert!(socket_beside(&path).is_symlink());
    other.assert_ready(&other_path);
    assert_eq!(other.stop().code, 143);
}

/// hinit changes its working directory to bind its sockets, and then restores it.
#[test]
fn binding_the_socket_leaves_the_servers_working_directory() {
    let dir = TempDir::new();
    let started_in = |directory: &Path, script: &str| {
        let program = format!("{script}; exec \"$@\"");
        let start = Start::by(Mode::Subreaper, &["sh", "-euc", &program, "sh"]);
        let start = start.pid_file(dir.join("pid")).args(["--notify"]);
        let start = start.with(|command| {
            command.current_dir(directory);
        });
        start.args(["readlink", "/proc/self/cwd"]).run()
    };
    let ended = started_in(dir.as_ref(), "true");
    assert_eq!(ended.stdout, dir.as_ref().to_str().unwrap(), "{ended:?}");
    let gone = dir.join("gone");
    fs::create_dir(&gone).unwrap();
    let ended = started_in(&gone, &format!("rmdir {}", gone.display()));
    let deleted = format!("{} (deleted)", gone.display());
    assert_eq!(ended.stdout, deleted, "{ended:?}");
    if !can_be_root("to start in a directory that hinit's user may not search") {
        return;
    }
    set_mode(&dir, 0o777);
    let closed = dir.join("closed");
    fs::create_dir(&closed).unwrap();
    set_mode(&closed, 0o700);
    let program = dir.join("hinit");
    copy_program(&hinit(), &program);
    set_mode(&program, 0o755);
    let mut command = Command::new("setpriv");
    command.args(["--reuid=4242", "--regid=4242", "--clear-groups"]);
    command.arg(&program).current_dir(&closed);
    let start = Start::of(Mode::Subreaper, command).pid_file(dir.join("pid"));
    let ended = start.args(["--notify", "readlink", "/proc/self/cwd"]).run();
    assert_eq!(ended.stdout, closed.to_str().unwrap(), "{ended:?}");
}
