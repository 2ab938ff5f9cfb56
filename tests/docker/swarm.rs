//! docker/swarm.yaml on a Swarm of one node: hinit's verdict decides about updates and replacements.

use std::fs;
use std::sync::LazyLock;

use crate::engine::{eventually, root};
use crate::sandbox::{self, Sandbox};

#[test]
fn an_update_stops_an_old_task_only_when_a_new_task_is_healthy() {
    let Some(stack) = Stack::deploy("updates", &[("retries: 3", "retries: 10000")]) else {
        return;
    };
    // It is healthy only once this file exists.
    let later = "FROM my-server
ENV HINIT_HEARTBEAT=/dev/shm/ready HINIT_MAX_AGE=60m";
    let old = stack.tasks();
    stack.update("later", later);
    let mut new: Vec<String> = Vec::new();
    for _ in &old {
        let task = eventually("the next new task is unhealthy", || {
            let mut tasks = stack.tasks().into_iter();
            let task = tasks.find(|task| !old.contains(task) && !new.contains(task))?;
            let verdicts = stack.docker.verdicts(&task);
            verdicts.contains(" does not exist").then_some(task)
        });
        let tasks = stack.tasks();
        let remaining = old.iter().filter(|task| tasks.contains(task)).count();
        assert!(remaining + new.len() >= old.len(), "{tasks:?}");
        assert_eq!(stack.update_state(), "updating");
        let install = format!("docker exec {task} /hinit install /dev/shm/ready");
        stack.docker.run(&install);
        new.push(task);
    }
    stack.reaches("completed");
    for task in &old {
        stack.ended(task, "0");
    }
    stack.has(&new);
}

#[test]
fn an_update_to_an_unhealthy_image_is_rolled_back_and_no_old_task_stops() {
    let Some(stack) = Stack::deploy("rolls-back", &[]) else {
        return;
    };
    let old = stack.tasks();
    // It lives, but answers on another port.
    stack.update("elsewhere", "FROM my-server\nENV PORT=9000");
    stack.reaches("rollback_completed");
    stack.has(&old);
    let new = "docker ps --all --quiet --filter ancestor=elsewhere";
    let new = stack.docker.run(new);
    for task in new.lines() {
        let verdicts = stack.docker.verdicts(task);
        let line = "unhealthy: http://127.0.0.1:8000/ cannot be reached: ";
        assert!(verdicts.contains(line), "{verdicts}");
        stack.ended(task, "0");
    }
    assert_ne!(new, "");
}

#[test]
fn an_unhealthy_task_is_replaced() {
    // hinit continues a stopped server in a stop, so that TERM can end it.
    let Some(stack) = Stack::deploy("replaces", &[("\"20s\"", "\"500ms\"")]) else {
        return;
    };
    let [unhealthy, healthy] = stack.tasks().try_into().unwrap();
    let docker = stack.docker;
    docker.run(&format!("docker exec {unhealthy} /hinit signal STOP"));
    stack.ended(&unhealthy, "0");
    let verdicts = stack.docker.verdicts(&unhealthy);
    assert!(verdicts.contains(" is suspended\n"), "{verdicts}");
    // The engine may store the last lines after it has reported the end.
    let line = " is suspended; the server ended ";
    eventually(line, || {
        let logs = docker.logs("docker", &unhealthy);
        logs.contains(line).then_some(())
    });

    let new = eventually("another task", || {
        let mut tasks = stack.tasks().into_iter();
        tasks.find(|task| ![&unhealthy, &healthy].contains(&task))
    });
    stack.has(&[healthy, new]);
}

/// The service of docker/swarm.yaml, which is removed with its sandbox.
struct Stack {
    docker: &'static Sandbox,
    service: String,
}

impl Stack {
    /// Deploys the file with shorter times and these changes, and waits until all tasks are healthy.
    fn deploy(name: &str, changes: &[(&str, &str)]) -> Option<Self> {
        static SWARM: LazyLock<Option<&Sandbox>> = LazyLock::new(|| {
            let docker = sandbox::docker(&[])?;
            docker.run("docker swarm init --advertise-addr 127.0.0.1");
            Some(docker)
        });
        let docker = (*SWARM)?;
        let mut yaml = fs::read_to_string(root().join("docker/swarm.yaml")).unwrap();
        let times = [
            ("interval: 2s", "interval: 500ms"),
            ("timeout: 5s", "timeout: 60s"),
            ("monitor: 5s", "monitor: 1s"),
            // With such a timeout each check completes on a slow machine.
            (":8000/\"]", ":8000/\", \"--timeout\", \"30s\"]"),
        ];
        for (from, to) in times.iter().chain(changes) {
            assert!(yaml.contains(from), "{from}");
            yaml = yaml.replace(from, to);
        }
        let file = docker.file(&format!("{name}.yaml"), &yaml);
        docker.run(&format!(
            "docker stack deploy --detach --resolve-image never --compose-file {file} {name}"
        ));
        let service = format!("{name}_my-server");
        let stack = Self { docker, service };
        eventually("two healthy tasks", || {
            let list = "docker service ls --format {{.Replicas}} --filter name=";
            let replicas = docker.run(&format!("{list}{}", stack.service));
            (replicas == "2/2").then_some(())
        });
        Some(stack)
    }

    /// Builds an image, and updates the service to it.
    fn update(&self, image: &str, dockerfile: &str) {
        self.docker.build("docker", image, dockerfile);
        let update = "docker service update --no-resolve-image --detach";
        let service = &self.service;
        self.docker
            .run(&format!("{update} --image {image} {service}"));
    }

    fn update_state(&self) -> String {
        let inspect = "docker service inspect --format {{.UpdateStatus.State}}";
        self.docker.run(&format!("{inspect} {}", self.service))
    }

    fn reaches(&self, state: &str) {
        eventually(state, || (self.update_state() == state).then_some(()));
    }

    /// The containers that run for it.
    fn tasks(&self) -> Vec<String> {
        let filter = "--filter label=com.docker.swarm.service.name";
        let list = format!("docker ps --quiet {filter}={}", self.service);
        self.docker.run(&list).lines().map(str::to_owned).collect()
    }

    /// Waits until it has exactly these tasks, and they are healthy.
    fn has(&self, tasks: &[String]) {
        eventually("its tasks", || {
            let mut running = self.tasks();
            let all = tasks.iter().all(|task| running.contains(task));
            running.retain(|task| {
                let health = "{{.State.Health.Status}}";
                self.docker.inspect("docker", task, health) == "healthy"
            });
            (all && running.len() == tasks.len()).then_some(())
        });
    }

    /// Waits until a task ends, and checks its exit code.
    fn ended(&self, task: &str, code: &str) {
        const STATE: &str = "{{.State.Status}} {{.State.ExitCode}}";
        let state = eventually("the end of a task", || {
            let state = self.docker.inspect("docker", task, STATE);
            state.starts_with("exited").then_some(state)
        });
        assert_eq!(state, format!("exited {code}"));
    }
}
