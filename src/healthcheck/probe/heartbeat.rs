//! A file that the server touches as long as it gets on with its work.

use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::stat::FileStat;
use nix::time::{ClockId, clock_gettime};

use crate::file::{self, kind};
use crate::sys::describe;
use crate::time::SecondsAndTenths;
use crate::verdict::Finding;

/// How far a file's time may be ahead of this machine's clock: an NFS server stamps its files with its own
/// clock, and that of a virtual machine may be set back.
const MAX_CLOCK_SKEW: Duration = Duration::from_secs(2);

pub(super) fn look(path: &Path, max_age: Duration) -> Finding {
    let stat = match file::stat(path) {
        Ok(stat) => stat,
        Err(Errno::ENOENT) => return Finding::NoHeartbeat("does not exist".into()),
        Err(errno) => {
            return Finding::NoHeartbeat(format!("cannot be looked at: {}", describe(errno)));
        }
    };
    // The one place where the wall clock counts: it is what file systems go by.
    match clock_gettime(ClockId::CLOCK_REALTIME).map(Duration::try_from) {
        Ok(Ok(now)) => judge(&stat, now, max_age),
        _ => Finding::NoHeartbeat("cannot be compared with the clock".into()),
    }
}

/// `now` and the file's time count from 1970.
fn judge(stat: &FileStat, now: Duration, max_age: Duration) -> Finding {
    if let Some(kind) = kind(stat) {
        return Finding::NoHeartbeat(format!("is not a regular file ({kind})"));
    }
    let seconds = u64::try_from(stat.st_mtime).unwrap_or_default();
    let nanos = u32::try_from(stat.st_mtime_nsec).unwrap_or_default();
    let touched = Duration::new(seconds, nanos);
    if touched.saturating_sub(now) > MAX_CLOCK_SKEW {
        return Finding::NoHeartbeat("was touched in the future".into());
    }
    let age = now.saturating_sub(touched);
    if age > max_age {
        return Finding::NoHeartbeat(format!(
            "was touched {} ago, which is more than {}",
            SecondsAndTenths(age),
            SecondsAndTenths(max_age)
        ));
    }
    Finding::Fresh(age)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_old_a_heartbeat_may_be() {
        let mut stat = nix::sys::stat::stat("/proc/self/stat").unwrap();
        (stat.st_mtime, stat.st_mtime_nsec) = (1000, 500_000_000);
        let max_age = Duration::from_mins(1);
        for (now_millis, finding) in [
            (1_000_500, Finding::Fresh(Duration::ZERO)),
            (1_060_500, Finding::Fresh(max_age)),
            (
                1_060_600,
                Finding::NoHeartbeat("was touched 60.1s ago, which is more than 60.0s".into()),
            ),
            (1_000_499, Finding::Fresh(Duration::ZERO)),
            (998_500, Finding::Fresh(Duration::ZERO)),
            (
                998_499,
                Finding::NoHeartbeat("was touched in the future".into()),
            ),
        ] {
            let now = Duration::from_millis(now_millis);
            assert_eq!(judge(&stat, now, max_age), finding, "{now_millis}");
        }
        stat.st_mode = 0o010_644;
        let fifo = Finding::NoHeartbeat("is not a regular file (FIFO)".into());
        assert_eq!(judge(&stat, max_age, max_age), fifo);
    }
}
