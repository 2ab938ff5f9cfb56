//! Commands that cannot be executed: one line names the cause; the exit code is 127 for a missing
//! command and 126 for others. Each test uses a real file of that kind.

use std::env::consts::ARCH;
use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use nix::libc::ETXTBSY;

use crate::support::*;

/// Starts this command, and asserts that it is not executed for this reason.
#[track_caller]
fn refused(mode: Mode, command: impl AsRef<OsStr>, code: i32, reason: &str) {
    let dir = TempDir::new();
    let command = command.as_ref();
    let pid_file = dir.join("pid");
    let start = Start::new(mode).pid_file(&pid_file);
    let ended = start.args([OsStr::new("--"), command]).run();
    let line = format!("hinit: cannot run `{}`: {reason}", command.display());
    assert_eq!((ended.code, ended.log), (code, line));
    assert!(!pid_file.exists());
}

/// A file with a mode, made by cp: if this process had it open for writing, a child that another
/// test forks would inherit the descriptor, and the kernel executes no file that is open for
/// writing (ETXTBSY).
fn file(path: &Path, contents: impl AsRef<[u8]>, mode: u32) {
    let draft = path.with_extension("draft");
    fs::write(&draft, contents).unwrap();
    set_mode(&draft, mode);
    let mut copy = Command::new("cp");
    let copied = copy.arg("--preserve=mode").arg(&draft).arg(path).status();
    assert!(copied.unwrap().success());
}

/// A real binary of this machine, linked dynamically.
fn binary() -> Vec<u8> {
    fs::read("/bin/true").unwrap()
}

/// The binary with another path of its loader, which must not be longer.
fn with_loader(loader: &str) -> Vec<u8> {
    let mut bytes = binary();
    let old = b"/ld-linux-";
    let name = bytes.windows(old.len()).position(|at| at == old).unwrap();
    let start = bytes[..name].iter().rposition(|&b| b == 0).unwrap() + 1;
    let end = name + bytes[name..].iter().position(|&b| b == 0).unwrap();
    // The kernel requires a NUL as the last byte of the path, and takes the first NUL for its end.
    assert!(loader.len() <= end - start, "{loader} is too long");
    bytes[start..end].fill(0);
    bytes[start..start + loader.len()].copy_from_slice(loader.as_bytes());
    bytes
}

/// The binary with the machine field of the other architecture.
fn foreign() -> (Vec<u8>, &'static str) {
    let (number, name) = if ARCH == "aarch64" {
        (62, "x86_64")
    } else {
        (183, "aarch64")
    };
    let mut bytes = binary();
    bytes[18] = number;
    (bytes, name)
}

in_both_modes!(
    commands_that_are_not_there,
    a_likely_command_is_suggested,
    dangling_entries_of_path_are_skipped,
    files_that_may_not_be_executed,
    each_wrong_script_is_named,
    each_wrong_binary_is_named,
    a_file_that_is_open_for_writing,
    a_command_is_found_along_path
);

fn commands_that_are_not_there(mode: Mode) {
    let dir = TempDir::new();
    file(&dir.join("plain"), "#!/bin/sh\n", 0o755);
    symlink("/no/such", dir.join("symlink")).unwrap();
    refused(mode, "no-such-command", 127, "not found in PATH");
    refused(mode, "", 127, "the command is empty");
    refused(mode, "/no/such/file", 127, "No such file or directory");
    refused(mode, dir.join("plain/below"), 127, "Not a directory");
    refused(
        mode,
        dir.join("symlink"),
        127,
        "it is a symlink to `/no/such`, which is not there",
    );
}

// An option or command of hinit in the place of the command, or several words in one argument.
fn a_likely_command_is_suggested(mode: Mode) {
    let separate = "the command and its arguments must be separate words, \
        as in CMD [\"server\", \"--port\", \"80\"]";
    let after = "`--grace` after the command is an argument of the command, not an option of hinit";
    for (words, remedy) in [
        (&["healtcheck"][..], "did you mean `hinit healthcheck`?"),
        (&["python9 -m http.server"], separate),
        (
            &["--", "--grace", "5s", "true"],
            "options go before `--`, the command after it",
        ),
        (&["no-such-server", "--grace", "5s"], after),
        (
            &["root", "true"],
            "to run a command as this user, write `--user root`",
        ),
    ] {
        let ended = Start::new(mode).no_pid_file().args(words).run();
        let command = words.iter().find(|word| **word != "--").unwrap();
        let line = format!("hinit: cannot run `{command}`: not found in PATH; {remedy}");
        assert_eq!((ended.code, ended.log), (127, line));
    }
    // A server may have any name.
    let dir = TempDir::new();
    file(&dir.join("healtcheck"), "#!/bin/sh\nexit 7\n", 0o755);
    let path = format!(
        "{}:{}",
        dir.as_ref().display(),
        std::env::var("PATH").unwrap()
    );
    let start = Start::new(mode).with(|command| {
        command.env("PATH", &path);
    });
    assert_eq!(start.no_pid_file().args(["healtcheck"]).run().code, 7);
}

