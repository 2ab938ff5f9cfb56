//! The capability that hinit lacks to run the server as a user.

use std::fmt::{self, Display, Write};

/// The capability that hinit lacks to become the user.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct MissingCapability {
    /// The value of `--user`.
    pub(crate) user: String,
    pub(crate) name: &'static str,
    /// The change that needs it.
    pub(crate) change: Change,
    /// hinit's own UID and GID.
    pub(crate) own_user: u32,
    pub(crate) own_group: u32,
    /// The user's group.
    pub(crate) gid: u32,
}

/// What has to change for hinit to become a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    User,
    Group,
    /// A supplementary group of hinit's that the user is not in.
    Leave(u32),
    /// A supplementary group of the user's that hinit is not in.
    Join(u32),
}

impl Display for MissingCapability {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self {
            name,
            own_user,
            own_group,
            gid,
            change,
            ..
        } = self;
        match change {
            Change::User if *own_user == 0 => write!(f, "hinit lacks {name}"),
            Change::User => write!(f, "hinit runs as UID {own_user} and lacks {name}"),
            Change::Group => write!(
                f,
                "hinit's group is {own_group}, not {gid}, and it lacks {name} to change that"
            ),
            Change::Leave(group) => write!(
                f,
                "hinit is also in the group {group}, and lacks {name} to leave it"
            ),
            Change::Join(group) => write!(
                f,
                "hinit is not in the group {group}, and lacks {name} to join it"
            ),
        }
    }
}

impl MissingCapability {
    pub(super) fn write_remedy(&self, text: &mut String) -> fmt::Result {
        let Self {
            user,
            name,
            own_user,
            own_group,
            gid,
            change,
        } = self;
        let is_root = *own_user == 0;
        // Engines give a user other than root no capabilities, whatever --cap-add says.
        if is_root {
            write!(text, "add it (--cap-add {name}), or ")?;
        } else {
            text.push_str("drop USER from the image, so that hinit starts as root, or ");
        }
        text.push_str(match change {
            Change::User if is_root => "start hinit as that user",
            Change::User => "start hinit as that user (docker run --user, runAsUser)",
            Change::Group => return write!(text, "keep the group with --user {user}:{own_group}"),
            Change::Leave(_) => "keep the group with --keep-groups",
            Change::Join(_) => {
                return write!(text, "leave out the other groups with --user {user}:{gid}");
            }
        });
        Ok(())
    }
}
