//! Counts real-time signals and compares their values, while orphans die.

use std::io::{BufRead, BufReader, stdin};
use std::mem::{MaybeUninit, size_of};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::thread::sleep;
use std::time::Duration;

use nix::errno::Errno;
use nix::libc::{self, signalfd_siginfo};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::time::{ClockId, clock_gettime};

use crate::{Result, fork, nanoseconds, report_ready_to_orphan};

/// The signal that is counted, and how many send it.
const SIGNAL: i32 = 40;
const SENDERS: usize = 4;

/// The milliseconds without a signal after which no other will arrive.
const MAX_SILENCE: u16 = 1000;

/// Starts to count at a line on standard input. The next line is the number of signals that were sent. When all have
/// arrived, or no more arrive, it prints how many arrived, how many of them were wrong (out of order or without their
/// value), and the time of the last one.
pub(crate) fn count() -> Result<()> {
    let signals = signal_queue()?;
    report_ready_to_orphan()?;
    let mut lines = BufReader::new(stdin()).lines();
    let Some(_start) = lines.next() else {
        return Ok(());
    };
    // Some thousand orphans a second keep the init busy all the time, but not fully.
    let rest = || {
        sleep(Duration::from_millis(2));
        Ok(())
    };
    let orphans = fork::child(|| fork::leave_orphans(10, rest))?;
    println!("started");
    let mut arrivals = Arrivals::default();
    let mut sent = None;
    while sent != Some(arrivals.count) {
        let stdin = stdin();
        let mut ready = [
            PollFd::new(signals.as_fd(), PollFlags::POLLIN),
            PollFd::new(stdin.as_fd(), PollFlags::POLLIN),
        ];
        let timeout = sent.map_or(PollTimeout::NONE, |_| MAX_SILENCE.into());
        if poll(&mut ready, timeout)? == 0 {
            break;
        }
        let [by_signal, by_line] = ready.map(|fd| fd.any().unwrap_or(false));
        if by_signal {
            arrivals.read(signals.as_fd())?;
        } else if by_line {
            match lines.next() {
                Some(line) => sent = Some(line?.parse()?),
                None => break,
            }
        }
    }
    kill(orphans, Signal::SIGKILL)?;
    waitpid(orphans, None)?;
    let Arrivals {
        count, wrong, last, ..
    } = arrivals;
    println!("{count} {wrong} {last}");
    lines.for_each(drop);
    Ok(())
}

#[derive(Default)]
struct Arrivals {
    count: u64,
    wrong: u64,
    last: i64,
    /// The next value of each sender.
    next: [u64; SENDERS],
}

impl Arrivals {
    #[allow(unsafe_code)]
    fn read(&mut self, queue: BorrowedFd) -> Result<()> {
        let mut infos = [const { MaybeUninit::<signalfd_siginfo>::uninit() }; 64];
        // nix reads one signal at a time, and this must not be slower than the init that it measures.
        // SAFETY: the kernel writes whole structures, and at most as many as fit.
        let bytes = unsafe {
            libc::read(
                queue.as_raw_fd(),
                infos.as_mut_ptr().cast(),
                size_of_val(&infos),
            )
        };
        let bytes = usize::try_from(Errno::result(bytes)?)?;
        self.last = nanoseconds(clock_gettime(ClockId::CLOCK_MONOTONIC)?);
        for info in infos.iter().take(bytes / size_of::<signalfd_siginfo>()) {
            // SAFETY: the kernel has written this structure.
            self.take(unsafe { info.assume_init_ref() });
        }
        Ok(())
    }

    fn take(&mut self, info: &signalfd_siginfo) {
        if info.ssi_signo != SIGNAL.cast_unsigned() {
            return;
        }
        self.count += 1;
        // The sender, and the number of signals that it had sent before.
        let (sender, value) = (
            (info.ssi_ptr >> 32) as usize,
            info.ssi_ptr & u64::from(u32::MAX),
        );
        match self.next.get_mut(sender) {
            Some(next) if info.ssi_code == libc::SI_QUEUE => {
                self.wrong += u64::from(value != *next);
                *next = value + 1;
            }
            _ => self.wrong += 1,
        }
    }
}

/// A signalfd of all signals that are sent, including the standard ones, so that none ends this process.
#[allow(unsafe_code)]
fn signal_queue() -> Result<OwnedFd> {
    // nix's sets have no real-time signals.
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: the set is initialised before it is used, and the descriptor is new and has no other owner.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        for signal in [SIGNAL, libc::SIGUSR1, libc::SIGHUP] {
            libc::sigaddset(set.as_mut_ptr(), signal);
        }
        Errno::result(libc::sigprocmask(
            libc::SIG_BLOCK,
            set.as_ptr(),
            std::ptr::null_mut(),
        ))?;
        let fd = Errno::result(libc::signalfd(-1, set.as_ptr(), libc::SFD_CLOEXEC))?;
        Ok(OwnedFd::from_raw_fd(fd))
    }
}
