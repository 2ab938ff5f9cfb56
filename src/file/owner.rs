//! Whose files can be trusted.

use std::path::Path;

use nix::fcntl::OFlag;

use crate::sys::effective_user;

/// Whether only root or the caller's own user can be behind this UID.
pub(crate) fn is_trusted(owner: u32) -> bool {
    owner == 0 || owner == effective_user() && !is_ambiguous(owner)
}

/// Whether this UID may stand for many users. In a user namespace every user that has no number there
/// shows as the overflow UID (`user_namespaces(7)`). Without /proc there is no way to know: then it does not.
#[inline(never)]
pub(crate) fn is_ambiguous(user: u32) -> bool {
    const USUAL: u32 = 65_534;
    let overflow = read_small("/proc/sys/kernel/overflowuid");
    let overflow = overflow.and_then(|text| text.trim_ascii().parse().ok());
    user == overflow.unwrap_or(USUAL)
        && read_small("/proc/self/uid_map").is_some_and(|map| !covers_all_users(&map))
}

/// A small file of /proc, with one call less than a reader that looks for its end.
fn read_small(path: &str) -> Option<String> {
    let file = super::open(Path::new(path), OFlag::O_RDONLY).ok()?;
    // A map that is longer is cut off, and then covers less: the careful answer.
    let mut bytes = [0; 4096];
    let length = nix::unistd::read(&file, &mut bytes).ok()?;
    let text = str::from_utf8(bytes.get(..length)?).ok()?;
    Some(text.to_owned())
}

/// Whether a map of users has a number for each of them: `INSIDE OUTSIDE LENGTH` on each line.
fn covers_all_users(map: &str) -> bool {
    let lengths = map
        .split_ascii_whitespace()
        .skip(2)
        .step_by(3)
        .map(|length| length.parse().unwrap_or(0));
    lengths.fold(0, u64::saturating_add) >= u64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_maps_cover_all_users() {
        for (map, expected) in [
            ("         0          0 4294967295\n", true),
            ("0 1000 1\n1 0 1000\n1001 1001 4294966294\n", true),
            ("0 1000 1\n", false),
            ("0 100000 65536\n", false),
            ("0 1000 1\n1 100000 65536\n", false),
            ("0 0 42949672", false),
            ("", false),
        ] {
            assert_eq!(covers_all_users(map), expected, "{map}");
        }
    }

    #[test]
    fn whose_files_are_trusted() {
        assert!(is_trusted(0) && is_trusted(effective_user()));
        assert!(!is_trusted(effective_user() + 4242));
    }
}
