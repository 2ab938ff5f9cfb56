//! The user that the server runs as.

use std::ffi::CString;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::prctl::set_keepcaps;
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};

mod check;

use super::accounts;
use crate::cli::User;
use crate::error::{self, Error, Reason, Verb};
use crate::file;
use crate::sys;
use check::OwnCredentials;

/// A user with its groups and home, from passwd(5) and group(5) as far as they list it.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::run) struct Identity {
    /// The name or number that was given to `--user`.
    name: String,
    uid: u32,
    gid: u32,
    /// The supplementary groups.
    groups: Vec<u32>,
    /// Whether hinit has exactly these IDs and groups already.
    is_current: bool,
    home: CString,
    /// The server's directory, if hinit itself may not enter it.
    pub(in crate::run) directory: Option<PathBuf>,
}

impl Identity {
    /// Looks the user up. An error, if hinit lacks a capability to run the server as that user.
    pub(in crate::run) fn new(user: &User, keep_groups: bool) -> error::Result<Self> {
        let mut identity = Self::find(user)?;
        let own =
            OwnCredentials::get().map_err(|errno| Error::failed(Verb::RunAs, &user.user, errno))?;
        identity.resolve_groups(&own, keep_groups);
        identity.check_capabilities(&own, &sys::has_capability)?;
        Ok(identity)
    }

    /// A number needs no file: the GID of a user that is not listed equals its UID. But a file that exists and cannot
    /// be read is an error, because it may list that user with another group.
    fn find(user: &User) -> error::Result<Self> {
        let (passwd, group) = (
            accounts::read("/etc/passwd")?,
            accounts::read("/etc/group")?,
        );
        let entry = accounts::user(&passwd, &user.user);
        let (uid, own_gid) = match (&entry, accounts::id(user.user.as_bytes())) {
            (Some(entry), _) => (entry.uid, entry.gid),
            (None, Some(number)) => (number, number),
            (None, None) => {
                return Err(Error::failed(Verb::RunAs, &user.user, Reason::NoSuchUser));
            }
        };
        let gid = match &user.group {
            None => own_gid,
            Some(wanted) => find_group(&group, wanted)?,
        };
        let mut groups = vec![gid];
        // With an explicit group the server gets no other groups.
        if let (Some(entry), None) = (&entry, &user.group) {
            add_missing(&accounts::groups_of(&group, entry.name), &mut groups);
        }
        let home = entry.map(|entry| entry.home);
        Ok(Self {
            name: user.user.clone(),
            uid,
            gid,
            groups,
            is_current: false,
            home: home
                .filter(|home| !home.is_empty())
                .unwrap_or_else(|| c"/".to_owned()),
            directory: None,
        })
    }

    /// Enters [`directory`](Self::directory), after [`Self::assume`].
    pub(in crate::run) fn enter_directory(&self) -> nix::Result<()> {
        self.directory.as_deref().map_or(Ok(()), file::enter)
    }

    /// Why [`Identity::enter_directory`] failed.
    pub(in crate::run) fn cannot_enter(&self, errno: Errno) -> Box<Error> {
        let directory = self.directory.as_deref().unwrap_or(Path::new(""));
        Error::failed(Verb::EnterDirectory, directory, errno)
    }

    /// Why [`Identity::assume`] failed.
    pub(in crate::run) fn cannot_assume(&self, errno: Errno) -> Box<Error> {
        let reason = match errno {
            Errno::EINVAL => Reason::NotMapped,
            errno => errno.into(),
        };
        Error::failed(Verb::RunAs, &self.name, reason)
    }

    /// The reason for EAGAIN of execve(2): since Linux 3.1 that call, not setresuid(2), refuses a user that has more
    /// processes than the limit allows.
    pub(in crate::run) fn too_many_processes(&self, errno: Errno) -> Option<Reason> {
        let (limit, _) = getrlimit(Resource::RLIMIT_NPROC).ok()?;
        if errno != Errno::EAGAIN || limit == RLIM_INFINITY {
            return None;
        }
        let uid = self.uid;
        Some(Reason::ProcessLimitOfUser { uid, limit })
    }

    pub(in crate::run) fn uid(&self) -> u32 {
        self.uid
    }

    /// Sets HOME in the server's environment.
    pub(in crate::run) fn set_home(&self) {
        sys::set_environment(c"HOME", &self.home);
    }

    /// Makes the calling process that user, permanently. Also if hinit is that user already, because its groups and
    /// ambient capabilities may differ from those that `docker run --user` would give.
    pub(in crate::run) fn assume(&self) -> nix::Result<()> {
        // The user last: the change from root drops the capabilities that the other calls need.
        sys::set_gids(self.gid)?;
        match sys::set_groups(&self.groups) {
            // Without the capability, or in a user namespace that forbids it.
            Err(Errno::EPERM) if self.is_current => {}
            result => result?,
        }
        // Until the exec, which drops them, the child keeps permitted capabilities: a process that lacks them cannot
        // trace it or read its memory and descriptors (ptrace(2)). Clearing the dumpable flag is not enough, because
        // with fs.suid_dumpable=1 setresuid(2) sets it. Where securebits forbid this call, the default of
        // fs.suid_dumpable still protects the child.
        let _ignored = set_keepcaps(true);
        sys::set_uids(self.uid)?;
        // After a change from root the exec drops all capabilities; but a hinit that is not root may have ambient ones,
        // which an exec keeps.
        sys::clear_ambient_capabilities()
    }
}

fn add_missing(others: &[u32], groups: &mut Vec<u32>) {
    for gid in others {
        if !groups.contains(gid) {
            groups.push(*gid);
        }
    }
}

fn find_group(file: &[u8], group: &str) -> error::Result<u32> {
    let gid = accounts::id(group.as_bytes()).or_else(|| accounts::group(file, group));
    gid.ok_or_else(|| Error::failed(Verb::RunWithGroup, group, Reason::NoSuchGroup))
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
        let same = find("0", None).unwrap();
        assert_eq!((same.uid, same.gid, same.home), (0, 0, root.home));
        let numbers = |user, group| {
            let found = find(user, group).unwrap();
            (found.uid, found.gid, found.groups)
        };
        let groups = |gid| vec![gid];
        // No file lists them.
        assert_eq!(numbers("4242", None), (4242, 4242, groups(4242)));
        assert_eq!(numbers("4242", Some("7")), (4242, 7, groups(7)));
        assert_eq!(numbers("0", Some("7")), (0, 7, groups(7)));
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
