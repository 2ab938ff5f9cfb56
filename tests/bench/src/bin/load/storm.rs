//! Tells when signals arrived, and leaves orphans meanwhile.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write, stdin, stdout};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::{pipe2, write};

use crate::{Result, fork, say_ready_to_orphan, stamp_signals};

/// From one orphan to the next: some more than a thousand a second.
const EVERY: Duration = Duration::from_micros(900);

/// Leaves orphans from a line on standard input to the next one, and then prints how many, as eight bytes.
pub(crate) fn storm() -> Result<()> {
    stamp_signals()?;
    say_ready_to_orphan()?;
    let mut lines = BufReader::new(stdin()).lines();
    while let Some(_start) = lines.next() {
        let (told, tell) = pipe2(OFlag::O_CLOEXEC)?;
        // `tell` goes with the closure, so that the pipe ends with those who leave orphans.
        let orphans = fork::child(move || {
            let mut next = Instant::now();
            fork::leave_orphans(1, || {
                write(&tell, &[0])?;
                next += EVERY;
                sleep(next.saturating_duration_since(Instant::now()));
                Ok(())
            })
        })?;
        let _stop = lines.next();
        kill(orphans, Signal::SIGKILL)?;
        waitpid(orphans, None)?;
        let count = File::from(told).read_to_end(&mut Vec::new())?;
        stdout().write_all(&(count as u64).to_ne_bytes())?;
        stdout().flush()?;
    }
    Ok(())
}
