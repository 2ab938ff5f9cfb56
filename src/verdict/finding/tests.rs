use super::*;
use crate::file::Kind;

/// Every finding and its text, the healthy ones first. The guide on health checks has the same table, with these words
/// for the values.
pub(crate) fn table() -> Vec<(Finding, &'static str)> {
    let reason = || "REASON".to_owned();
    let mut table = vec![
        (Finding::AcceptsConnections, "accepts connections"),
        (Finding::ExpectedReply, "answered as expected"),
        (
            Finding::ExpectedStatus(299, reason()),
            "answered CODE REASON",
        ),
        (Finding::Serving, "answered SERVING"),
        (
            Finding::FreshHeartbeat(Duration::from_secs(42)),
            "was touched AGE ago",
        ),
        (
            Finding::Unreachable(Errno::EACCES),
            "cannot be reached: WHY",
        ),
        (
            Finding::UntrustedPeer(42),
            "belongs to UID 42, which is not trusted",
        ),
        (
            Finding::PeerNotParent(Pid::from_raw(42)),
            "belongs to process 42, which is not the server's parent",
        ),
        (
            Finding::ConnectTimeout(Duration::from_millis(900)),
            "accepted no connection within --timeout LIMIT",
        ),
        (
            Finding::AnswerTimeout(Duration::from_millis(900)),
            "gave no complete answer within --timeout LIMIT",
        ),
        (
            Finding::ClosedEarly,
            "closed the connection without a complete answer",
        ),
        (
            Finding::ConnectionLost(Errno::EACCES),
            "lost the connection: WHY",
        ),
        (
            Finding::WrongProtocol("PROTOCOL"),
            "sent an answer that is not PROTOCOL",
        ),
        (
            Finding::UnexpectedReply(b"TEXT".to_vec()),
            "answered `TEXT` instead of --reply",
        ),
        (
            Finding::HeadersTooLong,
            "sent more than 16 KiB or 100 fields of headers",
        ),
        (
            Finding::UnexpectedStatus(299, reason()),
            "answered CODE REASON",
        ),
        (
            Finding::TextMissing(299, "TEXT".into()),
            "answered CODE, but the first 64 KiB of the body do not contain `TEXT`",
        ),
        (
            Finding::TextPresent(299, "TEXT".into()),
            "answered CODE, but the body contains `TEXT`",
        ),
        (
            Finding::BodyTooLong(299),
            "answered CODE, but the body is longer than the 64 KiB that `--lacks` can search",
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
        (
            Finding::Refused("HTTP/2", 7),
            "refused the request (HTTP/2 error 7)",
        ),
        (
            Finding::Refused("FastCGI", 2),
            "refused the request (FastCGI error 2)",
        ),
        (
            Finding::BadHeartbeat(HeartbeatFault::Missing),
            "does not exist",
        ),
        (
            Finding::BadHeartbeat(HeartbeatFault::InFuture),
            "was touched in the future",
        ),
    ];
    table.extend(tls_faults());
    table
}

fn tls_faults() -> [(Finding, &'static str); 6] {
    [
        (
            Finding::Tls(TlsFault::Closed),
            "closed the connection during the TLS handshake",
        ),
        (
            Finding::Tls(TlsFault::Timeout(Duration::from_millis(900))),
            "did not complete the TLS handshake within --timeout LIMIT",
        ),
        (
            Finding::Tls(TlsFault::Alert(40)),
            "sent TLS alert 40 (handshake_failure)",
        ),
        (
            Finding::Tls(TlsFault::NothingInCommon),
            "has no TLS version or cipher in common with hinit",
        ),
        (
            Finding::Tls(TlsFault::Violation),
            "sent a message that breaks the TLS protocol",
        ),
        (
            Finding::Tls(TlsFault::NoRandomBytes),
            "was not asked: the kernel gives no random bytes for TLS",
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

#[test]
fn why_a_heartbeat_does_not_count() {
    for (fault, text) in [
        (
            HeartbeatFault::Unreadable(Errno::EACCES),
            "cannot be checked: Permission denied",
        ),
        (
            HeartbeatFault::NotRegular(Kind::Fifo),
            "is not a regular file (FIFO)",
        ),
        (HeartbeatFault::NoClock, "cannot be compared with the clock"),
        (
            HeartbeatFault::TooOld {
                age: Duration::from_millis(60_100),
                max_age: Duration::from_mins(1),
            },
            "was touched 60.1s ago, which is more than 60.0s",
        ),
    ] {
        assert_eq!(fault.to_string(), text);
    }
}
