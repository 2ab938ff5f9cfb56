//! Rolling updates of docker/kubernetes.yaml, under traffic.

use crate::cluster::Namespace;
use crate::engine::{eventually, report};
use crate::traffic::Traffic;

const BY_HTTP: &str = "my-server";
const BY_EXEC: &str = "my-server-exec";
const REQUESTS: usize = 5_000;

fn started(deployment: &str) -> Namespace {
    let namespace = Namespace::new();
    namespace.apply_example("kubernetes.yaml", deployment);
    namespace.completes(deployment);
    namespace
}

/// Replaces all pods, and waits until the old ones have gone.
fn update(namespace: &Namespace, deployment: &str) {
    let old = namespace.pods(deployment);
    namespace.kubectl(&format!("rollout restart deployment {deployment}"));
    namespace.completes(deployment);
    for pod in old {
        // It may have gone already, which kubectl calls an error.
        eventually("the end of an old pod", || {
            (!namespace.pods(deployment).contains(&pod)).then_some(())
        });
    }
}

fn no_request_fails_in_an_update(deployment: &str) {
    let namespace = started(deployment);
    let traffic = Traffic::start(&namespace, deployment);
    update(&namespace, deployment);
    let (requests, failures) = traffic.end(REQUESTS);
    report(&format!("{} of {requests} requests failed", failures.len()));
    assert_eq!(failures, [""; 0]);
}

#[test]
fn with_probes_by_http_no_request_fails_in_a_rolling_update() {
    no_request_fails_in_an_update(BY_HTTP);
}

#[test]
fn with_probes_by_exec_no_request_fails_in_a_rolling_update() {
    no_request_fails_in_an_update(BY_EXEC);
}

/// The negative control.
#[test]
fn without_a_stop_delay_requests_fail_in_a_rolling_update() {
    let namespace = started(BY_HTTP);
    let field = "/spec/template/spec/containers/0/command";
    let command = r#"["/hinit","--notify","--listen","[::]:9101","--grace","20s","--"]"#;
    let patch = format!(r#"[{{"op":"replace","path":"{field}","value":{command}}}]"#);
    namespace.kubectl(&format!(
        "patch deployment {BY_HTTP} --type json --patch {patch}"
    ));
    namespace.completes(BY_HTTP);
    let traffic = Traffic::start(&namespace, BY_HTTP);
    update(&namespace, BY_HTTP);
    let (requests, failures) = traffic.end(0);
    report(&format!("{} of {requests} requests failed", failures.len()));
    assert!(!failures.is_empty());
}

#[test]
fn an_update_to_a_server_that_never_gets_ready_stops_and_is_rolled_back() {
    let namespace = started(BY_HTTP);
    let good = namespace.pods(BY_HTTP);
    let traffic = Traffic::start(&namespace, BY_HTTP);
    let deadline = r#"{"spec":{"progressDeadlineSeconds":5}}"#;
    namespace.kubectl(&format!("patch deployment {BY_HTTP} --patch {deadline}"));
    namespace.kubectl(&format!(
        "set image deployment {BY_HTTP} {BY_HTTP}=my-server:never"
    ));
    let status = namespace.output(&format!("rollout status deployment {BY_HTTP} --timeout 2m"));
    let stderr = String::from_utf8_lossy(&status.stderr);
    assert!(
        stderr.contains("exceeded its progress deadline"),
        "{stderr}"
    );

    // One pod of the new version runs, and is not ready. All old ones are there.
    let pods = namespace.pods(BY_HTTP);
    assert_eq!(pods.len(), good.len() + 1, "{pods:?}");
    assert!(good.iter().all(|pod| pods.contains(pod)), "{pods:?}");
    let bad = pods.iter().find(|pod| !good.contains(pod)).unwrap();
    assert_eq!(namespace.container(bad, "ready"), "false");
    assert_eq!(namespace.container(bad, "restartCount"), "0");

    namespace.kubectl(&format!("rollout undo deployment {BY_HTTP}"));
    namespace.completes(BY_HTTP);
    let (_, failures) = traffic.end(1_000);
    assert_eq!(failures, [""; 0]);
}
