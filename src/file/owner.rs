//! Which owners of files hinit trusts.

use std::path::Path;

use nix::fcntl::OFlag;

use crate::sys::effective_user;
use crate::text::digits;

/// The UID or GID that the kernel shows for those that a user namespace does not map, unless the system sets another one
/// (`user_namespaces(7)`).
pub(crate) const OVERFLOW_ID: u32 = 65_534;

/// Whether this UID can only be root's or that of hinit's own user.
pub(crate) fn is_trusted(owner: u32) -> bool {
    owner == 0 || owner == effective_user() && !is_ambiguous(owner)
}

/// Whether this UID may stand for many users. In a user namespace every user that the namespace does not map shows as
/// the overflow UID (`user_namespaces(7)`). False without /proc, because then that cannot be known.
#[inline(never)]
pub(crate) fn is_ambiguous(user: u32) -> bool {
    let overflow = read_small("/proc/sys/kernel/overflowuid");
    let overflow = overflow.and_then(|text| digits(text.trim_ascii()));
    u64::from(user) == overflow.unwrap_or(OVERFLOW_ID.into())
        && read_small("/proc/self/uid_map").is_some_and(|map| !covers_all_users(&map))
}

/// Reads a small file of /proc, with one read(2) instead of two.
fn read_small(path: &str) -> Option<String> {
    let file = super::open(Path::new(path), OFlag::O_RDONLY).ok()?;
    let mut bytes = vec![0; 512];
    let length = nix::unistd::read(&file, &mut bytes).ok()?;
    bytes.truncate(length);
    String::from_utf8(bytes).ok()
}

/// Whether a map of users (`INSIDE OUTSIDE LENGTH` on each line) maps all users. False for a map that does so in several
/// lines, which is the safe answer.
fn covers_all_users(map: &str) -> bool {
    map.trim_ascii_end().ends_with(" 4294967295")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_line_of_full_length_covers_all_users() {
        for (map, expected) in [
            ("         0          0 4294967295\n", true),
            ("0 1000 1\n", false),
            ("0 100000 65536\n", false),
            ("0 1000 1\n1 100000 65536\n", false),
            ("0 0 42949672", false),
            ("0 0 2147483647\n2147483647 2147483647 2147483648\n", false),
            ("", false),
        ] {
            assert_eq!(covers_all_users(map), expected, "{map}");
        }
    }

    #[test]
    fn root_and_the_own_user_are_trusted() {
        assert!(is_trusted(0) && is_trusted(effective_user()));
        assert!(!is_trusted(effective_user() + 4242));
    }
}
