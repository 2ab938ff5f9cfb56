//! Everything at once for a while: orphans, signals, health checks, starts and stops. Nothing may
//! grow. `tests/soak SECONDS` runs it for longer.

use std::fs;
use std::time::{Duration, Instant};

use nix::libc::{SIGTERM, SIGURG};

use crate::support::*;

/// How long each life of a hinit lasts, in rounds of a signal and a health check.
const ROUNDS: usize = 200;

fn duration() -> Duration {
    let seconds = std::env::var("HINIT_SOAK_SECONDS").map(|text| text.parse().unwrap());
    Duration::from_secs(seconds.unwrap_or(1))
}

/// What may not grow: descriptors, and memory in KB. hinit is at work meanwhile, and now and then
/// has a file open for a moment: so the least of many looks.
fn holdings(pid: i32) -> (usize, u64) {
    let descriptors = || fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count();
    let resident = status_of(pid, "RssAnon").unwrap();
    let resident = resident.trim_end_matches(" kB").trim().parse().unwrap();
    ((0..100).map(|_| descriptors()).min().unwrap(), resident)
}

in_both_modes! {
    fn nothing_grows(mode: Mode) {
        let dir = TempDir::new();
        let path = dir.join("pid");
        let start = Instant::now();
        while start.elapsed() < duration() {
            // SIGURG does nothing to a server that does not ask for it.
            let hinit = Start::new(mode).args(["-v"]).pid_file(&path).fixture(["churn"]).start().ready();
            let pid = hinit.pid();
            let server = recorded(&path);
            // In the first half everything happens that ever will; the second may add nothing.
            let live_on = || {
                for _ in 0..ROUNDS / 2 {
                    hinit.signal(SIGURG);
                    assert_eq!(hinit.verdict(&path), format!("healthy: process {server} is alive"));
                }
            };
            live_on();
            let (descriptors, memory) = holdings(pid);
            live_on();
            // It may be kept from its work just when it has a file open.
            eventually("it holds no more than before", || {
                let now = holdings(pid);
                (now.0 <= descriptors && now.1 <= memory).then_some(())
            });
            hinit.signal(SIGTERM);
            let ended = hinit.end();
            assert_eq!(ended.code, 143);
            assert!(ended.log.contains("hinit: reaped orphan"), "no orphan was reaped");
            assert!(!path.exists());
        }
    }
}
