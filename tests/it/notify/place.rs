//! Where the notify socket is.

use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use crate::support::*;

fn notify_socket_beside(pid_file: &Path) -> PathBuf {
    PathBuf::from(format!("{}.notify", pid_file.display()))
}

/// A path in one of the default directories, with an unpredictable name.
#[track_caller]
fn assert_elsewhere(socket: &str) {
    let place = ["/run/", "/tmp/", "/dev/shm/"]
        .iter()
        .find_map(|place| socket.strip_prefix(place));
    let name = place.unwrap_or_else(|| panic!("{socket}"));
    assert!(
        name.starts_with("hinit-") && name.ends_with(".notify") && !name.contains('/'),
        "{socket}"
    );
}

const PRINT_SOCKET: &str =
    "echo $NOTIFY_SOCKET; test ! -e $NOTIFY_SOCKET || stat -c '%F %a' $NOTIFY_SOCKET";

in_both_modes!(
    the_socket_is_beside_the_pid_file,
    the_server_gets_an_absolute_path,
    without_a_pid_file_the_socket_is_in_a_default_directory,
    a_path_too_long_for_an_address_is_skipped,
    a_socket_left_by_a_killed_hinit_is_replaced,
    files_of_other_programs_are_left_alone,
    a_server_of_another_user_can_reach_the_socket
);

fn the_socket_is_beside_the_pid_file(mode: Mode) {
    for umask in ["022", "777"] {
        let dir = TempDir::new();
        let pid_file = dir.join("pid");
        let start = Start::by(
            mode,
            &["sh", "-c", "umask $1; shift; exec \"$@\"", "sh", umask],
        );
        let ended = start
            .pid_file(&pid_file)
            .args(["--notify"])
            .script(PRINT_SOCKET)
            .run();
        assert_eq!(
            ended.stdout,
            format!("{}\nsocket 666", notify_socket_beside(&pid_file).display()),
            "{}",
            ended.log
        );
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 0);
    }
}

fn the_server_gets_an_absolute_path(mode: Mode) {
    let dir = TempDir::new();
    let start = Start::new(mode)
        .pid_file("pid")
        .args(["--notify"])
        .with(|command| {
            command.current_dir(&dir);
        });
    let ended = start.script(PRINT_SOCKET).run();
    let path = dir.as_ref().canonicalize().unwrap().join("pid");
    assert_eq!(
        ended.stdout.lines().next(),
        notify_socket_beside(&path).to_str(),
        "{}",
        ended.log
    );
}

fn without_a_pid_file_the_socket_is_in_a_default_directory(mode: Mode) {
    let ended = Start::new(mode)
        .no_pid_file()
        .args(["--notify"])
        .script(PRINT_SOCKET)
        .run();
    let (socket, rest) = ended.stdout.split_once('\n').unwrap();
    assert_elsewhere(socket);
    assert_eq!(rest, "socket 666");
    assert!(!Path::new(socket).exists());
}

// The longest path of a socket's address has 107 bytes (unix(7)).
fn a_path_too_long_for_an_address_is_skipped(mode: Mode) {
    let dir = TempDir::new();
    let room = 107 - ".notify".len() - dir.join("").as_os_str().len();
    for (length, fits) in [(room, true), (room + 1, false)] {
        let pid_file = dir.join("x".repeat(length));
        let ended = Start::with_notify(mode, &pid_file)
            .script(PRINT_SOCKET)
            .run();
        let socket = ended.stdout.lines().next().unwrap();
        if fits {
            assert_eq!(Path::new(socket), notify_socket_beside(&pid_file));
        } else {
            assert_elsewhere(socket);
        }
        assert!(ended.stdout.ends_with("\nsocket 666"), "{}", ended.stdout);
    }
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 0);
}

fn a_socket_left_by_a_killed_hinit_is_replaced(mode: Mode) {
    let dir = TempDir::new();
    let pid_file = dir.join("pid");
    let start = || {
        Start::with_notify(mode, &pid_file)
            .notifies(&["READY=1"])
            .start()
            .ready()
    };
    let hinit = start();
    recorded(&pid_file);
    hinit.kill_with_server();
    assert!(notify_socket_beside(&pid_file).exists());
    let hinit = start();
    recorded(&pid_file);
    hinit.assert_ready(&pid_file);
    assert!(
        notify_socket_beside(&pid_file)
            .metadata()
            .unwrap()
            .file_type()
            .is_socket()
    );
    assert_eq!(hinit.stop().code, 143);
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 0);
}

fn files_of_other_programs_are_left_alone(mode: Mode) {
    let dir = TempDir::new();
    let pid_file = dir.join("pid");
    let socket = notify_socket_beside(&pid_file);
    let put: [&dyn Fn(); 2] = [&|| fs::write(&socket, "another's").unwrap(), &|| {
        std::mem::forget(UnixDatagram::bind(&socket).unwrap());
    }];
    for put in put {
        put();
        let ended = Start::with_notify(mode, &pid_file)
            .script(PRINT_SOCKET)
            .run();
        assert_elsewhere(ended.stdout.lines().next().unwrap());
        fs::remove_file(&socket).unwrap();
    }
}

// A server of another user could not reach a socket beside a PID file that only root can reach.
fn a_server_of_another_user_can_reach_the_socket(mode: Mode) {
    if !can_be_root("to start a server of another user") {
        return;
    }
    let dir = TempDir::new();
    for (permissions, is_beside) in [(0o755, true), (0o700, false)] {
        let closed = dir.join(format!("{permissions:o}"));
        fs::create_dir(&closed).unwrap();
        set_mode(&closed, permissions);
        let (program, pid_file) = (fixture_for_all(&dir), closed.join("pid"));
        let script = format!(
            "echo $NOTIFY_SOCKET; exec {} notifies READY=1",
            program.display()
        );
        let start = Start::new(mode)
            .pid_file(&pid_file)
            .args(["--notify", "--user", "4242"]);
        let hinit = start.script(&script).start();
        let socket = hinit.line();
        let hinit = hinit.ready();
        recorded(&pid_file);
        if is_beside {
            assert_eq!(Path::new(&socket), notify_socket_beside(&pid_file));
        } else {
            assert_elsewhere(&socket);
        }
        hinit.assert_ready(&pid_file);
        assert_eq!(hinit.stop().code, 143);
        assert_eq!(fs::read_dir(&closed).unwrap().count(), 0);
        assert!(!Path::new(&socket).exists());
    }
}

#[test]
fn without_a_writable_directory_the_socket_is_abstract() {
    let script = "mount -t tmpfs none /mnt; cp \"$HINIT\" /mnt/hinit; cp \"$1\" /mnt/fixture
        for place in /run /tmp /dev/shm; do mount -t tmpfs -o ro none $place; done
        /mnt/hinit --notify --no-pid-file -- sh -c 'echo $NOTIFY_SOCKET; exec /mnt/fixture notify \
        READY=1'";
    let ended = in_mount_namespace(script, &[fixture().as_os_str()]);
    ended.assert_code_and_lines(0, 1);
    let name = ended.stdout.strip_prefix('@');
    assert!(name.is_some_and(|name| !name.is_empty()), "{ended:?}");
}
