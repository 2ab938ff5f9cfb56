//! Scripts whose first line or interpreter is wrong.

use std::os::unix::fs::symlink;

use super::{assert_refused, file};
use crate::support::*;

in_both_modes!(each_wrong_script_is_named);

fn each_wrong_script_is_named(mode: Mode) {
    let dir = TempDir::new();
    let at = |name: &str| dir.join(name).to_str().unwrap().to_owned();
    file(&dir.join("plain"), "#!/bin/sh\n", 0o644);
    file(&dir.join("lost"), "#!/no/such\n", 0o755);
    file(&dir.join("text"), "echo hello\n", 0o755);
    symlink("/no/python", dir.join("python")).unwrap();
    let none = "it is neither a binary nor a script with `#!`";
    for (contents, reason) in [
        ("echo hello\n", none.to_owned()),
        ("", "it is empty".into()),
        (
            "#!\n",
            "its first line names no interpreter behind `#!`".into(),
        ),
        (
            "\u{feff}#!/bin/sh\n",
            "it starts with a byte order mark, not with `#!`".into(),
        ),
        (
            "#!/bin/sh\r\nexit 7\r\n",
            r"its interpreter `/bin/sh\r` is not there: the script has CRLF line ends".into(),
        ),
        (
            &format!("#!/{}bin/sh\n", "/".repeat(247)),
            "its first line is too long".into(),
        ),
        (
            "#!/no/such/interpreter -x\n",
            "its interpreter `/no/such/interpreter` is not there".into(),
        ),
        (
            "#!/dev/null/sh\n",
            "its interpreter `/dev/null/sh` is not there".into(),
        ),
        (
            &format!("#!{}", at("python")),
            format!(
                "its interpreter `{}` is a symlink to `/no/python`, which is not there",
                at("python")
            ),
        ),
        (
            "#!/tmp\n",
            "its interpreter `/tmp` cannot run: it is a directory".into(),
        ),
        (
            &format!("#!{}", at("plain")),
            format!(
                "its interpreter `{}` cannot run: no execute permission",
                at("plain")
            ),
        ),
        (
            &format!("#!{}", at("lost")),
            format!(
                "its interpreter `{}` cannot run: its interpreter `/no/such` is not there",
                at("lost")
            ),
        ),
        (
            &format!("#!{}", at("text")),
            format!("its interpreter `{}` cannot run: {none}", at("text")),
        ),
        (
            &format!("#!{}", at("script")),
            "its chain of interpreters is too long".into(),
        ),
    ] {
        file(&dir.join("script"), contents, 0o755);
        assert_refused(mode, at("script"), 126, &reason);
    }
    // The controls: scripts that differ little from these, and can be executed. env gets the
    // carriage return.
    for (contents, code) in [
        ("#!/bin/sh\nexit 7\n", 7),
        (&format!("#!/{}bin/sh\nexit 7\n", "/".repeat(246)), 7),
        ("#!/usr/bin/env sh\r\n", 127),
    ] {
        file(&dir.join("script"), contents, 0o755);
        assert_eq!(
            Start::new(mode)
                .no_pid_file()
                .args([at("script")])
                .run()
                .code,
            code
        );
    }
}
