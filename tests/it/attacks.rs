//! A server, or whoever else is in the container, that may do little tries to have a hinit that may do all
//! signal, unlink, follow or believe what is not its own. The README's threat model names what is here.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
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

/// The user that the attacks come from.
const ATTACKER: u32 = 4242;

/// A command of the attacker's, who has no group and no capability of anybody else's.
fn by_attacker(program: &str) -> Command {
    let mut command = Command::new("setpriv");
    let (user, group) = (format!("--reuid={ATTACKER}"), format!("--regid={ATTACKER}"));
    command.args([&user, &group, "--clear-groups", program]);
    command
}

/// A directory of the attacker's own in this one, which all may pass through.
fn attackers_directory(dir: &TempDir, name: &str) -> PathBuf {
    fs::set_permissions(dir, Permissions::from_mode(0o755)).unwrap();
    let own = dir.join(name);
    fs::create_dir(&own).unwrap();
    chown(&own, Some(ATTACKER), Some(ATTACKER)).unwrap();
    own
}

fn can_attack() -> bool {
    can_be_root("to be attacked by who is not")
}
