//! As whom the server runs.

use std::ffi::CString;

use nix::unistd::{Gid, Uid, getresgid, getresuid};

use super::accounts;
use crate::cli::User;
use crate::error::Error;
use crate::sys;

/// A user, as passwd(5) and group(5) have it, where they know it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Identity {
    uid: u32,
    gid: u32,
    groups: Vec<u32>,
    home: CString,
}

impl Identity {
    /// Who that is, and whether hinit may let the server be it.
    pub(super) fn of(user: &User) -> Result<Self, Error> {
        let identity = Self::find(user)?;
        identity.check_capabilities(user)?;
        Ok(identity)
    }

    /// By numbers alone no file is needed: the group of a user that none knows has the user's number. But a
    /// file that is there and cannot be read may know that user, with another group.
    fn find(user: &User) -> Result<Self, Error> {
        let passwd = accounts::read("/etc/passwd")?;
        let group = accounts::read("/etc/group")?;
        let entry = accounts::user(&passwd, &user.user);
        let (uid, own_gid) = match (&entry, accounts::id(user.user.as_bytes())) {
            (Some(entry), _) => (entry.uid, entry.gid),
            (None, Some(number)) => (number, number),
            (None, None) => {
                let reason = "there is no such user in /etc/passwd";
                return Err(Error::cannot("run as", &user.user, &reason));
            }
        };
        let gid = match &user.group {
            None => own_gid,
            Some(wanted) => find_group(&group, wanted)?,
        };
        let mut groups = vec![gid];
        // Who names a group wants no others.
        if let (Some(entry), None) = (&entry, &user.group) {
            let others = accounts::groups_of(&group, entry.name);
            groups.extend(others.filter(|other| *other != gid));
        }
        let home = entry.map(|entry| entry.home);
        Ok(Self {
            uid,
            gid,
            groups,
            home: home
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
        let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
        let (uids, gids) = (getresuid(), getresgid());
        uids.is_ok_and(|ids| [ids.real, ids.effective, ids.saved] == [uid; 3])
            && gids.is_ok_and(|ids| [ids.real, ids.effective, ids.saved] == [gid; 3])
    }

    pub(super) fn uid(&self) -> u32 {
        self.uid
    }

    /// Names the user's home to the server.
    pub(super) fn set_home(&self) -> Result<(), Error> {
        sys::set_environment(c"HOME", &self.home)
            .map_err(|errno| Error::cannot("set", &"HOME", &sys::describe(errno)))
    }

    /// Makes the caller that user, for good.
    pub(super) fn assume(&self) -> nix::Result<()> {
        if self.is_own() {
            return Ok(());
        }
        // In this order, for each takes away what the one before needs.
        sys::set_groups(&self.groups)?;
        sys::set_gids(self.gid)?;
        sys::set_uids(self.uid)?;
        // With root go all capabilities; but a hinit that is not root may have been given some that
        // would outlast the exec.
        sys::clear_ambient_capabilities();
        Ok(())
    }
}

fn find_group(file: &[u8], group: &str) -> Result<u32, Error> {
    let gid = accounts::id(group.as_bytes()).or_else(|| accounts::group(file, group));
    gid.ok_or_else(|| {
        let reason = "there is no such group in /etc/group";
        Error::cannot("run with the group", &group, &reason)
    })
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
        assert_eq!((root.uid, root.gid), (0, 0));
        assert_eq!(root.home.as_c_str(), c"/root");
        assert_eq!(find("0", None), Ok(root));
        let nobody = |user, group| {
            let found = find(user, group).unwrap();
            (found.uid, found.gid, found.groups)
        };
        let groups = |gid| vec![gid];
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
