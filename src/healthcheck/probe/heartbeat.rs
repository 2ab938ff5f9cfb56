//! A file that the server touches as long as its work makes progress.

use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;

use crate::file::{self, Kind};
use crate::sys::{self, FileStat};
use crate::verdict::{Finding, HeartbeatFault};

/// How far a file's time may be ahead of this machine's clock: an NFS server stamps its files with its own
/// clock, and that of a virtual machine may be set back.
const MAX_CLOCK_SKEW: Duration = Duration::from_secs(2);

pub(super) fn check(path: &Path, max_age: Duration) -> Finding {
    let age = match file::stat(path) {
        // The wall clock, because file systems use it for the times of files.
        Ok(stat) => match sys::wall_clock() {
            Some(now) => age_of(&stat, now, max_age),
            None => Err(HeartbeatFault::NoClock),
        },
        Err(Errno::ENOENT) => Err(HeartbeatFault::Missing),
        Err(errno) => Err(HeartbeatFault::Unreadable(errno)),
    };
    age.map_or_else(Finding::BadHeartbeat, Finding::FreshHeartbeat)
}

/// The age of a heartbeat that counts. `now` and the file's time are times since 1970.
fn age_of(stat: &FileStat, now: Duration, max_age: Duration) -> Result<Duration, HeartbeatFault> {
    match Kind::of(stat) {
        Kind::Regular => {}
        kind => return Err(HeartbeatFault::NotRegular(kind)),
    }
    let seconds = u64::try_from(stat.st_mtime).unwrap_or_default();
    let nanos = u32::try_from(stat.st_mtime_nsec).unwrap_or_default();
    let touched = Duration::new(seconds, nanos);
    if touched.saturating_sub(now) > MAX_CLOCK_SKEW {
        return Err(HeartbeatFault::InFuture);
    }
    let age = now.saturating_sub(touched);
    if age > max_age {
        return Err(HeartbeatFault::TooOld { age, max_age });
    }
    Ok(age)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_old_a_heartbeat_may_be() {
        let mut stat = sys::no_file();
        (stat.st_mtime, stat.st_mtime_nsec) = (1000, 500_000_000);
        stat.st_mode = 0o100_644;
        let max_age = Duration::from_mins(1);
        let too_old = HeartbeatFault::TooOld {
            age: Duration::from_millis(60_100),
            max_age,
        };
        for (now_millis, expected) in [
            (1_000_500, Ok(Duration::ZERO)),
            (1_060_500, Ok(max_age)),
            (1_060_600, Err(too_old)),
            (1_000_499, Ok(Duration::ZERO)),
            (998_500, Ok(Duration::ZERO)),
            (998_499, Err(HeartbeatFault::InFuture)),
        ] {
            let now = Duration::from_millis(now_millis);
            assert_eq!(age_of(&stat, now, max_age), expected, "{now_millis}");
        }
        stat.st_mode = 0o010_644;
        let fifo = Err(HeartbeatFault::NotRegular(Kind::Fifo));
        assert_eq!(age_of(&stat, max_age, max_age), fifo);
    }
}
