//! The users and groups of /etc/passwd and /etc/group (passwd(5), group(5)).
//!
//! libc's functions do not serve: musl's query a name service daemon first, and drop the last byte of a file that does
//! not end with a newline. A container has no other sources than the files, and crates that read them call libc.

use std::ffi::CString;

use nix::errno::Errno;

use crate::error::{self, Error, Verb};
use crate::file;
use crate::text::digits;

/// The fields of a line of passwd(5) that the server needs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct User<'a> {
    pub(super) name: &'a [u8],
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) home: CString,
}

/// The content of one of the two files. A file that does not exist, as in an image `FROM scratch`, has no users. Any
/// other error than ENOENT is a failure, because the file may have the user.
pub(super) fn read(path: &str) -> error::Result<Vec<u8>> {
    match file::read(path) {
        Err(Errno::ENOENT) => Ok(Vec::new()),
        result => result.map_err(|errno| Error::failed(Verb::LookUpUserIn, path, errno)),
    }
}

/// The first user with that UID or, if `wanted` is not a number, with that name.
pub(super) fn user<'a>(passwd: &'a [u8], wanted: &str) -> Option<User<'a>> {
    let uid = id(wanted.as_bytes());
    passwd.split(|&byte| byte == b'\n').find_map(|line| {
        let user = User {
            name: field(line, 0)?,
            uid: id(field(line, 2)?)?,
            gid: id(field(line, 3)?)?,
            home: file::c_string(field(line, 5)?).ok()?,
        };
        let is_wanted = uid.map_or(user.name == wanted.as_bytes(), |uid| user.uid == uid);
        is_wanted.then_some(user)
    })
}

/// The GID of the first group with that name.
pub(super) fn group(group: &[u8], wanted: &str) -> Option<u32> {
    let mut lines = group.split(|&byte| byte == b'\n');
    lines.find_map(|line| {
        let is_wanted = field(line, 0)? == wanted.as_bytes();
        id(field(line, 2)?).filter(|_| is_wanted)
    })
}

/// The GIDs of the groups that list that user as a member.
pub(super) fn groups_of(group: &[u8], user: &[u8]) -> Vec<u32> {
    let mut groups = Vec::new();
    for line in group.split(|&byte| byte == b'\n') {
        if let Some(gid) = field(line, 2).and_then(id)
            && let Some(members) = field(line, 3)
            && members
                .split(|&byte| byte == b',')
                .any(|member| member == user)
        {
            groups.push(gid);
        }
    }
    groups
}

#[inline(never)]
fn field(line: &[u8], index: usize) -> Option<&[u8]> {
    line.split(|&byte| byte == b':').nth(index)
}

/// A UID or GID. 4294967295 is none: to setresuid(2) it means "leave unchanged".
pub(super) fn id(text: &[u8]) -> Option<u32> {
    let id = u32::try_from(digits(str::from_utf8(text).ok()?)?).ok();
    id.filter(|id| *id != u32::MAX)
}

/// Whatever the two files contain.
#[cfg(any(fuzzing, test))]
pub(crate) fn fuzz(bytes: &[u8]) {
    for wanted in ["root", "1000", "x"] {
        if let Some(user) = user(bytes, wanted) {
            assert!(user.uid != u32::MAX && user.gid != u32::MAX);
            let _groups = groups_of(bytes, user.name);
        }
        assert_ne!(group(bytes, wanted), Some(u32::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As real files have it: text that is not UTF-8, lines for a name service, damaged lines, and no newline at the end.
    const PASSWD: &[u8] = b"root:x:0:0:root:/root:/bin/sh\n# a comment\n+::::::\n\
        short:x:1\nodd:x:4294967295:1::/:\napp:x:1000:50:J\xfcrgen:/srv/app:/bin/sh\n\
        twin:x:1000:51::/twin:\n70:x:7:7::/seven:\nlast:x:9:9::/last";
    const GROUP: &[u8] = b"root:x:0:\nstaff:x:50:app\nwheel:x:10:root,app\nnone:x:99\n\
        bad:x:y:app\nappendix:x:11:apps,an-app\nlast:x:12:last,app";

    #[test]
    fn users() {
        let found = |wanted| {
            user(PASSWD, wanted).map(|user| (user.uid, user.gid, user.home.into_string().unwrap()))
        };
        for (wanted, expected) in [
            ("root", Some((0, 0, "/root"))),
            ("app", Some((1000, 50, "/srv/app"))),
            ("1000", Some((1000, 50, "/srv/app"))),
            ("twin", Some((1000, 51, "/twin"))),
            // A number is never a name.
            ("70", None),
            ("last", Some((9, 9, "/last"))),
            ("short", None),
            ("odd", None),
            ("+", None),
            ("", None),
            ("# a comment", None),
            ("4294967295", None),
        ] {
            let expected = expected.map(|(uid, gid, home)| (uid, gid, home.to_owned()));
            assert_eq!(found(wanted), expected, "{wanted}");
        }
        assert_eq!(user(b"", "root"), None);
    }

    #[test]
    fn groups() {
        for (wanted, gid) in [
            ("staff", Some(50)),
            ("last", Some(12)),
            ("none", Some(99)),
            ("bad", None),
            ("", None),
        ] {
            assert_eq!(group(GROUP, wanted), gid, "{wanted}");
        }
        let of = |user: &[u8]| groups_of(GROUP, user);
        assert_eq!(of(b"app"), [50, 10, 12]);
        assert_eq!(of(b"last"), [12]);
        assert_eq!(of(b"nobody"), []);
    }
}
