//! The age of a heartbeat file.

use std::fs;
use std::time::{Duration, SystemTime};

use crate::support::*;

#[test]
fn each_heartbeat() {
    let dir = TempDir::new();
    let path = dir.join("beat");
    let name = path.to_str().unwrap();
    let check_heartbeat = || verdict_of(&check(&["--heartbeat", name, "--max-age", "1m"]));
    assert_eq!(
        check_heartbeat(),
        format!("unhealthy: heartbeat {name} does not exist")
    );
    fs::write(&path, "").unwrap();
    let touch = |age: i64| {
        let now = SystemTime::now();
        let second = Duration::from_secs(age.unsigned_abs());
        let time = if age < 0 { now + second } else { now - second };
        fs::File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_modified(time)
            .unwrap();
    };
    for (age, start) in [
        (0, format!("healthy: heartbeat {name} was touched ")),
        (-1, format!("healthy: heartbeat {name} was touched ")),
        (30, format!("healthy: heartbeat {name} was touched 30.")),
        (90, format!("unhealthy: heartbeat {name} was touched 90.")),
        (
            -60,
            format!("unhealthy: heartbeat {name} was touched in the future"),
        ),
        // After 2038, where a time of 32 bits is one before 1970.
        (
            -1_000_000_000,
            format!("unhealthy: heartbeat {name} was touched in the future"),
        ),
    ] {
        touch(age);
        assert!(
            check_heartbeat().starts_with(&start),
            "{}",
            check_heartbeat()
        );
    }
    for (kind, path) in irregular_files(&dir) {
        let name = path.to_str().unwrap();
        let verdict = verdict_of(&check(&["--heartbeat", name, "--max-age", "1m"]));
        assert_eq!(
            verdict,
            format!("unhealthy: heartbeat {name} is not a regular file ({kind})")
        );
    }
}
