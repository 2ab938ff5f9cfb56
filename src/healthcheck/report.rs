//! All that a health check has found, as a line or as JSON.

use std::fmt::{self, Display, Write};

use super::probe::Outcome;
use crate::json::write_object;
use crate::time::millis;
use crate::verdict::{Finding, Verdict, label};

/// The verdict on the PID file, if that is checked, and the outcomes of the probes up to the first that is
/// unhealthy.
pub(super) struct Report<'a> {
    process: Option<Verdict>,
    pub(super) outcomes: Vec<Outcome<'a>>,
}

impl<'a> Report<'a> {
    pub(super) fn new(process: Option<Verdict>) -> Self {
        Self {
            process,
            outcomes: Vec::new(),
        }
    }

    pub(super) fn is_healthy(&self) -> bool {
        self.process.as_ref().is_none_or(Verdict::is_healthy) && self.failed_probe().is_none()
    }

    pub(super) fn failed_probe(&self) -> Option<&Outcome<'a>> {
        self.outcomes.iter().find(|outcome| !outcome.is_healthy())
    }

    /// The first failure; or, if all is healthy, each thing that was checked.
    fn write_reason(&self, f: &mut dyn Write) -> fmt::Result {
        if let Some(outcome) = self.failed_probe() {
            return write!(f, "{outcome}");
        }
        let mut separator = "";
        if let Some(verdict) = &self.process {
            verdict.write_reason(f)?;
            separator = "; ";
        }
        for outcome in &self.outcomes {
            write!(f, "{separator}{outcome}")?;
            separator = "; ";
        }
        Ok(())
    }

    /// One object of at most 4,000 bytes, whatever the texts contain: Docker keeps 4,096.
    pub(super) fn json(&self) -> impl Display {
        fmt::from_fn(|f| self.write_json(f))
    }

    fn write_json(&self, out: &mut dyn Write) -> fmt::Result {
        const MAX_REASON: usize = 400;
        /// The maximum length of the names and results of all probes.
        const MAX_PROBES: usize = 2200;
        let max_text = MAX_PROBES / 2 / self.outcomes.len().max(1);
        let reason = fmt::from_fn(|f| self.write_reason(f));
        let pid = self.process.as_ref().and_then(Verdict::pid);
        write_object(out, |json| {
            json.key("verdict")
                .string(&label(self.is_healthy()), MAX_REASON);
            json.key("reason").string(&reason, MAX_REASON);
            json.key("pid")
                .number(pid.map(|pid| pid.as_raw().unsigned_abs().into()));
            json.key("probes").array(|json| {
                for outcome in &self.outcomes {
                    json.object(|json| {
                        json.key("name").string(&outcome.name, max_text);
                        json.key("result").string(&outcome.finding, max_text);
                        json.key("healthy").boolean(outcome.is_healthy());
                        json.key("milliseconds")
                            .number(Some(millis(outcome.elapsed)));
                    });
                }
            });
        })
    }
}

impl Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}: ", label(self.is_healthy()))?;
        self.write_reason(f)
    }
}

