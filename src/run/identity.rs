//! As whom the server runs.

use std::ffi::CString;

use nix::unistd::{
    Gid, Group, Uid, User as Entry, getgrouplist, getresgid, getresuid, setgroups, setresgid,
    setresuid,
};

use crate::cli::User;
use crate::error::Error;
use crate::sys;
use crate::text::digits;

/// A user, as passwd(5) and group(5) have it, where they know it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Identity {
    uid: Uid,
    gid: Gid,
    groups: Vec<Gid>,
    home: CString,
}

impl Identity {
    /// Who that is, and whether hinit may let the server be it.
    pub(super) fn of(user: &User) -> Result<Self, Error> {
        let identity = Self::find(user)?;
        identity.check_capabilities(user)?;
        Ok(identity)
    }

    /// By numbers alone no file is needed: the group of a user that none knows has the user's number.
    fn find(user: &User) -> Result<Self, Error> {
        let fail = |reason: &str| Error::cannot("run as", &user.user, &reason);
        let entry = match number(&user.user) {
            Some(uid) => Entry::from_uid(Uid::from_raw(uid)),
            None => Entry::from_name(&user.user),
        };
        // Without the file nobody is in it.
        let entry = entry.unwrap_or_default();
        let (uid, own_gid) = match (&entry, number(&user.user)) {
            (Some(entry), _) => (entry.uid, entry.gid),
            (None, Some(number)) => (Uid::from_raw(number), Gid::from_raw(number)),
            (None, None) => return Err(fail("there is no such user in /etc/passwd")),
        };
        let gid = match &user.group {
            None => own_gid,
            Some(group) => find_group(group)?,
        };
        let groups = match &entry {
            // Who names a group wants no others.
            Some(entry) if user.group.is_none() => groups_of(entry),
            _ => None,
        };
        let home = entry.map(|entry| entry.dir.into_os_string().into_encoded_bytes());
        Ok(Self {
            uid,
            gid,
            groups: groups.unwrap_or_else(|| vec![gid]),
            home: home
                .and_then(|home| CString::new(home).ok())
                .filter(|home| !home.is_empty())
                .unwrap_or_else(|| c"/".to_owned()),
        })
    }

    fn check_capabilities(&self, user: &User) -> Result<(), Error> {
        /// What it takes to become another, and then still to signal it (capabilities(7)).
        const NEEDED: [(u32, &str); 3] = [(6, "CAP_SETGID"), (7, "CAP_SETUID"), (5, "CAP_KILL")];
        if self.is_own() {
            return Ok(());
        }
        match NEEDED
            .into_iter()
            .find(|(number, _)| !sys::has_capability(*number))
        {
            None => Ok(()),
            Some((_, name)) => {
                let reason = format!("hinit lacks {name}");
                let remedy = format!("add it (--cap-add {name}), or start hinit as that user");
                Err(Error::cannot("run as", &user.user, &reason).remedy(&remedy))
            }
        }
    }

    /// Whether hinit is that user itself, and can be no other.
    fn is_own(&self) -> bool {
        let (uids, gids) = (getresuid(), getresgid());
        uids.is_ok_and(|ids| [ids.real, ids.effective, ids.saved] == [self.uid; 3])
            && gids.is_ok_and(|ids| [ids.real, ids.effective, ids.saved] == [self.gid; 3])
    }

    pub(super) fn uid(&self) -> Uid {
        self.uid
    }

    /// Makes the caller that user, for good.
    pub(super) fn assume(&self) -> nix::Result<()> {
        sys::set_environment(c"HOME", &self.home);
        if self.is_own() {
            return Ok(());
        }
        // In this order, for each takes away what the one before needs.
        setgroups(&self.groups)?;
        setresgid(self.gid, self.gid, self.gid)?;
        setresuid(self.uid, self.uid, self.uid)?;
        // With root go all capabilities; but a hinit that is not root may have been given some that
        // would outlast the exec.
        sys::clear_ambient_capabilities();
        Ok(())
    }
}

fn find_group(group: &str) -> Result<Gid, Error> {
    if let Some(gid) = number(group) {
        return Ok(Gid::from_raw(gid));
    }
    if let Ok(Some(entry)) = Group::from_name(group) {
        return Ok(entry.gid);
    }
    let reason = "there is no such group in /etc/group";
    Err(Error::cannot("run with the group", &group, &reason))
}

fn groups_of(entry: &Entry) -> Option<Vec<Gid>> {
    let name = CString::new(entry.name.as_str()).ok()?;
    getgrouplist(&name, entry.gid).ok()
}

/// All bits set is no id: to setresuid(2) it means "as it is".
fn number(text: &str) -> Option<u32> {
    let id = u32::try_from(digits(text)?).ok();
    id.filter(|id| *id != u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(user: &str, group: Option<&str>) -> Result<Identity, String> {
        let user = User {
            user: user.into(),
            group: group.map(str::to_owned),
        };
        Identity::find(&user).map_err(|error| error.to_string())
    }

    #[test]
    fn users_by_name_or_number() {
        let root = find("root", None).unwrap();
        assert_eq!((root.uid, root.gid), (Uid::from_raw(0), Gid::from_raw(0)));
        assert_eq!(root.home.as_c_str(), c"/root");
        assert_eq!(find("0", None), Ok(root));
        let nobody = |user, group| {
            let found = find(user, group).unwrap();
            (found.uid.as_raw(), found.gid.as_raw(), found.groups)
        };
        let groups = |gid| vec![Gid::from_raw(gid)];
        // No file knows them.
        assert_eq!(nobody("4242", None), (4242, 4242, groups(4242)));
        assert_eq!(nobody("4242", Some("7")), (4242, 7, groups(7)));
        assert_eq!(nobody("0", Some("7")), (0, 7, groups(7)));
        for (user, group, why) in [
            (
                "nobody-there",
                None,
                "cannot run as `nobody-there`: there is no such user in /etc/passwd",
            ),
            (
                "4294967295",
                None,
                "cannot run as `4294967295`: there is no such user in /etc/passwd",
            ),
            (
                "+1",
                None,
                "cannot run as `+1`: there is no such user in /etc/passwd",
            ),
            (
                "0",
                Some("none"),
                "cannot run with the group `none`: there is no such group in /etc/group",
            ),
        ] {
            assert_eq!(find(user, group), Err(why.to_owned()));
        }
    }
}
