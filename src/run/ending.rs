//! How the server ended, in one line and one exit code.

use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use super::children;
use super::memory::OomKills;
use super::signals::write_name;
use crate::error::exit_code;
use crate::process::Process;

/// A server that ends well within this time and leaves children has gone to the background.
const FIRST_SECONDS: Duration = Duration::from_secs(5);

/// All that is told at the end.
pub(super) struct Ending {
    status: ExitStatus,
    after: Duration,
    oom_kills: u64,
    /// The processes that it left, if it seems to have gone to the background.
    left: Vec<Process>,
}

impl Ending {
    pub(super) fn new(status: ExitStatus, after: Duration, oom_kills: &OomKills) -> Self {
        let may_be_daemon = status.success() && after < FIRST_SECONDS;
        Self {
            status,
            after,
            oom_kills: oom_kills.since(),
            left: if may_be_daemon {
                children::living()
            } else {
                Vec::new()
            },
        }
    }

    pub(super) fn exit_code(&self) -> u8 {
        let code = match self.status.signal() {
            Some(signal) => exit_code::KILLED_BY + signal,
            None => self.status.code().unwrap_or_default(),
        };
        // waitpid gives 8 bits of code, and signals end at 64: it always fits.
        u8::try_from(code).unwrap_or(exit_code::HINIT_FAILED)
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("the server ")?;
        match self.status.signal() {
            Some(signal) => {
                f.write_str("was killed by ")?;
                write_name(f, signal)?;
            }
            None => write!(f, "exited {}", self.status.code().unwrap_or_default())?,
        }
        if self.status.core_dumped() {
            f.write_str(" (core dumped)")?;
        }
        write!(f, " after {}", Rounded(self.after))?;
        if self.oom_kills > 0 {
            write!(
                f,
                "; the cgroup ran out of memory ({} killed)",
                self.oom_kills
            )?;
        }
        if !self.left.is_empty() {
            f.write_str("; most likely it went to the background, for it left")?;
            for (i, process) in self.left.iter().enumerate() {
                let comma = if i == 0 { "" } else { "," };
                write!(f, "{comma} {} (PID {})", process.name, process.pid)?;
            }
            f.write_str(": run it in the foreground (nginx: `daemon off;`)")?;
        }
        Ok(())
    }
}

/// A time for people: `12ms`, `1.2s`, `2m05s`, `3h02m`, `4d05h`.
struct Rounded(Duration);

impl fmt::Display for Rounded {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let (millis, seconds) = (self.0.as_millis(), self.0.as_secs());
        let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
        match seconds {
            0 => write!(f, "{millis}ms"),
            1..60 => write!(f, "{seconds}.{}s", millis / 100 % 10),
            60..3600 => write!(f, "{minutes}m{:02}s", seconds % 60),
            3600..86400 => write!(f, "{hours}h{:02}m", minutes % 60),
            _ => write!(f, "{days}d{:02}h", hours % 24),
        }
    }
}

#[cfg(test)]
mod tests {
    use nix::unistd::Pid;

    use super::*;
    use crate::process::State;

    fn ending(wait_status: i32) -> Ending {
        let after = Duration::from_millis(1234);
        let status = ExitStatus::from_raw(wait_status);
        Ending {
            status,
            after,
            oom_kills: 0,
            left: Vec::new(),
        }
    }

    #[test]
    fn exit_codes_and_lines() {
        for (wait_status, code, line) in [
            (0x0000, 0, "the server exited 0 after 1.2s"),
            (0xff00, 255, "the server exited 255 after 1.2s"),
            (0x000f, 143, "the server was killed by SIGTERM after 1.2s"),
            (
                0x008b,
                139,
                "the server was killed by SIGSEGV (core dumped) after 1.2s",
            ),
            (0x0020, 160, "the server was killed by signal 32 after 1.2s"),
            (0x0022, 162, "the server was killed by SIGRTMIN after 1.2s"),
            (
                0x0023,
                163,
                "the server was killed by SIGRTMIN+1 after 1.2s",
            ),
            (
                0x0040,
                192,
                "the server was killed by SIGRTMIN+30 after 1.2s",
            ),
        ] {
            let ending = ending(wait_status);
            assert_eq!(
                (ending.exit_code(), ending.to_string().as_str()),
                (code, line)
            );
        }
    }

    #[test]
    fn what_else_is_told() {
        let out_of_memory = Ending {
            oom_kills: 2,
            ..ending(9)
        };
        assert_eq!(
            out_of_memory.to_string(),
            "the server was killed by SIGKILL after 1.2s; the cgroup ran out of memory (2 killed)"
        );
        let nginx = |pid| Process {
            pid: Pid::from_raw(pid),
            parent: Pid::from_raw(1),
            name: "nginx".into(),
            state: State::Alive,
            threads: 1,
        };
        let daemon = Ending {
            left: vec![nginx(8), nginx(9)],
            ..ending(0)
        };
        assert_eq!(
            daemon.to_string(),
            "the server exited 0 after 1.2s; most likely it went to the background, for it left \
             nginx (PID 8), nginx (PID 9): run it in the foreground (nginx: `daemon off;`)"
        );
    }

    #[test]
    fn times_for_people() {
        for (millis, text) in [
            (0, "0ms"),
            (999, "999ms"),
            (1000, "1.0s"),
            (59_999, "59.9s"),
            (125_000, "2m05s"),
            (10_920_000, "3h02m"),
            (363_600_000, "4d05h"),
        ] {
            assert_eq!(Rounded(Duration::from_millis(millis)).to_string(), text);
        }
    }
}
