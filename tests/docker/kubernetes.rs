//! docker/kubernetes.yaml: validated against Kubernetes' schema. Docker runs its containers with the options that the
//! file gives them, and the tests probe them as the kubelet does.

use std::thread;
use std::time::{Duration, Instant};

use crate::engine::{eventually, get, report};

mod manifest;

use manifest::{Manifest, is_schema_there, validate, yaml};

/// Returns from the test if kubernetes-validate is missing; fails in CI.
macro_rules! needs_schema {
    () => {
        if !is_schema_there() {
            return;
        }
    };
}

mod inject;

/// The Deployment with probes over HTTP, and that with probes by exec.
const BY_HTTP: &str = "my-server";
const BY_EXEC: &str = "my-server-exec";

#[test]
fn every_document_is_valid() {
    needs_schema!();
    let output = validate(&[yaml()]);
    let valid = output.matches(" passed for resource ").count();
    assert_eq!(valid, 4, "{output}");
}

/// The negative control.
#[test]
fn a_misspelt_field_or_a_wrong_value_is_invalid() {
    needs_schema!();
    let yaml = yaml();
    let mut wrong = Vec::new();
    for (right, wrong_text) in [
        ("readinessProbe:", "readynessProbe:"), // of both Deployments
        ("targetPort:", "targetport:"),         // of both Services
        ("periodSeconds: 10", "periodSeconds: 10s"),
        ("drop: [ALL]", "drop: ALL"),
    ] {
        let positions = yaml.match_indices(right);
        wrong.extend(positions.map(|(at, _)| {
            let (before, rest) = yaml.split_at(at);
            format!("{before}{}", rest.replacen(right, wrong_text, 1))
        }));
    }
    assert_eq!(wrong.len(), 8);
    let output = validate(&wrong);
    let refused = output.matches(" did not validate for resource ").count();
    assert_eq!(refused, wrong.len(), "{output}");
}

#[test]
fn each_service_and_each_deployment_selects_its_pods() {
    needs_schema!();
    let manifest = Manifest::read();
    for name in [BY_HTTP, BY_EXEC] {
        let pods = manifest.get(&format!(
            "Deployment/{name}/spec/template/metadata/labels/app"
        ));
        for selector in [
            format!("Deployment/{name}/spec/selector/matchLabels/app"),
            format!("Service/{name}/spec/selector/app"),
        ] {
            assert_eq!(manifest.get(&selector), pods, "{selector}");
        }
    }
}

#[test]
fn the_termination_grace_period_is_longer_than_a_stop() {
    needs_schema!();
    let manifest = Manifest::read();
    for deployment in [BY_HTTP, BY_EXEC] {
        let pod = manifest.pod(deployment);
        let delay = pod.seconds_of("--stop-delay");
        let kubelets = pod.get("terminationGracePeriodSeconds");
        // A kill may take a second.
        let needed = delay + pod.seconds_of("--grace") + Duration::from_secs(1);
        let kubelets = Duration::from_secs(kubelets.parse().unwrap());
        assert!(needed < kubelets, "{deployment}: {needed:?}, {kubelets:?}");
    }
}

#[test]
fn probes_by_http_follow_the_server_from_its_start_to_its_end() {
    needs_schema!();
    needs_engine!();
    let manifest = Manifest::read();
    let pod = manifest.pod(BY_HTTP);
    let running = pod.run(&pod.command());
    let probe = |probe| running.http_probe(probe);
    let is_well = |name| probe(name).starts_with("200 ");

    eventually("the server answers", || running.serves().then_some(()));
    for name in ["startup", "readiness"] {
        let answer = probe(name);
        assert!(answer.starts_with("503 unhealthy: process "), "{answer}");
        assert!(answer.ends_with(" is not ready yet"), "{answer}");
    }
    assert!(is_well("liveness"));

    running.container.signal("HUP"); // makes the server ready
    eventually("it is ready", || is_well("startup").then_some(()));
    assert!(is_well("readiness") && is_well("liveness"));

    let started = Instant::now();
    thread::scope(|scope| {
        let stop = scope.spawn(|| running.stop());
        let answer = eventually("it is no longer ready", || {
            let answer = probe("readiness");
            (!answer.starts_with("200 ")).then_some(answer)
        });
        assert!(answer.starts_with("503 unhealthy: process "), "{answer}");
        assert!(answer.ends_with(" is about to be stopped"), "{answer}");
        assert!(running.serves() && is_well("liveness"));
        report(&format!("all of that within {:.1?}", started.elapsed()));
        stop.join().unwrap();
    });
    assert!(started.elapsed() >= pod.seconds_of("--stop-delay"));
    assert_eq!(running.container.ended(), 0);
    let logs = running.container.logs();
    assert!(logs.contains("demo-server: stopping\n"), "{logs}");
}

#[test]
fn probes_by_exec_give_the_same_verdicts_without_a_port() {
    needs_schema!();
    needs_engine!();
    let manifest = Manifest::read();
    let pod = manifest.pod(BY_EXEC);
    // Unchanged except for a longer delay, for slow engines. A second TERM ends the delay.
    let delay = pod.option("--stop-delay");
    let arguments = pod.command().into_iter();
    let longer = arguments.map(|argument| if argument == delay { "10m" } else { argument });
    let running = pod.run(&longer.collect::<Vec<_>>());
    let probe = |probe| running.exec_probe(probe);

    eventually("the server answers", || running.serves().then_some(()));
    for name in ["startup", "readiness"] {
        let (code, line) = probe(name);
        assert_eq!(code, 1, "{name}: {line}");
        assert!(line.ends_with(" is not ready yet"), "{line}");
    }
    assert_eq!(probe("liveness").0, 0);
    let port = manifest.pod(BY_HTTP).port("probes");
    assert_eq!(get(&running.address(port), "/readyz"), None);

    running.container.signal("HUP");
    eventually("it is ready", || (probe("startup").0 == 0).then_some(()));
    assert_eq!((probe("readiness").0, probe("liveness").0), (0, 0));

    running.container.signal("TERM");
    let answer = eventually("it is no longer ready", || {
        let answer = probe("readiness");
        (answer.0 != 0).then_some(answer)
    });
    assert!(answer.1.ends_with(" is about to be stopped"), "{answer:?}");
    assert_eq!(probe("liveness"), answer);
    assert!(running.serves());
    running.stop();
    assert_eq!(running.container.ended(), 0);
}
