//! How pods and jobs end.

use crate::cluster::{Namespace, last_line_of_hinit};
use crate::engine::eventually;

/// A pod without restarts, with these lines for its container, from the level of `command`.
fn pod(name: &str, grace_period: u32, container: &str) -> String {
    format!(
        "apiVersion: v1\n\
         kind: Pod\n\
         metadata: {{name: {name}, labels: {{app: {name}}}}}\n\
         spec:\n\
         \x20 terminationGracePeriodSeconds: {grace_period}\n\
         \x20 restartPolicy: Never\n\
         \x20 containers:\n\
         \x20 - name: server\n\
         \x20   image: fixture:1\n{container}"
    )
}

/// Deletes this pod when its server is ready, and returns the log of its container to its end.
fn log_of_deleted(namespace: &Namespace, pod: &str, ready: &str) -> String {
    namespace.waits("condition=Ready", pod);
    let mut log = namespace.start(&format!("logs --follow {pod}"));
    let before = log.by_ref().take_while(|line| line != ready);
    let before = before.collect::<Vec<_>>().join("\n");
    namespace.kubectl(&format!("delete {pod}"));
    format!("{before}\n{ready}\n{}", log.rest())
}

/// It blocks all signals.
const IGNORES_TERM: &str = r#"
    command: ["/hinit", "--stop-delay", "1s", "--grace", "1s", "--"]
    args: ["/fixture", "signals-later"]
"#;

#[test]
fn a_server_that_ignores_term_is_killed_by_hinit_within_the_grace_period() {
    let namespace = Namespace::new();
    namespace.apply(&pod("stubborn", 30, IGNORES_TERM));
    let log = log_of_deleted(&namespace, "pod/stubborn", "ready");
    let delay =
        "hinit: SIGTERM from outside the container: unhealthy from now on, passed on in 1s\n";
    assert!(log.contains(delay), "{log}");
    let last = last_line_of_hinit(&log);
    let line = "hinit: SIGTERM from outside the container; the server ended ";
    assert!(last.starts_with(line), "{log}");
    assert!(
        last.contains("killed by SIGKILL when its grace time was over"),
        "{log}"
    );
}

/// The negative control.
#[test]
fn with_a_grace_period_that_is_shorter_than_the_stop_the_kubelet_kills_and_nothing_says_why() {
    let namespace = Namespace::new();
    let container = IGNORES_TERM.replace("\"1s\"", "\"10m\"");
    namespace.apply(&pod("short", 1, &container));
    let log = log_of_deleted(&namespace, "pod/short", "ready");
    let last = last_line_of_hinit(&log);
    let delay = "hinit: SIGTERM from outside the container: unhealthy from now on";
    assert!(last.starts_with(delay), "{log}");
}

#[test]
fn kubectl_drain_ends_all_pods_and_no_server_is_killed() {
    let namespace = Namespace::alone();
    let deployments = ["my-server", "my-server-exec"];
    for deployment in deployments {
        namespace.apply_example("kubernetes.yaml", deployment);
    }
    for deployment in deployments {
        namespace.completes(deployment);
    }
    let pods = deployments
        .map(|deployment| namespace.pods(deployment))
        .concat();
    assert_eq!(pods.len(), 4);
    let logs = pods
        .iter()
        .map(|pod| namespace.start(&format!("logs --follow {pod}")));
    let logs: Vec<_> = logs.collect();
    namespace.kubectl("drain node --force --delete-emptydir-data");
    namespace.kubectl("uncordon node");
    for log in logs {
        let log = log.rest();
        assert!(log.contains("demo-server: stopping"), "{log}");
        let last = last_line_of_hinit(&log);
        assert!(
            last.starts_with("hinit: SIGTERM from outside the container; "),
            "{log}"
        );
        assert!(last.contains("(exited 0, up "), "{log}");
    }
}

/// The sidecar's probe looks at the PID file of the main container: when it is gone, the kubelet stops the sidecar.
const JOB: &str = r#"
apiVersion: batch/v1
kind: Job
metadata: {name: job}
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      shareProcessNamespace: true
      volumes:
      - {name: run, emptyDir: {medium: Memory}}
      containers:
      - name: main
        image: fixture:1
        command: ["/hinit", "--pid-file", "/shared/main.pid", "--"]
        args: ["/fixture", "signals"]
        volumeMounts: [{name: run, mountPath: /shared}]
      - name: sidecar
        image: my-server:1
        command: ["/hinit", "--"]
        args: ["/demo-server"]
        volumeMounts: [{name: run, mountPath: /shared}]
        livenessProbe:
          exec: {command: ["/hinit", "healthcheck", "--pid-file", "/shared/main.pid"]}
          periodSeconds: 1
          timeoutSeconds: 5
          failureThreshold: 2
"#;

#[test]
fn a_sidecar_ends_when_the_main_container_of_the_job_has_ended() {
    let namespace = Namespace::new();
    namespace.apply(JOB);
    let pod = eventually("the job's pod", || {
        let pods = namespace.kubectl("get pods --selector job-name=job --output name");
        pods.lines().next().map(str::to_owned)
    });
    namespace.waits("condition=Ready", &pod);
    assert_eq!(namespace.get("job/job", ".status.succeeded"), "");
    // The main container has done its work.
    let hinit = format!("exec {pod} -c sidecar -- /hinit");
    namespace.kubectl(&format!("{hinit} signal --pid-file /shared/main.pid TERM"));
    namespace.waits("condition=Complete", "job/job");
    let verdict = "Liveness probe failed: unhealthy: PID file /shared/main.pid ";
    namespace.has_event(&pod, verdict, "");
}

#[test]
fn a_job_of_a_cron_job_completes_and_logs_nothing_about_a_success() {
    let namespace = Namespace::new();
    let cron_job = r#"
apiVersion: batch/v1beta1
kind: CronJob
metadata: {name: cron}
spec:
  schedule: "* * * * *"
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: OnFailure
          containers:
          - name: job
            image: fixture:1
            command: ["/hinit", "--quiet-success", "--"]
            args: ["/fixture", "arguments", "done"]
"#;
    namespace.apply(cron_job);
    namespace.kubectl("create job now --from cronjob/cron");
    namespace.waits("condition=Complete", "job/now");
    assert_eq!(namespace.kubectl("logs job/now"), "done");
}

#[test]
fn a_person_asks_and_signals_the_server_by_kubectl_exec() {
    let namespace = Namespace::new();
    namespace.apply_example("kubernetes.yaml", "my-server");
    namespace.completes("my-server");
    let pod = namespace.pods("my-server").swap_remove(0);
    let exec = |command: &str| namespace.kubectl(&format!("exec {pod} -- /hinit {command}"));
    assert!(exec("healthcheck --ready").starts_with("healthy: process "));
    assert!(exec("status").contains("demo-server"));
    exec("signal HUP");
    eventually("a reload", || {
        let log = namespace.kubectl(&format!("logs {pod}"));
        log.contains("demo-server: reloaded (1)").then_some(())
    });
    exec("signal STOP");
    let check = namespace.output(&format!("exec {pod} -- /hinit healthcheck --ready"));
    assert_eq!(check.status.code(), Some(1), "{check:?}");
    let verdict = String::from_utf8_lossy(&check.stdout);
    assert!(verdict.trim_end().ends_with(" is suspended"), "{verdict}");
}
