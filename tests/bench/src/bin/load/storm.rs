//! Prints the times when signals arrive, and leaves orphans meanwhile.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write, stdin, stdout};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::{pipe2, write};

use crate::{Result, fork, report_ready_to_orphan, stamp_signals};

/// The interval between two orphans: a little more than a thousand a second.
const INTERVAL: Duration = Duration::from_micros(900);

/// Leaves orphans from a line on standard input to the next one, and then prints how many, as eight bytes.
pub(crate) fn storm() -> Result<()> {
    stamp_signals()?;
    report_ready_to_orphan()?;
    let mut lines = BufReader::new(stdin()).lines();
    while let Some(_start) = lines.next() {
        let (reader, writer) = pipe2(OFlag::O_CLOEXEC)?;
        // The closure owns `writer`, so that the pipe ends when the process that leaves orphans ends.
        let orphans = fork::child(move || {
            let mut next = Instant::now();
            fork::leave_orphans(1, || {
                write(&writer, &[0])?;
                next += INTERVAL;
                sleep(next.saturating_duration_since(Instant::now()));
                Ok(())
            })
        })?;
        let _stop = lines.next();
        kill(orphans, Signal::SIGKILL)?;
        waitpid(orphans, None)?;
        let count = File::from(reader).read_to_end(&mut Vec::new())?;
        stdout().write_all(&(count as u64).to_ne_bytes())?;
        stdout().flush()?;
    }
    Ok(())
}
