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

use crate::{Result, fork, nanoseconds, say_ready_to_orphan};

/// The signal that is counted, and how many send it.
const SIGNAL: i32 = 40;
const SENDERS: usize = 4;

/// So long after the last one no other will come.
const SILENCE: u16 = 1000;

/// Counts from a line on standard input on. The next one says how many were sent; then, when all have arrived or none
/// comes any more, it prints how many arrived, how many of them not as they were sent, and the time of the last one.
pub(crate) fn count() -> Result<()> {
    let signals = signal_queue()?;
    say_ready_to_orphan()?;
    let mut lines = BufReader::new(stdin()).lines();
    let Some(_start) = lines.next() else {
        return Ok(());
    };
    // Some thousand a second: the init has to attend to them all the time, but not to them alone.
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
        let patience = sent.map_or(PollTimeout::NONE, |_| SILENCE.into());
        if poll(&mut ready, patience)? == 0 {
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
        count, odd, last, ..
    } = arrivals;
    println!("{count} {odd} {last}");
    lines.for_each(drop);
    Ok(())
}

#[derive(Default)]
struct Arrivals {
    count: u64,
    odd: u64,
    last: i64,
    /// The value that comes next from each sender.
    next: [u64; SENDERS],
}

impl Arrivals {
    #[allow(unsafe_code)]
    fn read(&mut self, queue: BorrowedFd) -> Result<()> {
        let mut infos = [const { MaybeUninit::<signalfd_siginfo>::uninit() }; 64];
        // nix reads one at a time, and this must not be slower than what it measures.
        // SAFETY: the kernel writes whole ones, and at most as many as there is room for.
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
            // SAFETY: the kernel has written this one.
            self.take(unsafe { info.assume_init_ref() });
        }
        Ok(())
    }

    fn take(&mut self, info: &signalfd_siginfo) {
        if info.ssi_signo != SIGNAL.cast_unsigned() {
            return;
        }
        self.count += 1;
        // The sender and how many it had sent before.
        let (sender, value) = (
            (info.ssi_ptr >> 32) as usize,
            info.ssi_ptr & u64::from(u32::MAX),
        );
        match self.next.get_mut(sender) {
            Some(next) if info.ssi_code == libc::SI_QUEUE => {
                self.odd += u64::from(value != *next);
                *next = value + 1;
            }
            _ => self.odd += 1,
        }
    }
}

/// Of what is sent, standard signals too: they shall end nobody.
#[allow(unsafe_code)]
fn signal_queue() -> Result<OwnedFd> {
    // nix's sets hold no real-time signals.
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: the set is filled in before it is used, and the descriptor is new and nobody else's.
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
