//! Whether hinit has the capabilities to run the server as a user. It needs them only for IDs that have to change.

use nix::unistd::{Gid, Uid, getegid, geteuid, getgid, getuid};

use super::{Identity, add_missing};
use crate::error::{self, Change, Error, MissingCapability, Reason, Verb};
use crate::file::OVERFLOW_ID;
use crate::sys;

/// hinit's real and effective IDs, which setresuid(2) allows without a capability, and its supplementary groups.
pub(super) struct OwnCredentials {
    uids: [u32; 2],
    gids: [u32; 2],
    groups: Vec<u32>,
}

impl OwnCredentials {
    pub(super) fn get() -> nix::Result<Self> {
        Ok(Self {
            uids: [getuid(), geteuid()].map(Uid::as_raw),
            gids: [getgid(), getegid()].map(Gid::as_raw),
            groups: sys::groups()?,
        })
    }
}

impl Identity {
    /// Adds hinit's supplementary groups for `--keep-groups`, and sets `is_current`.
    pub(super) fn resolve_groups(&mut self, own: &OwnCredentials, keep: bool) {
        if keep {
            add_missing(&own.groups, &mut self.groups);
        }
        self.is_current = self.first_change(own).is_none();
    }

    fn first_change(&self, own: &OwnCredentials) -> Option<Change> {
        /// The GID of groups that the user namespace does not map (`user_namespaces(7)`). Such a namespace may forbid
        /// setgroups(2), and then hinit cannot leave them.
        const UNMAPPED: u32 = OVERFLOW_ID;
        if !own.uids.contains(&self.uid) {
            return Some(Change::User);
        }
        if !own.gids.contains(&self.gid) {
            return Some(Change::Group);
        }
        let is_in = |gid: &u32, groups: &[u32]| *gid == self.gid || groups.contains(gid);
        let mut surplus = own.groups.iter().filter(|gid| !is_in(gid, &self.groups));
        let mut missing = self.groups.iter().filter(|gid| !is_in(gid, &own.groups));
        let surplus = surplus.find(|gid| **gid != UNMAPPED);
        let surplus = surplus.map(|gid| Change::Leave(*gid));
        surplus.or_else(|| missing.next().map(|gid| Change::Join(*gid)))
    }

    /// Refuses before the launch what the kernel would refuse later: in the child to become another user, and in hinit
    /// to signal that user's processes (capabilities(7)).
    pub(super) fn check_capabilities(
        &self,
        own: &OwnCredentials,
        has_capability: &dyn Fn(u32) -> bool,
    ) -> error::Result<()> {
        const NEEDED: [(u32, &str); 3] = [(6, "CAP_SETGID"), (7, "CAP_SETUID"), (5, "CAP_KILL")];
        let Some(change) = self.first_change(own) else {
            return Ok(());
        };
        let count = if let Change::User = change { 3 } else { 1 };
        let mut needed = NEEDED.into_iter().take(count);
        let Some((_, name)) = needed.find(|(number, _)| !has_capability(*number)) else {
            return Ok(());
        };
        let ([_, own_user], [_, own_group]) = (own.uids, own.gids);
        let missing = MissingCapability {
            user: self.name.clone(),
            name,
            change,
            own_user,
            own_group,
            gid: self.gid,
        };
        let reason = Reason::MissingCapability(Box::new(missing));
        Err(Error::failed(Verb::RunAs, &self.name, reason))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETGID: u32 = 6;
    const ALL: &[u32] = &[5, SETGID, 7];

    /// The check by a hinit with this UID, GID, groups and capabilities, for a user with this UID, GID and groups.
    #[track_caller]
    fn check(
        (own_user, own_group, own_groups): (u32, u32, &[u32]),
        capabilities: &[u32],
        (uid, gid, groups): (u32, u32, &[u32]),
        keep_groups: bool,
    ) -> Result<(), String> {
        let own = OwnCredentials {
            uids: [own_user; 2],
            gids: [own_group; 2],
            groups: own_groups.to_vec(),
        };
        let mut identity = Identity {
            name: "N".into(),
            uid,
            gid,
            groups: [&[gid], groups].concat(),
            is_current: false,
            home: c"/".into(),
            directory: None,
        };
        identity.resolve_groups(&own, keep_groups);
        let checked = identity.check_capabilities(&own, &|one| capabilities.contains(&one));
        checked.map_err(|error| error.to_string())
    }

    #[test]
    fn ids_that_do_not_change_need_no_capability() {
        for (own, wanted, keep_groups) in [
            ((1, 1, &[][..]), (1, 1, &[][..]), false),
            ((1, 1, &[1]), (1, 1, &[]), false),
            ((1, 1, &[10, 1]), (1, 1, &[10]), false),
            // Groups that the user namespace does not map.
            ((0, 0, &[0, 65534, 65534]), (0, 0, &[]), false),
            ((1, 1, &[5]), (1, 1, &[]), true),
            ((1, 1, &[5, 10]), (1, 1, &[10]), true),
        ] {
            assert_eq!(check(own, &[], wanted, keep_groups), Ok(()), "{own:?}");
        }
    }

    #[test]
    fn with_the_capabilities_ids_may_change() {
        for (own, capabilities, wanted) in [
            ((0, 0, &[0][..]), ALL, (1, 1, &[10][..])),
            ((1, 0, &[]), &[SETGID], (1, 1, &[])),
            ((1, 1, &[5]), &[SETGID], (1, 1, &[10])),
        ] {
            assert_eq!(check(own, capabilities, wanted, false), Ok(()), "{own:?}");
        }
    }

    #[test]
    fn a_missing_capability_is_named_with_the_remedy() {
        let drop_user = "drop USER from the image, so that hinit starts as root";
        for (own, capabilities, wanted, keep_groups, why) in [
            (
                (0, 0, &[0][..]),
                &[SETGID, 7][..],
                (1, 1, &[][..]),
                false,
                "hinit lacks CAP_KILL; add it (--cap-add CAP_KILL), or start hinit as that user".into(),
            ),
            (
                (10001, 0, &[]),
                &[SETGID],
                (1, 1, &[]),
                false,
                format!("hinit runs as UID 10001 and lacks CAP_SETUID; {drop_user}, or start hinit as that user (docker run --user, runAsUser)"),
            ),
            (
                (10001, 0, &[0]),
                &[],
                (10001, 10001, &[]),
                false,
                format!("hinit's group is 0, not 10001, and it lacks CAP_SETGID to change that; {drop_user}, or keep the group with --user N:0"),
            ),
            (
                (0, 0, &[0]),
                &[5, 7],
                (0, 7, &[]),
                false,
                "hinit's group is 0, not 7, and it lacks CAP_SETGID to change that; add it (--cap-add CAP_SETGID), or keep the group with --user N:0".into(),
            ),
            (
                (1, 1, &[1, 5]),
                &[],
                (1, 1, &[]),
                false,
                format!("hinit is also in the group 5, and lacks CAP_SETGID to leave it; {drop_user}, or keep the group with --keep-groups"),
            ),
            (
                (1, 1, &[1, 5]),
                &[],
                (1, 1, &[10]),
                true,
                format!("hinit is not in the group 10, and lacks CAP_SETGID to join it; {drop_user}, or leave out the other groups with --user N:1"),
            ),
        ] {
            let expected = Err(format!("cannot run as `N`: {why}"));
            assert_eq!(check(own, capabilities, wanted, keep_groups), expected);
        }
    }
}
