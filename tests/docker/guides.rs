//! Runs the commands that README.md and the guides show and that no other test runs, as the table tests/commands says.
//!
//! Images and containers are those of a server that answers every probe of the guides (probed.py).

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::LazyLock;
use std::{env, fs};

use crate::engine::{
    Container, Image, at_the_end, binaries, eventually, python, report, root, stdout, unique,
};
use crate::sandbox;
use crate::shown::{self, shown};

const TABLE: &str = include_str!("../commands");

/// What the lines of the pages are added to: hinit, and a server that reports that it is ready.
const DOCKERFILE: &str = r#"
COPY hinit hinit-tls /
COPY probed.py /usr/local/lib/
RUN ln -s /hinit /usr/local/bin/ \
 && useradd --system app \
 && mkdir --mode 777 /run/app /shared \
 && openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -keyout /tls.key -out /tls.crt \
 && chmod 644 /tls.key \
 && printf '#!/bin/sh\nexec python3 /usr/local/lib/probed.py\n' >/usr/local/bin/my-server \
 && chmod 755 /usr/local/bin/my-server
ENV HINIT_NOTIFY=1 HINIT_TIMEOUT=5s
ENTRYPOINT ["/hinit", "--"]
CMD ["my-server"]
HEALTHCHECK CMD ["/hinit", "healthcheck", "--ready"]
"#;

