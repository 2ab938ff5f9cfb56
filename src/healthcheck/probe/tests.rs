use super::*;

#[test]
fn an_outcome_tells_how_long_it_took_but_for_files() {
    let outcome = |finding| Outcome {
        name: "NAME".into(),
        finding,
        after: Duration::from_millis(12),
    };
    for (finding, is_healthy, line) in [
        (
            Finding::Accepts,
            true,
            "NAME accepts connections after 12ms",
        ),
        (
            Finding::Closed,
            false,
            "NAME closed the connection without a complete answer after 12ms",
        ),
        (
            Finding::Unexpected(503, String::new()),
            false,
            "NAME answered 503 after 12ms",
        ),
        (
            Finding::Fresh(Duration::ZERO),
            true,
            "NAME was touched 0.0s ago",
        ),
        (
            Finding::NoHeartbeat("does not exist".into()),
            false,
            "NAME does not exist",
        ),
        (
            Finding::NoAnswer(Duration::from_secs(2)),
            false,
            "NAME gave no complete answer within --timeout 2s",
        ),
    ] {
        let outcome = outcome(finding);
        assert_eq!(
            (outcome.to_string().as_str(), outcome.is_healthy()),
            (line, is_healthy)
        );
    }
}
