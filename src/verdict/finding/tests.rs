use super::*;

/// Every finding and its text, the good ones first. The README has the same table, with these words
/// for the values.
pub(crate) fn table() -> Vec<(Finding, &'static str)> {
    let reason = || "REASON".to_owned();
    let no_heartbeat = |why: &str| Finding::NoHeartbeat(why.into());
    vec![
        (Finding::Accepts, "accepts connections"),
        (Finding::Answered(299, reason()), "answered CODE REASON"),
        (Finding::Serving, "answered SERVING"),
        (
            Finding::Fresh(Duration::from_secs(42)),
            "was touched AGE ago",
        ),
        (
            Finding::Unreachable(Errno::EACCES),
            "cannot be reached: WHY",
        ),
        (
            Finding::Untrusted(42),
            "belongs to UID 42, which is not trusted",
        ),
        (
            Finding::NotParent(Pid::from_raw(42)),
            "is process 42's, not that of the server's parent",
        ),
        (
            Finding::NoConnection(Duration::from_millis(900)),
            "accepted no connection within --timeout LIMIT",
        ),
        (
            Finding::NoAnswer(Duration::from_millis(900)),
            "gave no complete answer within --timeout LIMIT",
        ),
        (
            Finding::Closed,
            "closed the connection without a complete answer",
        ),
        (Finding::BrokeOff(Errno::EACCES), "broke off: WHY"),
        (Finding::IsNot("PROTOCOL"), "sent what is not PROTOCOL"),
        (
            Finding::HeadTooLong,
            "sent a head of more than 16 KiB or 100 fields",
        ),
        (Finding::Unexpected(299, reason()), "answered CODE REASON"),
        (
            Finding::Lacks(299, "TEXT".into()),
            "answered CODE, but without `TEXT` in its first 64 KiB",
        ),
        (Finding::NotServing(2), "answered NOT_SERVING"),
        (Finding::NotServing(3), "answered SERVICE_UNKNOWN"),
        (Finding::NotServing(0), "answered UNKNOWN"),
        (Finding::GrpcStatus(5), "answered gRPC status 5 (NOT_FOUND)"),
        (
            Finding::GrpcStatus(12),
            "answered gRPC status 12 (UNIMPLEMENTED)",
        ),
        (Finding::GrpcStatus(99), "answered gRPC status 99 (unknown)"),
        (Finding::Refused(7), "refused the request (HTTP/2 error 7)"),
        (no_heartbeat("does not exist"), "does not exist"),
        (
            no_heartbeat("was touched in the future"),
            "was touched in the future",
        ),
    ]
}

#[test]
fn every_finding_has_its_text() {
    for (finding, text) in table() {
        let mut expected = text.to_owned();
        for (word, value) in [
            ("CODE", "299"),
            ("AGE", "42.0s"),
            ("LIMIT", "900ms"),
            ("WHY", "Permission denied"),
        ] {
            expected = expected.replace(word, value);
        }
        assert_eq!(finding.to_string(), expected);
    }
}
