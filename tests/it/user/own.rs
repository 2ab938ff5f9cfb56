//! `--user` where hinit already has that UID: groups and capabilities still change, if they can.

use super::*;

/// A hinit with these IDs and, by setpriv, these options.
fn by(uid: &str, gid: &str, options: &[&str]) -> Start {
    let ids = [&format!("--reuid={uid}"), &format!("--regid={gid}")];
    let setpriv = [&["setpriv", ids[0], ids[1]], options].concat();
    Start::by(Mode::Subreaper, &setpriv)
}

const NO_GROUPS: &[&str] = &["--clear-groups"];

/// The server's IDs with this option of hinit.
#[track_caller]
fn run_as(start: Start, options: &[&str]) -> Vec<String> {
    let start = start.no_pid_file().args(["-q"]).args(options);
    let ended = start.args(["--", "cat", "/proc/self/status"]).run();
    assert_eq!((ended.code, ended.log.as_str()), (0, ""), "{options:?}");
    fields(&ended.stdout)
}

/// As Docker and Kubernetes start a UID that is not in the image's /etc/passwd.
#[test]
fn a_uid_with_roots_group_keeps_it_or_gets_a_remedy() {
    if !can_be_root("to be another user") {
        return;
    }
    let why = "cannot run as `10001`: hinit's group is 0, not 10001, and it lacks CAP_SETGID to \
               change that; \
        drop USER from the image, so that hinit starts as root, or keep the group with --user \
        10001:0";
    assert_refused(by("10001", "0", NO_GROUPS), &["--user", "10001"], why);
    for user in ["10001:0", "10001:root"] {
        let found = run_as(by("10001", "0", NO_GROUPS), &["--user", user]);
        assert_eq!(found, without_capabilities("10001", "0", ""), "{user}");
    }
    // What can be changed is changed.
    let may_set_groups = [
        "--clear-groups",
        "--inh-caps=+setgid",
        "--ambient-caps=+setgid",
    ];
    let found = run_as(by("10001", "0", &may_set_groups), &["--user", "10001"]);
    assert_eq!(found, without_capabilities("10001", "10001", "10001"));
}

#[test]
fn root_without_setgid_gets_a_remedy() {
    if !can_be_root("to have capabilities") {
        return;
    }
    let without = ["--clear-groups", "--bounding-set=-setgid"];
    let why = "cannot run as `0`: hinit's group is 0, not 7, and it lacks CAP_SETGID to change \
               that; \
        add it (--cap-add CAP_SETGID), or keep the group with --user 0:0";
    assert_refused(by("0", "0", &without), &["--user", "0:7"], why);
}

/// In an image with a `USER`; no --cap-add would help.
#[test]
fn a_plain_user_cannot_become_another_user() {
    if !can_be_root("to be another user") {
        return;
    }
    let why = "cannot run as `www-data`: hinit runs as UID 10001 and lacks CAP_SETGID; \
        drop USER from the image, so that hinit starts as root, \
        or start hinit as that user (docker run --user, runAsUser)";
    assert_refused(by("10001", "0", NO_GROUPS), &["--user", "www-data"], why);
}

#[test]
fn the_own_users_ambient_capabilities_and_groups_are_dropped() {
    if !can_be_root("to have capabilities") {
        return;
    }
    let given = [
        "--groups=5,6",
        "--inh-caps=+setgid,+net_raw",
        "--ambient-caps=+setgid,+net_raw",
    ];
    let found = run_as(by("65534", "65534", &given), &["--user", "nobody"]);
    assert_eq!(found, without_capabilities("65534", "65534", "65534"));
    // Root's capabilities are root's; its groups are those of /etc/group.
    let found = run_as(by("0", "0", &["--groups=5,6"]), &["--user", "root"]);
    let mut expected = without_capabilities("0", "0", "0");
    expected[3..5].clone_from_slice(&found[3..5]);
    assert_eq!(found, expected);
    assert_ne!(found[4], "0".repeat(16));
}

#[test]
fn groups_that_cannot_be_changed_are_kept_or_named() {
    if !can_be_root("to have groups") {
        return;
    }
    let remedy = "drop USER from the image, so that hinit starts as root, or keep the group with \
                  --keep-groups";
    let why = format!(
        "cannot run as `4242`: hinit is also in the group 5, and lacks CAP_SETGID to leave it; \
         {remedy}"
    );
    assert_refused(
        by("4242", "4242", &["--groups=5,4242"]),
        &["--user", "4242"],
        &why,
    );
    for (groups, shown) in [("--groups=4242", "4242"), ("--clear-groups", "")] {
        let found = run_as(by("4242", "4242", &[groups]), &["--user", "4242"]);
        assert_eq!(found, without_capabilities("4242", "4242", shown));
    }
    let kept = by("4242", "4242", &["--groups=5,6"]);
    let found = run_as(kept, &["--user", "4242", "--keep-groups"]);
    assert_eq!(found, without_capabilities("4242", "4242", "5 6"));
}

#[test]
fn keep_groups_keeps_the_engines_groups() {
    if !can_be_root("to become another user") {
        return;
    }
    for (option, variable, shown) in [
        (&["--keep-groups"][..], "", "5 6 4242"),
        (&[], "1", "5 6 4242"),
        (&[], "0", "4242"),
        (&[], "", "4242"),
    ] {
        let start = by("0", "0", &["--groups=5,6"]);
        let start = start.with(|c| {
            c.env("HINIT_KEEP_GROUPS", variable);
        });
        let found = run_as(start, &[&["--user", "4242"], option].concat());
        assert_eq!(
            found,
            without_capabilities("4242", "4242", shown),
            "{option:?} {variable}"
        );
    }
}