fn dangling_entries_of_path_are_skipped(mode: Mode) {
    let dir = TempDir::new();
    let (bad, good) = (dir.join("bad"), dir.join("good"));
    fs::create_dir(&bad).unwrap();
    fs::create_dir(&good).unwrap();
    symlink("loop", dir.join("loop")).unwrap();
    file(&dir.join("plain"), "", 0o755);
    file(&good.join("it"), "#!/bin/sh\nexit 7\n", 0o755);
    file(&good.join("lame"), "#!/no/such/shell\n", 0o755);
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
        // unshare is looked for in the same PATH.
        let start = Start::by(mode, &["env", &format!("PATH={path}")]).no_pid_file();
        start.args(["-q", "--", command]).run()
    };
    for entry in &entries {
        let path = format!("{entry}:{}", good.display());
        let ended = run(&path, "it");
        assert_eq!((ended.code, ended.log.as_str()), (7, ""), "{entry:.40}");
        for path in [&path, &format!("{}:{entry}", good.display())] {
            let ended = run(path, "none");
            let line = "hinit: cannot run `none`: not found in PATH";
            assert_eq!((ended.code, ended.log.as_str()), (127, line), "{entry:.40}");
            let ended = run(path, "lame");
            let line = format!(
                "hinit: cannot run `{}`: its interpreter `/no/such/shell` is not there",
                good.join("lame").display()
            );
            assert_eq!((ended.code, ended.log), (126, line), "{entry:.40}");
        }
    }
    // If the last entry is the dangling one, it is named.
    let ended = run(&format!("{}:{own}", bad.display()), "circular");
    let line = format!(
        "hinit: cannot run `{}`: its interpreter leads to another",
        bad.join("circular").display()
    );
    assert!(
        ended.code == 126 && ended.log.starts_with(&line),
        "{}",
        ended.log
    );
}

