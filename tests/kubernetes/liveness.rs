//! The kubelet restarts servers that only a restart helps, and its user sees why.

use crate::cluster::{Namespace, last_line_of_hinit};
use crate::engine::eventually;

/// Stops the server of a pod of an example, waits for the restart, and returns the log of the stopped container.
fn stopped_server_is_restarted(namespace: &Namespace, deployment: &str) -> (String, String) {
    namespace.apply_example("kubernetes.yaml", deployment);
    namespace.completes(deployment);
    let pod = namespace.pods(deployment).swap_remove(0);
    namespace.kubectl(&format!("exec {pod} -- /demo-server kill SIGSTOP"));
    namespace.is_restarted(&pod);
    namespace.waits("condition=Ready", &pod);
    let log = namespace.kubectl(&format!("logs --previous {pod}"));
    (pod, log)
}

/// The last line of the log says what was wrong, and that the container was stopped for it.
fn assert_says_why(log: &str, fault: &str) {
    let last = last_line_of_hinit(log);
    let line = "hinit: SIGTERM from outside the container; unhealthy: ";
    let rest = last.strip_prefix(line).unwrap_or_default();
    let (why, end) = rest.split_once("; ").unwrap_or_default();
    assert!(
        why.contains(fault) && end.starts_with("the server ended "),
        "{log}"
    );
}

#[test]
fn a_stopped_server_is_restarted_by_probes_by_http() {
    let namespace = Namespace::new();
    let (pod, log) = stopped_server_is_restarted(&namespace, "my-server");
    assert_says_why(&log, " is suspended");
    let failed = "Liveness probe failed: HTTP probe failed with statuscode: 503";
    namespace.has_event(&pod, failed, "");
}

/// No port is open for a probe, so nothing else finds it.
#[test]
fn a_stopped_server_is_restarted_by_probes_by_exec_with_the_verdict_in_the_events() {
    let namespace = Namespace::new();
    let (pod, log) = stopped_server_is_restarted(&namespace, "my-server-exec");
    assert_says_why(&log, " is suspended");
    let verdict = "Liveness probe failed: unhealthy: process ";
    namespace.has_event(&pod, verdict, " is suspended");
}

fn pod(name: &str, policy: &str, container: &str) -> String {
    format!(
        "apiVersion: v1\n\
         kind: Pod\n\
         metadata: {{name: {name}, labels: {{app: {name}}}}}\n\
         spec:\n\
         \x20 restartPolicy: {policy}\n\
         \x20 containers:\n\
         \x20 - name: server\n\
         \x20   image: fixture:1\n\
         \x20   terminationMessagePolicy: FallbackToLogsOnError\n{container}"
    )
}

const WATCHDOG: &str = r#"
    command: ["/hinit", "--watchdog", "1s", "--"]
    args: ["/fixture", "notifies", "READY=1"]
    livenessProbe:
      exec: {command: ["/hinit", "healthcheck"]}
      periodSeconds: 1
      timeoutSeconds: 5
      failureThreshold: 1
"#;

#[test]
fn a_server_whose_watchdog_is_late_is_restarted_with_the_verdict_in_the_events() {
    let namespace = Namespace::new();
    namespace.apply(&pod("late", "Always", WATCHDOG));
    namespace.is_restarted("pod/late");
    let verdict = "Liveness probe failed: unhealthy: no sign of life for ";
    namespace.has_event("late", verdict, "s (watchdog 1s)");
    let log = namespace.kubectl("logs --previous late");
    assert_says_why(&log, "no sign of life for ");
}

/// The negative control.
#[test]
fn the_same_server_without_a_watchdog_is_not_restarted() {
    let namespace = Namespace::new();
    let without = WATCHDOG.replace(r#""--watchdog", "1s""#, r#""--notify""#);
    assert_ne!(without, WATCHDOG);
    namespace.apply(&pod("control", "Always", &without));
    // The time in which another one is restarted.
    namespace.apply(&pod("late", "Always", WATCHDOG));
    namespace.waits("condition=Ready", "pod/control");
    namespace.is_restarted("pod/late");
    assert_eq!(namespace.container("pod/control", "restartCount"), "0");
    let events = namespace.events("control");
    assert!(!events.contains("Liveness"), "{events}");
}

/// The message that `kubectl describe` shows of a container that has failed.
fn message_of(namespace: &Namespace, container: &str) -> String {
    namespace.apply(&pod("fails", "Never", container));
    eventually("the end", || {
        let reason = namespace.container("pod/fails", "state.terminated.reason");
        (!reason.is_empty()).then_some(())
    });
    let message = namespace.container("pod/fails", "state.terminated.message");
    let describe = namespace.kubectl("describe pod fails");
    assert!(message.is_empty() || describe.contains(message.trim_end()));
    message
}

#[test]
fn kubectl_describe_says_that_the_server_ran_out_of_memory() {
    let namespace = Namespace::new();
    let container = r#"
    command: ["/hinit", "--"]
    args: ["/fixture", "eat"]
    resources: {limits: {memory: 32Mi}}
"#;
    let message = message_of(&namespace, container);
    let line = "hinit: the server was killed by SIGKILL after ";
    assert!(message.contains(line), "{message}");
    let why = "; the cgroup ran out of memory (1 killed)";
    assert!(message.trim_end().ends_with(why), "{message}");
    assert_eq!(
        namespace.container("pod/fails", "state.terminated.exitCode"),
        "137"
    );
}

#[test]
fn kubectl_describe_says_that_the_interpreter_is_unknown() {
    let namespace = Namespace::new();
    let container = r#"
    command: ["/hinit", "--"]
    args: ["/script"]
"#;
    let message = message_of(&namespace, container);
    assert!(
        message.starts_with("hinit: cannot run `/script`"),
        "{message}"
    );
    assert!(message.contains("/nothing"), "{message}");
}

#[test]
fn kubectl_describe_says_the_exit_code_or_the_signal_and_only_of_a_failure() {
    for (arguments, line) in [
        (
            r#"["/fixture", "exit", "7"]"#,
            "hinit: the server exited 7 after ",
        ),
        (
            r#"["/fixture", "die", "11"]"#,
            "hinit: the server was killed by SIGSEGV after ",
        ),
        (r#"["/fixture", "exit", "0"]"#, ""),
    ] {
        let namespace = Namespace::new();
        let container = format!("    command: [\"/hinit\", \"--\"]\n    args: {arguments}\n");
        let message = message_of(&namespace, &container);
        assert!(message.starts_with(line), "{message}");
        assert_eq!(message.is_empty(), line.is_empty(), "{message}");
    }
}