impl Display for Outcome<'_> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let (name, finding) = (&self.name, &self.finding);
        write!(f, "{name} {finding}")?;
        match finding {
            // Reading a file's time takes no time of note, and the text of a timeout contains it.
            Finding::FreshHeartbeat(_)
            | Finding::BadHeartbeat(_)
            | Finding::ConnectTimeout(_)
            | Finding::AnswerTimeout(_) => Ok(()),
            Finding::Tls(fault) if fault.is_timeout() => Ok(()),
            Finding::AcceptsConnections
            | Finding::ExpectedReply
            | Finding::ExpectedStatus(..)
            | Finding::Serving
            | Finding::Unreachable(_)
            | Finding::UntrustedPeer(_)
            | Finding::PeerNotParent(_)
            | Finding::ClosedEarly
            | Finding::ConnectionLost(_)
            | Finding::WrongProtocol(_)
            | Finding::UnexpectedReply(_)
            | Finding::HeadersTooLong
            | Finding::UnexpectedStatus(..)
            | Finding::TextMissing(..)
            | Finding::TextPresent(..)
            | Finding::BodyTooLong(_)
            | Finding::NotServing(_)
            | Finding::GrpcStatus(_)
            | Finding::Refused(..)
            | Finding::Tls(_) => write!(f, " after {}ms", millis(self.elapsed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use nix::errno::Errno;
    use nix::unistd::Pid;

    use super::super::probe::ProbeName;
    use super::*;
    use crate::cli::{Address, Endpoint, Probe, Transport, Written};
    use crate::verdict::HeartbeatFault;

    fn probe(text: &str) -> Written<Probe> {
        Written {
            text: text.into(),
            value: Probe::Tcp(Endpoint {
                address: Address::Tcp(Vec::new()),
                host: String::new(),
                transport: Transport::Plain,
                service: String::new(),
            }),
        }
    }

    fn outcome(probe: &Written<Probe>, finding: Finding) -> Outcome<'_> {
        Outcome {
            name: ProbeName(probe),
            finding,
            elapsed: Duration::from_millis(12),
        }
    }

    #[test]
    fn the_text_of_an_outcome_contains_the_elapsed_time_if_that_says_something() {
        let probe = probe("ADDRESS");
        for (finding, is_healthy, text) in [
            (
                Finding::AcceptsConnections,
                true,
                "tcp ADDRESS accepts connections after 12ms",
            ),
            (
                Finding::ClosedEarly,
                false,
                "tcp ADDRESS closed the connection without a complete answer after 12ms",
            ),
            (
                Finding::UnexpectedStatus(503, String::new()),
                false,
                "tcp ADDRESS answered 503 after 12ms",
            ),
            (
                Finding::FreshHeartbeat(Duration::ZERO),
                true,
                "tcp ADDRESS was touched 0.0s ago",
            ),
            (
                Finding::BadHeartbeat(HeartbeatFault::Missing),
                false,
                "tcp ADDRESS does not exist",
            ),
            (
                Finding::AnswerTimeout(Duration::from_secs(2)),
                false,
                "tcp ADDRESS gave no complete answer within --timeout 2s",
            ),
        ] {
            let outcome = outcome(&probe, finding);
            assert_eq!(
                (outcome.to_string().as_str(), outcome.is_healthy()),
                (text, is_healthy)
            );
        }
    }

    const ALIVE: Option<Verdict> = Some(Verdict::Healthy(Pid::from_raw(7)));

    #[test]
    fn the_line_names_the_first_failure_or_all_that_is_well() {
        let (first, second) = (probe("127.0.0.1:1"), probe("[::1]:1"));
        let ok = || outcome(&first, Finding::ExpectedStatus(200, "OK".into()));
        let refused = || outcome(&second, Finding::Unreachable(Errno::ECONNREFUSED));
        for (process, outcomes, line) in [
            (ALIVE, vec![], "healthy: process 7 is alive"),
            (
                ALIVE,
                vec![ok()],
                "healthy: process 7 is alive; tcp 127.0.0.1:1 answered 200 OK after 12ms",
            ),
            (
                None,
                vec![ok(), ok()],
                "healthy: tcp 127.0.0.1:1 answered 200 OK after 12ms; \
                 tcp 127.0.0.1:1 answered 200 OK after 12ms",
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
        let probe = probe("a\"b");
        let report = Report {
            process: ALIVE,
            outcomes: vec![outcome(
                &probe,
                Finding::UnexpectedStatus(503, "No\n\\".into()),
            )],
        };
        assert_eq!(
            report.json().to_string(),
            "{\"verdict\":\"unhealthy\",\
             \"reason\":\"tcp a\\\"b answered 503 No\\u000a\\\\ after 12ms\",\"pid\":7,\
             \"probes\":[{\"name\":\"tcp a\\\"b\",\"result\":\"answered 503 No\\u000a\\\\\",\
             \"healthy\":false,\"milliseconds\":12}]}"
        );
        assert_eq!(
            Report::new(None).json().to_string(),
            "{\"verdict\":\"healthy\",\"reason\":\"\",\"pid\":null,\"probes\":[]}"
        );
        let late = Verdict::Deadline(Duration::from_millis(900));
        assert_eq!(
            Report::new(Some(late)).json().to_string(),
            "{\"verdict\":\"unhealthy\",\"reason\":\"no verdict within 900ms\",\
             \"pid\":null,\"probes\":[]}"
        );
    }

    #[test]
    fn the_json_is_never_too_long() {
        for text in ["x", "\u{1}", "\"", "ü", "\u{1f600}"] {
            for count in [1, 2, 16] {
                let long = text.repeat(5000);
                let probe = probe(&long);
                let hostile = || Outcome {
                    elapsed: Duration::from_secs(u64::MAX / 1000),
                    ..outcome(&probe, Finding::ExpectedStatus(200, long.clone()))
                };
                let outcomes = (0..count).map(|_| hostile()).collect();
                let report = Report {
                    process: ALIVE,
                    outcomes,
                };
                let json = report.json().to_string();
                assert!(json.len() < 4000, "{count} {text}: {}", json.len());
                // Each string has an end.
                let quotes = json
                    .replace("\\\\", "")
                    .replace("\\\"", "")
                    .matches('"')
                    .count();
                assert!(quotes.is_multiple_of(2) && json.ends_with("]}"), "{json}");
            }
        }
    }
}
