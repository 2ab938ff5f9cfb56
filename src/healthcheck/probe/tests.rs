use super::*;
use crate::cli::Endpoint;
use crate::verdict::HeartbeatFault;

#[test]
fn the_line_of_a_connection_names_the_elapsed_time() {
    let probe = Probe::Grpc(Endpoint {
        text: "ADDRESS".into(),
        host: String::new(),
        address: Address::Tcp(Vec::new()),
        service: String::new(),
    });
    let outcome = |finding| Outcome {
        name: ProbeName(&probe),
        finding,
        elapsed: Duration::from_millis(12),
    };
    for (finding, is_healthy, line) in [
        (
            Finding::AcceptsConnections,
            true,
            "grpc ADDRESS accepts connections after 12ms",
        ),
        (
            Finding::ClosedEarly,
            false,
            "grpc ADDRESS closed the connection without a complete answer after 12ms",
        ),
        (
            Finding::UnexpectedStatus(503, String::new()),
            false,
            "grpc ADDRESS answered 503 after 12ms",
        ),
        (
            Finding::FreshHeartbeat(Duration::ZERO),
            true,
            "grpc ADDRESS was touched 0.0s ago",
        ),
        (
            Finding::BadHeartbeat(HeartbeatFault::Missing),
            false,
            "grpc ADDRESS does not exist",
        ),
        (
            Finding::AnswerTimeout(Duration::from_secs(2)),
            false,
            "grpc ADDRESS gave no complete answer within --timeout 2s",
        ),
    ] {
        let outcome = outcome(finding);
        assert_eq!(
            (outcome.to_string().as_str(), outcome.is_healthy()),
            (line, is_healthy)
        );
    }
}
