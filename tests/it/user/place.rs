//! The server's working directory and umask.

use std::os::unix::fs::chown;

use super::*;

in_both_modes!(
    a_directory_that_only_the_user_may_enter_is_entered_as_the_user,
    the_umask_applies_to_the_server_alone
);

// A home of mode 0700, where hinit lacks CAP_DAC_OVERRIDE.
fn a_directory_that_only_the_user_may_enter_is_entered_as_the_user(mode: Mode) {
    if !can_be_root("to become another user") {
        return;
    }
    let dir = TempDir::new();
    set_mode(&dir, 0o755);
    let home = dir.join("home");
    fs::create_dir(&home).unwrap();
    symlink("/bin/pwd", home.join("server")).unwrap();
    chown(&home, Some(4242), Some(4242)).unwrap();
    set_mode(&home, 0o700);
    let plain_root = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"];
    let run = |user: &str| {
        // A file with the name of the server's PID file, which is relative to the server's
        // directory.
        fs::write(dir.join("stale"), "4194303\n").unwrap();
        let start = Start::by(mode, &plain_root).with(|c| {
            c.current_dir(&dir);
        });
        let start = start.args([
            "--pid-file",
            "pid",
            "--workdir",
            "home",
            "--remove-stale",
            "stale",
        ]);
        start
            .args(["--follow", "stale", "--user", user, "./server"])
            .run()
    };
    let ended = run("4242");
    assert_eq!(
        (ended.code, ended.stdout),
        (0, home.display().to_string()),
        "{}",
        ended.log
    );
    assert!(dir.join("stale").exists() && !dir.join("pid").exists());
    let why = format!(
        "did not follow the PID file `{}`: ",
        home.join("stale").display()
    );
    assert!(ended.log.contains(&why), "{}", ended.log);
    let ended = run("4243");
    let why = "hinit: cannot enter the directory `home`: Permission denied";
    assert_eq!((ended.code, ended.log.lines().last()), (125, Some(why)));
}

fn the_umask_applies_to_the_server_alone(mode: Mode) {
    let dir = TempDir::new();
    for (options, variable, shown) in [
        (&["--umask", "0027"][..], "", "0027"),
        (&["--umask", "0"], "77", "0000"),
        (&[], "777", "0777"),
        (&[], "", "0022"),
    ] {
        let start = Start::by(mode, &["sh", "-c", "umask 0022; exec \"$@\"", "sh"]);
        let start = start.with(|c| {
            c.env("HINIT_UMASK", variable);
        });
        let ended = start
            .pid_file(dir.join(shown).join("pid"))
            .args(options)
            .script("umask")
            .run();
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (0, shown),
            "{}",
            ended.log
        );
        // The directory that hinit makes is not changed by it.
        let directory = fs::metadata(dir.join(shown)).unwrap().permissions();
        assert_eq!(directory.mode() & 0o777, 0o755);
    }
}
