//! All that a health check has found, as a line or as JSON.

use std::fmt::{self, Write};

use super::probe::Outcome;
use crate::text::Quoted;
use crate::time::millis;
use crate::verdict::{Verdict, word};

/// The verdict on the PID file, if that was asked for, and the probes' outcomes, up to the first that
/// is not well.
pub(super) struct Report {
    pub(super) process: Option<Verdict>,
    pub(super) outcomes: Vec<Outcome>,
}

impl Report {
    pub(super) fn is_healthy(&self) -> bool {
        self.process.as_ref().is_none_or(Verdict::is_healthy)
            && self.outcomes.iter().all(Outcome::is_healthy)
    }

    /// The first thing that is not well, or all that is.
    fn write_reason(&self, f: &mut dyn Write) -> fmt::Result {
        if let Some(outcome) = self.outcomes.iter().find(|outcome| !outcome.is_healthy()) {
            return write!(f, "{outcome}");
        }
        let mut comma = "";
        if let Some(verdict) = &self.process {
            verdict.write_reason(f)?;
            comma = "; ";
        }
        for outcome in &self.outcomes {
            write!(f, "{comma}{outcome}")?;
            comma = "; ";
        }
        Ok(())
    }

    /// One object of at most 4,000 bytes, whatever the texts hold: Docker keeps 4,096.
    pub(super) fn json(&self) -> String {
        const FOR_REASON: usize = 400;
        const FOR_PROBES: usize = 2200;
        let (mut json, mut reason) = (String::new(), String::new());
        // Writing to a String cannot fail.
        let _ok = self.write_reason(&mut reason);
        let (verdict, reason) = (word(self.is_healthy()), Quoted(&reason, FOR_REASON));
        let _ok = write!(json, "{{\"verdict\":\"{verdict}\",\"reason\":{reason},");
        let _ok = match self.process.as_ref().and_then(Verdict::pid) {
            Some(pid) => write!(json, "\"pid\":{pid},\"probes\":["),
            None => write!(json, "\"pid\":null,\"probes\":["),
        };
        let room = FOR_PROBES / 2 / self.outcomes.len().max(1);
        for (at, outcome) in self.outcomes.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            let (name, result) = (&outcome.name, outcome.finding.to_string());
            let (name, result) = (Quoted(name, room), Quoted(&result, room));
            let _ok = write!(json, "{comma}{{\"name\":{name},\"result\":{result},");
            let (healthy, after) = (outcome.is_healthy(), millis(outcome.after));
            let _ok = write!(json, "\"healthy\":{healthy},\"milliseconds\":{after}}}");
        }
        json.push_str("]}\n");
        json
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}: ", word(self.is_healthy()))?;
        self.write_reason(f)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use nix::errno::Errno;
    use nix::unistd::Pid;

    use super::*;
    use crate::verdict::Finding;

    fn outcome(name: &str, finding: Finding) -> Outcome {
        Outcome {
            name: name.into(),
            finding,
            after: Duration::from_millis(12),
        }
    }

    const ALIVE: Option<Verdict> = Some(Verdict::Healthy(Pid::from_raw(7)));

    #[test]
    fn the_line_names_the_first_failure_or_all_that_is_well() {
        let ok = || outcome("http://127.0.0.1/", Finding::Answered(200, "OK".into()));
        let refused = || outcome("tcp [::1]:1", Finding::Unreachable(Errno::ECONNREFUSED));
        for (process, outcomes, line) in [
            (ALIVE, vec![], "healthy: process 7 is alive"),
            (
                ALIVE,
                vec![ok()],
                "healthy: process 7 is alive; http://127.0.0.1/ answered 200 OK after 12ms",
            ),
            (
                None,
                vec![ok(), ok()],
                "healthy: http://127.0.0.1/ answered 200 OK after 12ms; \
                 http://127.0.0.1/ answered 200 OK after 12ms",
            ),
            (
                ALIVE,
                vec![ok(), refused()],
                "unhealthy: tcp [::1]:1 cannot be reached: Connection refused after 12ms",
            ),
            (
                Some(Verdict::Zombie(Pid::from_raw(7))),
                vec![],
                "unhealthy: process 7 is a zombie",
            ),
        ] {
            let report = Report { process, outcomes };
            assert_eq!(report.to_string(), line);
            assert_eq!(report.is_healthy(), line.starts_with("healthy"));
        }
    }

    #[test]
    fn the_json_of_each_case() {
        let report = Report {
            process: ALIVE,
            outcomes: vec![outcome("a\"b", Finding::Unexpected(503, "No\n\\".into()))],
        };
        assert_eq!(
            report.json(),
            "{\"verdict\":\"unhealthy\",\
             \"reason\":\"a\\\"b answered 503 No\\u000a\\\\ after 12ms\",\"pid\":7,\
             \"probes\":[{\"name\":\"a\\\"b\",\"result\":\"answered 503 No\\u000a\\\\\",\
             \"healthy\":false,\"milliseconds\":12}]}\n"
        );
        let report = Report {
            process: None,
            outcomes: vec![],
        };
        assert_eq!(
            report.json(),
            "{\"verdict\":\"healthy\",\"reason\":\"\",\"pid\":null,\"probes\":[]}\n"
        );
    }

    #[test]
    fn the_json_is_never_too_long() {
        for text in ["x", "\u{1}", "\"", "ü", "\u{1f600}"] {
            for count in [1, 2, 16] {
                let long = text.repeat(5000);
                let hostile = || Outcome {
                    after: Duration::from_secs(u64::MAX / 1000),
                    ..outcome(&long, Finding::Answered(200, long.clone()))
                };
                let outcomes = (0..count).map(|_| hostile()).collect();
                let json = Report {
                    process: ALIVE,
                    outcomes,
                }
                .json();
                assert!(json.len() <= 4000, "{count} {text}: {}", json.len());
                // Each string has an end.
                let quotes = json
                    .replace("\\\\", "")
                    .replace("\\\"", "")
                    .matches('"')
                    .count();
                assert!(quotes.is_multiple_of(2) && json.ends_with("]}\n"), "{json}");
            }
        }
    }
}
