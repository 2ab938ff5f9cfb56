//! docker/compose.yaml with Compose: the order in which dependent services start and stop.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::engine::eventually;
use crate::sandbox::{self, Sandbox};

#[test]
fn a_dependent_service_starts_when_the_server_is_healthy_and_stops_before_it() {
    let Some(docker) = sandbox::docker(&["docker-compose"]) else {
        return;
    };
    // With so many retries the server does not become unhealthy on a slow machine.
    let project = Project::new(docker, "waits", "retries: 10000");
    let events = project.events();
    let mut up = project.compose("up --detach").spawn().unwrap();
    let server = eventually("a check of its health", || {
        let server = project.container("my-server")?;
        let verdicts = docker.verdicts(&server);
        verdicts.contains(" does not exist").then_some(server)
    });
    assert_eq!(project.container("my-proxy"), None);
    assert_eq!(up.try_wait().unwrap(), None);

    docker.run(&format!(
        "docker exec {server} /hinit install /dev/shm/ready"
    ));
    assert!(up.wait().unwrap().success());
    assert!(project.container("my-proxy").is_some());

    let stop = project.compose("stop").output().unwrap();
    assert!(stop.status.success(), "{stop:?}");
    assert_eq!(
        events.until("die my-server 0"),
        [
            "start my-server",
            "health_status: healthy my-server",
            "start my-proxy",
            "die my-proxy 0",
            "die my-server 0"
        ]
    );
    let logs = docker.logs("docker", &server);
    assert!(logs.contains("demo-server: stopping\n"), "{logs}");
    let line = "hinit: SIGTERM from outside the container; the server ended ";
    assert!(logs.contains(line), "{logs}");
}

/// The negative control.
#[test]
fn a_dependent_service_does_not_start_when_the_server_is_unhealthy() {
    let Some(docker) = sandbox::docker(&["docker-compose"]) else {
        return;
    };
    let project = Project::new(docker, "fails", "retries: 1");
    let up = project.compose("up --detach").output().unwrap();
    assert!(!up.status.success(), "{up:?}");
    let verdicts = docker.verdicts(&project.container("my-server").unwrap());
    assert!(verdicts.contains(" does not exist"), "{verdicts}");
    assert_eq!(project.container("my-proxy"), None);
}

/// The project of docker/compose.yaml, whose server is healthy only once it has /dev/shm/ready.
struct Project {
    docker: &'static Sandbox,
    name: &'static str,
    file: String,
}

impl Project {
    fn new(docker: &'static Sandbox, name: &'static str, retries: &str) -> Self {
        let more = format!(
            "services:
  my-server:
    environment: {{HINIT_HEARTBEAT: /dev/shm/ready, HINIT_MAX_AGE: 60m, HINIT_TIMEOUT: 30s}}
    healthcheck: {{interval: 200ms, timeout: 60s, {retries}}}
"
        );
        let file = docker.file(&format!("{name}.yaml"), &more);
        Self { docker, name, file }
    }

    fn compose(&self, arguments: &str) -> Command {
        let Self { name, file, .. } = self;
        let files = format!("--file docker/compose.yaml --file {file}");
        let line = format!("docker-compose --project-name {name} {files} {arguments}");
        let mut command = self.docker.command(&line);
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }

    /// The running container of this service.
    fn container(&self, service: &str) -> Option<String> {
        let id = self.docker.run(&format!(
            "docker ps --quiet --filter label=com.docker.compose.project={} \
                --filter label=com.docker.compose.service={service}",
            self.name
        ));
        (!id.is_empty()).then_some(id)
    }

    /// The events of its containers from now on.
    fn events(&self) -> Events {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let mut client = self.docker.command(&format!(
            "docker events --since {}.{:09} --filter label=com.docker.compose.project={} \
                --filter event=start --filter event=health_status --filter event=die",
            now.as_secs(),
            now.subsec_nanos(),
            self.name
        ));
        let attribute = |name| format!(r#"{{{{index .Actor.Attributes "{name}"}}}}"#);
        let [service, code] = ["com.docker.compose.service", "exitCode"].map(attribute);
        client.arg("--format");
        client.arg(format!("{{{{.Action}}}} {service} {code}"));
        Events(client.stdout(Stdio::piped()).spawn().unwrap())
    }
}

struct Events(Child);

impl Events {
    /// All events up to this one, without those about the proxy's health.
    fn until(mut self, last: &str) -> Vec<String> {
        let mut events = Vec::new();
        let lines = BufReader::new(self.0.stdout.take().unwrap()).lines();
        for line in lines.map(|line| line.unwrap()) {
            let event = line.trim_end();
            if !(event.starts_with("health_status: ") && event.ends_with(" my-proxy")) {
                events.push(event.to_owned());
            }
            if event == last {
                break;
            }
        }
        events
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        let _has_ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}