fn files_that_may_not_be_executed(mode: Mode) {
    let dir = TempDir::new();
    file(&dir.join("plain"), "#!/bin/sh\n", 0o644);
    refused(mode, dir.join("plain"), 126, "no execute permission");
    refused(mode, dir.join(""), 126, "it is a directory");
    refused(mode, "/dev/null", 126, "it is not a regular file");
}

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
            "its interpreter leads to another, and so on without end".into(),
        ),
    ] {
        file(&dir.join("script"), contents, 0o755);
        refused(mode, at("script"), 126, &reason);
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

fn each_wrong_binary_is_named(mode: Mode) {
    let dir = TempDir::new();
    let path = dir.join("binary");
    let (foreign, machine) = foreign();
    file(&dir.join("plain"), binary(), 0o644);
    let no_loader = dir.join("plain").to_str().unwrap().to_owned();
    for (contents, reason) in [
        (
            foreign,
            format!("it is built for {machine}, this is {ARCH}"),
        ),
        (
            with_loader("/no/such/ld.so"),
            "its loader `/no/such/ld.so` is not there".into(),
        ),
        (
            with_loader("/tmp"),
            "its loader `/tmp` cannot run: it is a directory".into(),
        ),
        (
            with_loader("/etc/passwd"),
            "its loader `/etc/passwd` cannot run: no execute permission".into(),
        ),
        (
            binary()[..40].to_vec(),
            "it is an ELF file, but damaged or not a program".into(),
        ),
    ] {
        file(&path, contents, 0o755);
        refused(mode, &path, 126, &reason);
    }
    // The file of the interpreter is checked as well.
    file(&path, format!("#!{no_loader}\n"), 0o755);
    refused(
        mode,
        &path,
        126,
        &format!("its interpreter `{no_loader}` cannot run: no execute permission"),
    );
    file(&path, binary(), 0o755);
    assert_eq!(Start::new(mode).no_pid_file().args([&path]).run().code, 0);
}

fn a_file_that_is_open_for_writing(mode: Mode) {
    let dir = TempDir::new();
    let path = dir.join("busy");
    file(&path, binary(), 0o755);
    let writer = OpenOptions::new().append(true).open(&path).unwrap();
    let own = Command::new(&path).status();
    if own.is_err_and(|error| error.raw_os_error() == Some(ETXTBSY)) {
        refused(mode, &path, 126, "it is open for writing (text file busy)");
    } else {
        // Linux 6.11 and 6.12.
        assert!(
            std::env::var_os("CI").is_none(),
            "this kernel runs a file that is open for writing"
        );
        eprintln!("skipped: this kernel runs a file that is open for writing");
    }
    drop(writer);
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

#[test]
fn a_file_system_that_is_mounted_noexec() {
    let dir = TempDir::new();
    fs::create_dir(dir.join("mnt")).unwrap();
    let script = "
        mount -t tmpfs -o noexec none \"$1/mnt\"
        cp /bin/true \"$1/mnt/binary\"
        printf '#!%s' \"$1/mnt/binary\" > \"$1/script\"
        chmod +x \"$1/script\"
        \"$HINIT\" --no-pid-file \"$1/mnt/binary\" || echo $?
        \"$HINIT\" --no-pid-file \"$1/script\" || echo $?
        mount -o remount,exec \"$1/mnt\"
        \"$HINIT\" --quiet --no-pid-file \"$1/script\" && echo $?";
    let ended = in_mount_namespace(script, &[dir.as_ref().as_os_str()]);
    let here = dir.as_ref().display();
    let noexec = "it lies on a file system that is mounted noexec";
    let lines = format!(
        "hinit: cannot run `{here}/mnt/binary`: {noexec}\n\
         hinit: cannot run `{here}/script`: its interpreter `{here}/mnt/binary` cannot run: \
         {noexec}"
    );
    assert_eq!(ended.log, lines);
    assert_eq!(ended.stdout, "126\n126\n0");
}

#[test]
fn a_binary_for_a_libc_that_the_image_lacks() {
    let glibc = if ARCH == "aarch64" {
        "/lib/ld-linux-aarch64.so.1"
    } else {
        "/lib64/ld-linux-x86-64.so.2"
    };
    // The path of musl's loader is one byte shorter, or as long.
    let musl = format!("/lib/ld-musl-{ARCH}.so.1");
    let for_musl = with_loader(&musl);
    for (contents, loader, present, reason) in [
        (&for_musl, &*musl, Some(glibc), "musl, this image has glibc"),
        (&binary(), glibc, Some(&*musl), "glibc, this image has musl"),
        (&binary(), glibc, None, "glibc, this image has no libc"),
    ] {
        let image = TempDir::new();
        copy_program(&hinit(), &image.join("hinit"));
        file(&image.join("app"), contents, 0o755);
        for directory in ["lib", "lib64"] {
            fs::create_dir(image.join(directory)).unwrap();
        }
        if let Some(present) = present {
            fs::write(image.join(present.trim_start_matches('/')), "").unwrap();
        }
        let script = "chroot \"$1\" /hinit --no-pid-file /app || echo $?";
        let ended = in_mount_namespace(script, &[image.as_ref().as_os_str()]);
        let line = format!(
            "hinit: cannot run `/app`: its loader `{loader}` is not there: it is built for {reason}"
        );
        assert_eq!((ended.log, ended.stdout.as_str()), (line, "126"));
    }
}

#[test]
fn a_file_that_this_user_may_not_execute() {
    if !can_be_root("to be another user") {
        return;
    }
    let dir = TempDir::new();
    set_mode(&dir, 0o755);
    let as_nobody = |path: &Path, reason: &str| {
        let start = Start::new(Mode::Subreaper).with(|command| {
            command.uid(65534);
        });
        let ended = start.no_pid_file().args([path]).run();
        let line = format!("hinit: cannot run `{}`: {reason}", path.display());
        assert_eq!((ended.code, ended.log), (126, line));
    };
    let path = dir.join("script");
    file(&path, "#!/bin/sh\n", 0o744);
    as_nobody(&path, "no execute permission for UID 65534");
    // Executable but not readable.
    file(&path, with_loader("/no/such"), 0o711);
    as_nobody(&path, "its interpreter or loader is not there");
    set_mode(&dir, 0o700);
    as_nobody(
        &path,
        "no permission to search a directory on the way to it",
    );
}

#[test]
fn a_limit_of_processes() {
    if !can_be_root("to be a user who has no processes yet") {
        return;
    }
    let start = Start::by(
        Mode::Subreaper,
        &[
            "prlimit",
            "--nproc=1",
            "setpriv",
            "--reuid=65532",
            "--clear-groups",
        ],
    );
    let ended = start.no_pid_file().args(["true"]).run();
    let line = "hinit: cannot start `true`: the limit of processes is reached; \
        raise it (--pids-limit, pids.max, ulimit -u)";
    assert_eq!((ended.code, ended.log.as_str()), (125, line));
}
