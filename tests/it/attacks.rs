//! An unprivileged process in the container, such as the server, tries to make a privileged hinit
//! signal, unlink, follow or trust what is not its own. The README's threat model names these
//! tests.

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::libc::SIGTERM;

use crate::support::*;

mod default_files;
mod locks;
mod messages;
mod paths;
mod processes;
mod races;

/// The user of the attacker.
const ATTACKER: u32 = 4242;

/// A command of the attacker, which has no other group and no capability.
fn by_attacker(program: &str) -> Command {
    let mut command = Command::new("setpriv");
    let (user, group) = (format!("--reuid={ATTACKER}"), format!("--regid={ATTACKER}"));
    command.args([&user, &group, "--clear-groups", program]);
    command
}

/// A directory of the attacker in this one, which all users may traverse.
fn attackers_directory(dir: &TempDir, name: &str) -> PathBuf {
    set_mode(dir, 0o755);
    let own = dir.join(name);
    fs::create_dir(&own).unwrap();
    chown(&own, Some(ATTACKER), Some(ATTACKER)).unwrap();
    own
}

fn can_attack() -> bool {
    can_be_root("to be attacked by another user")
}
