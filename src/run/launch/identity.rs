//! The user as which the server runs.

use std::ffi::CString;
use std::fmt::Display;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::prctl::set_keepcaps;
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};

mod check;

use super::accounts;
use crate::cli::User;
use crate::error::Error;
use crate::file;
use crate::sys;
use check::Own;

/// A user, as passwd(5) and group(5) have it, where they know it.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::run) struct Identity {
    /// As it was asked for: a name or a number.
    name: String,
    uid: u32,
    gid: u32,
    /// The supplementary groups.
    groups: Vec<u32>,
    /// Whether hinit is that user already, in these groups and in no others.
    is_own: bool,
    home: CString,
    /// The server's directory, if only this user may enter it.
    pub(in crate::run) directory: Option<PathBuf>,
}

impl Identity {
    /// The user of that name or number, if hinit may let the server be it.
    pub(in crate::run) fn of(user: &User, keep_groups: bool) -> Result<Self, Error> {
        let mut identity = Self::find(user)?;
        let own = Own::now()
            .map_err(|errno| Error::cannot("run as", &user.user, &sys::describe(errno)))?;
        identity.settle_groups(&own, keep_groups);
        identity.check_capabilities(&own, &sys::has_capability)?;
        Ok(identity)
    }

    /// By numbers alone no file is needed: the group of a user that none knows has the user's number. But a
    /// file that is there and cannot be read may know that user, with another group.
    fn find(user: &User) -> Result<Self, Error> {
        let (passwd, group) = (
            accounts::read("/etc/passwd")?,
            accounts::read("/etc/group")?,
        );
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
            add_missing(&accounts::groups_of(&group, entry.name), &mut groups);
        }
        let home = entry.map(|entry| entry.home);
        Ok(Self {
            name: user.user.clone(),
            uid,
            gid,
            groups,
            is_own: false,
            home: home
                .filter(|home| !home.is_empty())
                .unwrap_or_else(|| c"/".to_owned()),
            directory: None,
        })
    }

    /// Enters the server's directory, as that user.
    pub(in crate::run) fn enter_directory(&self) -> nix::Result<()> {
        self.directory.as_deref().map_or(Ok(()), file::enter)
    }

    /// Why [`Identity::enter_directory`] failed.
    pub(in crate::run) fn cannot_enter(&self, errno: Errno) -> Error {
        let directory = self.directory.as_deref().unwrap_or(Path::new(""));
        Error::on_path("enter the directory", directory, errno)
    }

    /// Why [`Identity::assume`] failed.
    pub(in crate::run) fn cannot_assume(&self, errno: Errno) -> Error {
        let reason = match errno {
            Errno::EINVAL => "the user namespace does not map that user or group",
            errno => sys::describe(errno),
        };
        Error::cannot("run as", &self.name, &reason)
    }

    /// Why execve(2) said EAGAIN: setresuid(2) leaves it to that call to refuse a user who has more processes
    /// than the limit allows.
    pub(in crate::run) fn too_many_processes(
        &self,
        errno: Errno,
        command: &dyn Display,
    ) -> Option<Error> {
        let (limit, _) = getrlimit(Resource::RLIMIT_NPROC).ok()?;
        if errno != Errno::EAGAIN || limit == RLIM_INFINITY {
            return None;
        }
        let uid = self.uid;
        let reason =
            format!("UID {uid} has more processes than its limit allows (RLIMIT_NPROC is {limit})");
        let remedy = "raise it (--ulimit nproc=N, ulimit -u)";
        Some(Error::cannot("start", command, &reason).remedy(remedy))
    }

    pub(in crate::run) fn uid(&self) -> u32 {
        self.uid
    }

    /// Names the user's home to the server.
    pub(in crate::run) fn set_home(&self) {
        sys::set_environment(c"HOME", &self.home);
    }

    /// Makes the caller that user, for good. Also if hinit is that user already: its groups and its ambient
    /// capabilities may be others than `docker run --user` would give.
    pub(in crate::run) fn assume(&self) -> nix::Result<()> {
        // The user last: with root go the capabilities that the others need.
        sys::set_gids(self.gid)?;
        match sys::set_groups(&self.groups) {
            // Without the capability, or in a user namespace that forbids it.
            Err(Errno::EPERM) if self.is_own => {}
            result => result?,
        }
        // From here to the exec, which takes them away, the child keeps capabilities that it cannot use:
        // the kernel lets nobody who lacks them trace it or look into its memory and descriptors
        // (ptrace(2)). Dumpability alone does not do it: with fs.suid_dumpable=1 setresuid(2) itself sets it.
        // Where securebits forbid this, the default of that setting still hides the child.
        let _forbidden = set_keepcaps(true);
        sys::set_uids(self.uid)?;
        // With root go all capabilities at the exec; but a hinit that is not root may have been given some
        // that would outlast it.
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
        let same = find("0", None).unwrap();
        assert_eq!((same.uid, same.gid, same.home), (0, 0, root.home));
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
