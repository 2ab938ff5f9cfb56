//! Where a command is searched: PATH, and its entries that lead nowhere.

use std::fs::{self};
use std::os::unix::fs::symlink;
use std::process::Command;

use super::file;
use crate::support::*;

in_both_modes!(
    dangling_entries_of_path_are_skipped,
    a_command_is_found_along_path
);

fn dangling_entries_of_path_are_skipped(mode: Mode) {
    let dir = TempDir::new();
    let (bad, good) = (dir.join("bad"), dir.join("good"));
    fs::create_dir(&bad).unwrap();
    fs::create_dir(&good).unwrap();
    symlink("loop", dir.join("loop")).unwrap();
    file(&dir.join("plain"), "", 0o755);
    file(&good.join("server"), "#!/bin/sh\nexit 7\n", 0o755);
    file(&good.join("broken"), "#!/no/such/shell\n", 0o755);
    file(
        &bad.join("circular"),
        format!("#!{}\n", bad.join("circular").display()),
        0o755,
    );
    let entries = [
        format!("/{}", "x".repeat(300)),
        format!("/{}", "long/".repeat(1000)),
        dir.join("loop").display().to_string(),
        dir.join("loop/below").display().to_string(),
        dir.join("plain").display().to_string(),
        dir.join("none").display().to_string(),
    ];
    let own = std::env::var("PATH").unwrap();
    let run = |path: &str, command: &str| {
        // unshare is searched in the same PATH.
        let start = Start::by(mode, &["env", &format!("PATH={path}")]).no_pid_file();
        start.args(["-q", "--", command]).run()
    };
    for entry in &entries {
        let path = format!("{entry}:{}", good.display());
        let ended = run(&path, "server");
        assert_eq!((ended.code, ended.log.as_str()), (7, ""), "{entry:.40}");
        for path in [&path, &format!("{}:{entry}", good.display())] {
            let ended = run(path, "none");
            let line = "hinit: cannot run `none`: not found in PATH";
            assert_eq!((ended.code, ended.log.as_str()), (127, line), "{entry:.40}");
            let ended = run(path, "broken");
            let line = format!(
                "hinit: cannot run `{}`: its interpreter `/no/such/shell` is not there",
                good.join("broken").display()
            );
            assert_eq!((ended.code, ended.log), (126, line), "{entry:.40}");
        }
    }
    // If the last entry is the dangling one, it is named.
    let ended = run(&format!("{}:{own}", bad.display()), "circular");
    let line = format!(
        "hinit: cannot run `{}`: its chain of interpreters is too long",
        bad.join("circular").display()
    );
    assert!(
        ended.code == 126 && ended.log.starts_with(&line),
        "{}",
        ended.log
    );
}

fn a_command_is_found_along_path(mode: Mode) {
    let dir = TempDir::new();
    let mine = dir.join("mine");
    let run = |path: &str| {
        let start = Start::new(mode).with(|command| {
            command.env("PATH", path).current_dir(&dir);
        });
        let ended = start.no_pid_file().args(["mine"]).run();
        (ended.code, ended.log)
    };
    let here = dir.as_ref().to_str().unwrap();
    let path = format!("/no/such:/dev/null:{here}:/bin:/usr/bin");
    let named = |path: &str, reason: &str| (126, format!("hinit: cannot run `{path}`: {reason}"));

    assert_eq!(
        run(&path),
        (127, "hinit: cannot run `mine`: not found in PATH".into())
    );
    // A file that is not executable takes precedence over entries without the file.
    file(&mine, "#!/no/such\n", 0o644);
    let mine_shown = mine.to_str().unwrap();
    assert_eq!(run(&path), named(mine_shown, "no execute permission"));
    // An entry whose file cannot be executed takes precedence over entries without the file.
    file(&mine, "#!/no/such\n", 0o755);
    assert_eq!(
        run(&path),
        named(mine_shown, "its interpreter `/no/such` is not there")
    );
    // Of two files, the one for which the kernel's error was kept is named.
    fs::create_dir(dir.join("second")).unwrap();
    file(&dir.join("second/mine"), "text", 0o755);
    let second = dir.join("second/mine");
    assert_eq!(
        run(&format!("{here}:{here}/second:/bin:/usr/bin")),
        named(
            second.to_str().unwrap(),
            "it is neither a binary nor a script with `#!`"
        )
    );

    file(&mine, "#!/bin/sh\nexit 7\n", 0o755);
    let ran = |(code, _)| code == 7;
    assert!(ran(run(&path)));
    // An empty entry is the working directory.
    for path in [":/bin:/usr/bin", "/bin:/usr/bin:", "/bin::/usr/bin"] {
        assert!(ran(run(path)), "{path}");
    }
}

#[test]
fn without_path_the_usual_directories_are_searched_and_with_an_empty_one_this_one() {
    let dir = TempDir::new();
    file(&dir.join("mine"), "#!/bin/sh\nexit 7\n", 0o755);
    let run = |path: Option<&str>, command: &str| {
        let mut hinit = Command::new(hinit());
        hinit.env_clear().envs(path.map(|path| ("PATH", path)));
        hinit.args(["--quiet", "--no-pid-file", command]);
        let ended = Ended::of(&hinit.current_dir(&dir).output().unwrap());
        (ended.code, ended.log)
    };
    let not_found = |command: &str, reason: &str| {
        let line = format!("hinit: cannot run `{command}`: {reason}");
        (127, line)
    };
    let usual = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    assert_eq!(run(None, "true"), (0, String::new()));
    assert_eq!(
        run(None, "mine"),
        not_found("mine", &format!("not found in {usual}: PATH is not set"))
    );
    assert_eq!(run(Some(""), "mine"), (7, String::new()));
    assert_eq!(
        run(Some(""), "true"),
        not_found("true", "not found in PATH, which is empty")
    );
}