/// A directory with the files that the pages expect: the two hinits, and the application.
static FILES: LazyLock<PathBuf> = LazyLock::new(|| {
    let directory = env::temp_dir().join(format!("hinit-guides-{}", unique()));
    fs::create_dir(&directory).unwrap();
    let [hinit, _] = binaries();
    let build = Command::new(root().join("docker/build"))
        .arg("--tls")
        .output();
    let build = build.unwrap();
    assert!(build.status.success(), "{build:?}");
    at_the_end(r#"rm -r "$1""#, &directory);
    for (from, to) in [
        (hinit, "hinit"),
        (stdout(&build).into(), "hinit-tls"),
        (root().join("docker/app.py"), "app.py"),
        (root().join("tests/docker/probed.py"), "probed.py"),
    ] {
        fs::copy(from, directory.join(to)).unwrap();
    }
    directory
});

static IMAGE: LazyLock<Image> = LazyLock::new(|| build(&format!("FROM {}{DOCKERFILE}", python())));

fn build(dockerfile: &str) -> Image {
    let file = env::temp_dir().join(format!("hinit-guides-{}.Dockerfile", unique()));
    fs::write(&file, dockerfile).unwrap();
    let image = Image::try_build(file.to_str().unwrap(), &FILES, &[]);
    fs::remove_file(file).unwrap();
    image.unwrap()
}

/// A command or a block of the pages, and what the table says of it.
struct Shown {
    text: String,
    /// What follows it.
    more: Vec<String>,
    expected: String,
}

/// Those that are run like this.
fn all(how: &str) -> Vec<Shown> {
    let pages = shown();
    let rows = shown::rows(TABLE).into_iter().filter(|row| row.how == how);
    let rows: Vec<Shown> = rows
        .map(|row| {
            let shown = pages.iter().find(|(text, _)| row.is_of(text));
            assert!(shown.is_some(), "no page shows {}", row.name);
            let (mut text, _) = shown.unwrap().clone();
            let (mut more, mut expected) = (Vec::new(), String::new());
            for detail in row.details {
                if let Some(line) = detail.strip_prefix("+ ") {
                    more.push(line.to_owned());
                } else if let Some(part) = detail.strip_prefix("= ") {
                    part.clone_into(&mut expected);
                } else {
                    let (name, value) = detail.split_once('=').unwrap();
                    text = text.replace(name, value);
                }
            }
            assert_ne!(
                expected, "",
                "{text}: the table says nothing that it must print"
            );
            Shown {
                text,
                more,
                expected,
            }
        })
        .collect();
    assert!(!rows.is_empty(), "{how}");
    rows
}

impl Shown {
    /// The whole command line, with these names.
    fn line(&self, container: &str, image: &str) -> String {
        let words = [&self.text].into_iter().chain(&self.more);
        let line = words.map(String::as_str).collect::<Vec<_>>().join(" ");
        line.replace("CONTAINER", container).replace("IMAGE", image)
    }

    fn has_printed(&self, output: &Output) {
        let Output { stdout, stderr, .. } = output;
        let text =
            String::from_utf8_lossy(&[stdout.as_slice(), stderr.as_slice()].concat()).into_owned();
        let is_expected = output.status.success() && text.contains(&self.expected);
        assert!(is_expected, "{}: {}: {text}", self.text, output.status);
    }

    fn becomes_healthy(&self, container: &Container) {
        report(&shown::name_of(&self.text));
        container.becomes("healthy");
        let verdicts = container.verdicts();
        assert!(
            verdicts.contains(&self.expected),
            "{}: {verdicts}",
            self.text
        );
    }
}

/// Runs a command line in the directory of the files.
fn shell(line: &str) -> Output {
    let mut shell = Command::new("sh");
    shell.args(["-c", line]).current_dir(&*FILES);
    shell.output().unwrap()
}

/// Compose and Kubernetes execute the words of an array as Docker does.
fn instruction(text: &str) -> String {
    text.replace("test: [\"CMD\", ", "HEALTHCHECK CMD [")
        .replace("exec: {command: [", "HEALTHCHECK CMD [")
        .replace("]}", "]")
}

#[test]
fn an_image_with_the_lines_of_the_pages_is_healthy() {
    needs_engine!();
    for shown in all("lines of a Dockerfile") {
        let text = instruction(&shown.text);
        let from = if text.starts_with("FROM ") {
            String::new()
        } else {
            format!("FROM {}\n", IMAGE.tag)
        };
        let image = build(&format!("{from}{text}\n{}\n", shown.more.join("\n")));
        shown.becomes_healthy(&Container::run(&image, &[], &[]));
    }
}

#[test]
fn a_script_that_ends_with_the_lines_of_the_pages_is_an_entry_point() {
    needs_engine!();
    for shown in all("the script of an entry point") {
        let entry = ["--entrypoint", "sh"];
        shown.becomes_healthy(&Container::run(&IMAGE, &entry, &["-c", &shown.text]));
    }
}

#[test]
fn commands_in_a_container_print_what_the_table_says() {
    needs_engine!();
    let options = ["--env", "HINIT_PID_FILE=/shared/main.pid"];
    let container = Container::run(&IMAGE, &options, &[]);
    container.becomes("healthy");
    for shown in all("in a container") {
        let line = shown.line("", "");
        shown.has_printed(&container.exec(&["sh", "-c", &line]));
    }
}

#[test]
fn commands_of_docker_print_what_the_table_says() {
    needs_engine!();
    for shown in all("an engine's command") {
        let container = Container::run(&IMAGE, &[], &[]);
        container.becomes("healthy");
        let line = shown.line(&container.name, &IMAGE.tag);
        let line = line.replace("docker run ", "docker run --rm ");
        shown.has_printed(&shell(&line));
    }
}

#[test]
fn commands_of_podman_print_what_the_table_says() {
    let Some(podman) = sandbox::podman() else {
        return;
    };
    for shown in all("a command of Podman") {
        shown.has_printed(&podman.output(&shown.line("", "")));
    }
}

/// An image that cannot be changed gets hinit from a directory of the host.
#[test]
fn an_unchanged_image_with_hinit_is_healthy() {
    needs_engine!();
    for shown in all("a server") {
        let container = Container {
            name: format!("hinit-test-{}", unique()),
        };
        let run = format!(
            "docker run --detach --health-interval 1s --name {} ",
            container.name
        );
        let line = shown.text.replacen("docker run ", &run, 1);
        let output = shell(&line);
        assert!(output.status.success(), "{line}: {output:?}");
        shown.becomes_healthy(&container);
    }
}

#[test]
fn the_services_of_compose_answer_readyz() {
    let Some(docker) = sandbox::docker(&["docker-compose"]) else {
        return;
    };
    let (block, _) = shown()
        .into_iter()
        .find(|(text, _)| text.starts_with("services:\n"))
        .unwrap();
    let file = docker.file("guides.yaml", &block);
    let compose = format!("docker-compose --project-name guides --file {file}");
    docker.run(&format!("{compose} up --detach"));
    let container = docker.run(&format!("{compose} ps --quiet app1"));
    let check = format!(
        "docker exec {container} /hinit healthcheck --no-pid --http http://127.0.0.1:9101/readyz --timeout 30s"
    );
    eventually("it is ready", || {
        docker.output(&check).status.success().then_some(())
    });
    let timeout = docker.inspect("docker", &container, "{{.Config.StopTimeout}}");
    assert_eq!(timeout, "30");

    docker.run(&format!("{compose} stop"));
    let logs = docker.logs("docker", &container);
    assert!(
        logs.contains("unhealthy from now on, passed on in 5s"),
        "{logs}"
    );
    let code = docker.inspect("docker", &container, "{{.State.ExitCode}}");
    assert_eq!(code, "0");
}
