//! Users and groups of the image's /etc/passwd and /etc/group.

use std::fs;

use super::assert_refused;
use crate::support::*;

in_both_modes!(an_unknown_user_is_an_error);

fn an_unknown_user_is_an_error(mode: Mode) {
    for (user, why) in [
        (
            "none",
            "cannot run as `none`: there is no such user in /etc/passwd",
        ),
        (
            "none:0",
            "cannot run as `none`: there is no such user in /etc/passwd",
        ),
        (
            "0:none",
            "cannot run with the group `none`: there is no such group in /etc/group",
        ),
        (
            "4294967295",
            "cannot run as `4294967295`: there is no such user in /etc/passwd",
        ),
        (
            "0:4294967296",
            "cannot run with the group `4294967296`: there is no such group in /etc/group",
        ),
    ] {
        assert_refused(Start::new(mode), &["--user", user], why);
    }
}

/// Runs a script with these users and groups and no others.
fn in_an_image(passwd: &str, group: &str, script: &str) -> Ended {
    let dir = TempDir::new();
    fs::write(dir.join("passwd"), passwd).unwrap();
    fs::write(dir.join("group"), group).unwrap();
    let script = format!(
        "mount --bind \"$1/passwd\" /etc/passwd; mount --bind \"$1/group\" /etc/group; {script}"
    );
    in_mount_namespace(&script, &[dir.as_ref().as_os_str()])
}

#[test]
fn names_and_supplementary_groups_come_from_the_images_files() {
    if !can_be_root("to become another user") {
        return;
    }
    let passwd = "root:x:0:0:root:/root:/bin/sh\n# junk\n\napp:x:1000:1001::/home/app:/bin/sh\n\
        homeless:x:1002:1002:::\nlast:x:1003:1003::/last:/bin/sh";
    let group = "root:x:0:\nten:x:10:app,other\napp:x:1001:\ntwenty:x:20:other,app\nlarge:x:65536:app\n\
        mine:x:30:homeless\n\
        junk\nlast:x:1003:\n";
    let show = "sh -c 'echo $(id -u) $(id -g) $(id -G) $HOME $(pwd)'";
    for (user, shown) in [
        ("app", "1000 1001 1001 10 20 65536 /home/app /"),
        ("1000", "1000 1001 1001 10 20 65536 /home/app /"),
        ("app:ten", "1000 10 10 /home/app /"),
        ("app:10", "1000 10 10 /home/app /"),
        ("app:app", "1000 1001 1001 /home/app /"),
        ("homeless", "1002 1002 1002 30 / /"),
        ("last", "1003 1003 1003 /last /"),
        ("last:last", "1003 1003 1003 /last /"),
        ("5000", "5000 5000 5000 / /"),
        ("root", "0 0 0 /root /"),
    ] {
        let script =
            format!("cd /; HOME=/nowhere \"$HINIT\" -q --no-pid-file --user {user} {show}");
        let ended = in_an_image(passwd, group, &script);
        assert_eq!(
            (ended.stdout.as_str(), ended.log.as_str()),
            (shown, ""),
            "{user}"
        );
    }
}

#[test]
fn numeric_ids_need_no_account_files() {
    if !can_be_root("to become another user") {
        return;
    }
    let script = "mount -t tmpfs none /etc; cd /; for user in 1000 1000:7 65536 1000650000:4294967294 nobody; do \
        \"$HINIT\" -q --no-pid-file --user $user sh -c 'echo $(id -u) $(id -G) $HOME' || echo $?; \
        done";
    let ended = in_mount_namespace(script, &[]);
    assert_eq!(
        ended.stdout,
        "1000 1000 /\n1000 7 /\n65536 65536 /\n1000650000 4294967294 /\n125"
    );
    let line = "hinit: cannot run as `nobody`: there is no such user in /etc/passwd";
    assert_eq!(ended.log, line);
}

/// Otherwise `--user 1234` would run with the group 1234 and not with that of /etc/passwd.
#[test]
fn an_unreadable_account_file_is_an_error() {
    if !can_be_root("to become another user") {
        return;
    }
    for (make, why) in [
        ("mkdir /etc/$file", "Is a directory"),
        ("ln -s $file /etc/$file", "Symbolic link loop"),
        ("ln -s /dev/null/x /etc/$file", "Not a directory"),
        ("echo >/etc/$file; chmod 0 /etc/$file", "Permission denied"),
    ] {
        for file in ["passwd", "group"] {
            for user in ["1234", "1234:7", "root"] {
                let script = format!(
                    "mount -t tmpfs none /etc; file={file}; {make}; exec setpriv \
                     --bounding-set=-dac_override,-dac_read_search \"$HINIT\" --no-pid-file \
                     --user {user} true"
                );
                let ended = in_mount_namespace(&script, &[]);
                let line = format!("hinit: cannot look up the user in `/etc/{file}`: {why}");
                assert_eq!((ended.code, ended.log), (125, line), "{make} {user}");
            }
        }
    }
}
