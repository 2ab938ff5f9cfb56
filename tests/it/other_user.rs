//! Health checks and `status` of a hinit that runs as another user, as with `docker exec -u 0` in
//! an image with a `USER`.

use std::path::PathBuf;
use std::process::Command;

use nix::libc::{SIGKILL, SIGSTOP};

use crate::support::*;

/// The user that hinit runs as, like an image's `USER`; and a user that is neither this one nor
/// root.
pub const USER: u32 = 10001;
const THIRD: u32 = 4242;

pub const OTHER_USER: &str =
    "unhealthy: PID 1 runs as UID 10001: run this as that user, or set HINIT_PID_FILE";

/// hinit as PID 1 of this user.
pub struct Container(Running);

impl Container {
    /// Its user may write these directories of default PID files.
    pub fn start(writable: &str, command: &str) -> Self {
        // hinit and the fixture may themselves be below /tmp.
        let script = format!(
            "mount -t tmpfs none /mnt; chmod 755 /mnt; cp \"$1\" /mnt/hinit; cp \"$2\" /mnt/fixture
            install -d -o {USER} /mnt/own
            for place in /run /tmp /dev/shm; do mount -t tmpfs -o mode=755 none $place; done
            for place in {writable}; do chmod 1777 $place; done; cd /
            exec setpriv --reuid={USER} --regid={USER} --clear-groups {command}"
        );
        let mut command = command_in(Mode::Pid1, "sh");
        command
            .env_remove("HINIT_PID_FILE")
            .args(["-euc", &script, "sh"]);
        command.arg(hinit()).arg(fixture());
        Self(Start::of(Mode::Pid1, command).start())
    }

    /// A container whose server has printed its PID and is recorded.
    pub fn with_server(writable: &str, options: &str) -> (Self, String) {
        let server = "sh -c 'echo $$; exec /mnt/fixture ready'";
        let container = Self::start(writable, &format!("/mnt/hinit {options} {server}"));
        let pid = container.line();
        assert_eq!(container.line(), "ready");
        (container, pid)
    }

    pub fn line(&self) -> String {
        self.0.line()
    }

    pub fn server(&self) -> i32 {
        self.0.server()
    }

    /// A file of the container, by its path there.
    pub fn path(&self, path: &str) -> PathBuf {
        format!("/proc/{}/root{path}", self.0.pid()).into()
    }

    /// The name of a user's default file in a directory for all.
    pub fn name(&self) -> String {
        let link = std::fs::read_link(format!("/proc/{}/ns/mnt", self.0.pid())).unwrap();
        let link = link.display().to_string();
        let inode = link.trim_matches(|c: char| !c.is_ascii_digit());
        format!("hinit-{USER}-{inode}.pid")
    }

    /// `docker exec -u USER CONTAINER hinit WORDS...`
    pub fn exec(&self, user: u32, arguments: &[&str]) -> Ended {
        self.exec_with("", user, arguments)
    }

    /// The same with `HINIT_PID_FILE`.
    pub fn exec_with(&self, pid_file: &str, user: u32, arguments: &[&str]) -> Ended {
        let mut command = Command::new("nsenter");
        command
            .args(["--pid", "--mount", "--target"])
            .arg(self.0.pid().to_string());
        let (uid, gid) = (format!("--reuid={user}"), format!("--regid={user}"));
        command.args(["setpriv", &uid, &gid, "--clear-groups", "/mnt/hinit"]);
        command
            .args(arguments)
            .env("HINIT_PID_FILE", pid_file)
            .env("HINIT_TIMEOUT", "30s");
        Ended::of(&command.output().unwrap())
    }

    /// Waits until this user's health check has this verdict.
    #[track_caller]
    pub fn wait_for_verdict(&self, user: u32, expected: &str) {
        eventually(expected, || (self.verdict(user) == expected).then_some(()));
    }

    /// The verdict of a health check, with which `status` must agree.
    #[track_caller]
    pub fn verdict(&self, user: u32) -> String {
        let check = self.exec(user, &["healthcheck"]);
        let status = self.exec(user, &["status"]);
        let shown = status.stdout.lines().next().unwrap_or_default();
        assert_eq!(
            shown,
            format!("verdict       {}", check.stdout),
            "{status:?}"
        );
        assert_eq!(
            (check.code, status.code),
            (
                i32::from(!check.stdout.starts_with("healthy: ")),
                check.code
            )
        );
        check.stdout
    }
}

pub fn can_be_users() -> bool {
    can_be_root("to be several users")
}

#[test]
fn root_finds_the_default_file_of_pid_1s_user_and_names_the_others() {
    if !can_be_users() {
        return;
    }
    for place in ["/run", "/tmp", "/dev/shm"] {
        let (container, pid) = Container::with_server(place, "");
        let healthy = format!("healthy: process {pid} is alive");
        container.wait_for_verdict(USER, &healthy);
        assert_eq!(container.verdict(0), healthy, "{place}");
        assert_eq!(container.verdict(THIRD), OTHER_USER, "{place}");
        // A check with a given file needs no default.
        let file = match place {
            "/run" => "/run/hinit.pid".to_owned(),
            place => format!("{place}/{}", container.name()),
        };
        for user in [0, THIRD] {
            let ended = container.exec_with(&file, user, &["healthcheck"]);
            assert_eq!(ended.stdout, healthy, "{place} {user}");
        }
        // `hinit signal` sends no signal by another user's file.
        for user in [0, THIRD] {
            for named in ["", &file] {
                let ended = container.exec_with(named, user, &["signal", "KILL"]);
                assert_eq!(
                    (ended.code, ended.stdout.as_str()),
                    (1, ""),
                    "{}",
                    ended.log
                );
            }
        }
        kill(container.server(), SIGSTOP);
        let stopped = format!("unhealthy: process {pid} is suspended");
        eventually("the process is suspended", || {
            let check = container.exec(0, &["healthcheck"]);
            (check.stdout == stopped).then_some(())
        });
        assert_eq!(container.verdict(0), stopped);
    }
}

#[test]
fn root_gets_the_verdict_of_another_users_hinit() {
    if !can_be_users() {
        return;
    }
    let container = Container::start(
        "/tmp",
        "/mnt/hinit --notify /mnt/fixture notifies A=1 READY=1",
    );
    assert_eq!(container.line(), "ready");
    let ready = || container.exec(0, &["healthcheck", "--ready"]).stdout;
    assert!(ready().ends_with(" is not ready yet"), "{}", ready());
    container.0.next_message();
    assert!(ready().starts_with("healthy: process "), "{}", ready());
}

/// The user does not matter here.
#[test]
fn beside_another_init_only_the_missing_file_is_named() {
    if !can_be_users() {
        return;
    }
    let container = Container::start("/tmp", "sh -c 'echo ready; exec sleep 1000'");
    assert_eq!(container.line(), "ready");
    let missing = "unhealthy: PID file /run/hinit.pid does not exist";
    assert_eq!(container.verdict(0), missing);
}

#[test]
fn a_server_that_has_died_is_not_healthy_for_root() {
    if !can_be_users() {
        return;
    }
    let (container, pid) = Container::with_server("/tmp", "");
    let healthy = format!("healthy: process {pid} is alive");
    container.wait_for_verdict(0, &healthy);
    kill(container.0.pid(), SIGSTOP);
    kill(container.server(), SIGKILL);
    let zombie = format!("unhealthy: process {pid} is a zombie");
    container.wait_for_verdict(0, &zombie);
}
