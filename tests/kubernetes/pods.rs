//! Pods of the examples, and with the settings that a policy may ask for.

use crate::cluster::Namespace;
use crate::engine::eventually;

#[test]
fn pods_with_probes_by_http_get_ready() {
    gets_ready("kubernetes.yaml", "my-server");
}

#[test]
fn pods_with_probes_by_exec_get_ready() {
    gets_ready("kubernetes.yaml", "my-server-exec");
}

fn gets_ready(file: &str, deployment: &str) -> Namespace {
    let namespace = Namespace::new();
    namespace.apply_example(file, deployment);
    namespace.completes(deployment);
    let pods = namespace.pods(deployment);
    assert_eq!(pods.len(), 2);
    for pod in pods {
        assert_eq!(namespace.container(&pod, "ready"), "true");
        assert_eq!(namespace.container(&pod, "restartCount"), "0");
    }
    namespace
}

/// The negative control.
#[test]
fn pods_whose_server_is_not_ready_do_not_get_ready_and_the_events_say_why() {
    let namespace = Namespace::new();
    let image = "my-server:never";
    namespace.apply_example("kubernetes.yaml", "my-server-exec");
    namespace.kubectl(&format!(
        "set image deployment my-server-exec my-server={image}"
    ));
    let status = namespace.output("rollout status deployment my-server-exec --timeout 10s");
    assert!(!status.status.success(), "{status:?}");
    eventually("the verdict", || {
        let events = namespace.kubectl("get events --output custom-columns=:.message");
        let failed = |event: &str| event.starts_with("Startup probe failed: unhealthy: process ");
        let mut failures = events.lines().filter(|event| failed(event));
        failures
            .any(|event| event.ends_with(" is not ready yet"))
            .then_some(())
    });
}

#[test]
fn an_init_container_puts_hinit_into_an_image_without_it() {
    let namespace = Namespace::new();
    namespace.apply_image_of_example("kubernetes-inject.yaml", "my-injected", "bare");
    namespace.completes("my-injected");
    for pod in namespace.pods("my-injected") {
        let check = namespace.kubectl(&format!("exec {pod} -- /shared/hinit healthcheck"));
        assert!(check.starts_with("healthy: process "), "{check}");
        let nothing = namespace.output(&format!("exec {pod} -- /hinit healthcheck"));
        assert!(!nothing.status.success(), "{nothing:?}");
    }
}

#[test]
fn containers_that_share_a_pid_namespace_are_healthy_and_end_one_by_one() {
    let namespace = gets_ready("kubernetes-inject.yaml", "my-shared");
    let pod = namespace.pods("my-shared").swap_remove(0);
    let in_sidecar = format!("exec {pod} -c my-sidecar -- /hinit");
    let status = namespace.kubectl(&format!("{in_sidecar} status"));
    assert!(status.contains("healthy: process "), "{status}");
    let _exec = namespace.start(&format!("{in_sidecar} signal TERM"));
    let restarts = |container: &str| {
        let of = format!(".status.containerStatuses[?(@.name==\"{container}\")].restartCount");
        namespace.get(&pod, &of)
    };
    eventually("the sidecar is restarted", || {
        (restarts("my-sidecar") == "1").then_some(())
    });
    assert_eq!(restarts("my-server"), "0");
    namespace.waits("condition=Ready", &pod);
}

/// Starts a pod of the demo server with these settings, checks it, and stops it.
fn runs_with(pod: &str, container: &str, hinit: &str) {
    let namespace = Namespace::new();
    namespace.apply(&format!(
        r#"
apiVersion: v1
kind: Pod
metadata: {{name: server, labels: {{app: server}}}}
spec:
  restartPolicy: Never
  {pod}
  containers:
  - name: server
    image: my-server:1
    command: ["/hinit", {hinit} "--"]
    args: ["/demo-server"]
    readinessProbe:
      exec: {{command: ["/hinit", "healthcheck"]}}
      periodSeconds: 1
      timeoutSeconds: 5
    {container}
"#
    ));
    namespace.waits("condition=Ready", "pod/server");
    let status = namespace.kubectl("exec server -- /hinit status");
    assert!(status.contains("healthy: process "), "{status}");
    // `kubectl exec` may hang if its container ends.
    let _exec = namespace.start("exec server -- /hinit signal TERM");
    eventually("the end", || {
        let phase = namespace.get("pod/server", ".status.phase");
        (phase == "Succeeded").then_some(())
    });
    let log = namespace.kubectl("logs server");
    assert!(log.contains("demo-server: stopping"), "{log}");
    assert!(!log.contains("cannot"), "{log}");
}

#[test]
fn a_user_without_an_entry_in_etc_passwd() {
    runs_with(
        "securityContext: {runAsUser: 4242, runAsGroup: 4243}",
        "",
        "",
    );
}

#[test]
fn everything_that_the_restricted_policy_asks_for() {
    let pod = "securityContext: {runAsNonRoot: true, runAsUser: 4242, seccompProfile: {type: RuntimeDefault}}";
    let container = "securityContext: {readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, \
                     capabilities: {drop: [ALL]}}";
    runs_with(pod, container, "");
}

/// A volume of an ordinary user, by `fsGroup`, on the disk and in memory.
#[test]
fn the_pid_file_is_in_a_volume_that_fs_group_makes_writable() {
    for medium in ["{}", "{medium: Memory, sizeLimit: 1Mi}"] {
        let pod = format!(
            "securityContext: {{runAsUser: 4242, runAsGroup: 4242, fsGroup: 4343}}\n  \
             volumes: [{{name: run, emptyDir: {medium}}}]"
        );
        let container = "volumeMounts: [{name: run, mountPath: /state}]\n    \
                         env: [{name: HINIT_PID_FILE, value: /state/server.pid}]\n    \
                         securityContext: {readOnlyRootFilesystem: true}";
        runs_with(&pod, container, "");
    }
}

#[test]
fn a_shared_pid_namespace() {
    runs_with("shareProcessNamespace: true", "", "");
}

#[test]
fn the_pid_namespace_of_the_node() {
    runs_with("hostPID: true", "", "");
}

/// hinit starts as root and needs three capabilities for it.
#[test]
fn another_user_for_the_server_with_only_the_capabilities_that_this_needs() {
    let container = "securityContext: {runAsUser: 0, capabilities: {drop: [ALL], \
                     add: [SETUID, SETGID, KILL, CHOWN]}}";
    runs_with("", container, r#""--user", "4242","#);
}

/// The negative control of the settings: what is missing is said.
#[test]
fn without_these_capabilities_the_pod_fails_and_says_which() {
    let namespace = Namespace::new();
    namespace.apply(
        r#"
apiVersion: v1
kind: Pod
metadata: {name: server}
spec:
  restartPolicy: Never
  containers:
  - name: server
    image: my-server:1
    command: ["/hinit", "--user", "4242", "--"]
    args: ["/demo-server"]
    terminationMessagePolicy: FallbackToLogsOnError
    securityContext: {runAsUser: 0, capabilities: {drop: [ALL]}}
"#,
    );
    eventually("the failure", || {
        let phase = namespace.get("pod/server", ".status.phase");
        (phase == "Failed").then_some(())
    });
    let message = namespace.container("pod/server", "state.terminated.message");
    assert!(
        message.contains("CAP_SETUID") || message.contains("CAP_SETGID"),
        "{message}"
    );
    assert_eq!(
        namespace.container("pod/server", "state.terminated.exitCode"),
        "125"
    );
}
