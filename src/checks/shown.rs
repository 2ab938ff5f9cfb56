//! The commands that README.md and the guides show, and the table of how each is run: tests/commands.
//!
//! commands.rs compares the two. tests/docker/guides.rs, which includes this file, runs what no other test runs.

use std::fs;
use std::path::Path;

use super::markdown::code;

/// Programs whose command lines the pages show.
const PROGRAMS: [&str; 19] = [
    "cargo",
    "chmod",
    "cp",
    "curl",
    "docker",
    "dockerd",
    "exec",
    "gosu",
    "httpd",
    "install",
    "kill",
    "kubectl",
    "man",
    "nginx",
    "php-fpm",
    "podman",
    "s6-setuidgid",
    "s6-svwait",
    "sha256sum",
];

/// Inits, whose names also begin messages.
const INITS: [&str; 4] = ["catatonit", "dumb-init", "hinit", "tini"];

const INSTRUCTIONS: [&str; 10] = [
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "FROM",
    "HEALTHCHECK",
    "RUN",
    "STOPSIGNAL",
    "USER",
    "WORKDIR",
];

/// How the lines of an indented block begin that show what hinit prints, and comments.
const OUTPUTS: [&str; 5] = ["hinit: ", "healthy: ", "unhealthy: ", "{\"verdict\"", "# "];

/// A file of the project.
pub(super) fn file(path: &str) -> Option<String> {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).ok()
}

/// The paths of the pages.
fn pages() -> Vec<String> {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("docker/guide");
    let files = fs::read_dir(guide).unwrap();
    let files = files.map(|entry| entry.unwrap().path());
    let guides = files.filter(|file| file.extension().is_some_and(|extension| extension == "md"));
    let guides = guides.map(|file| format!("docker/guide/{}", file.file_name().unwrap().display()));
    let others = ["README.md", "docker/recipes/README.md"].map(str::to_owned);
    guides.chain(others).collect()
}

/// What all pages show, each with its page.
pub(super) fn shown() -> Vec<(String, String)> {
    let pages = pages().into_iter();
    let shown = pages.map(|page| (shown_by(&file(&page).unwrap()), page));
    shown
        .flat_map(|(texts, page)| texts.into_iter().map(move |text| (text, page.clone())))
        .collect()
}

/// The commands of a page, the lines of its indented blocks, and its other blocks of code.
pub(super) fn shown_by(page: &str) -> Vec<String> {
    let (mut found, mut prose) = (Vec::new(), String::new());
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let block = lines.by_ref().take_while(|line| *line != "```");
            let block = block.collect::<Vec<_>>().join("\n");
            if language == "sh" {
                found.extend(command_lines(&block));
            } else {
                found.push(block);
            }
        } else if let Some(line) = line.strip_prefix("    ") {
            if !OUTPUTS.iter().any(|output| line.starts_with(output)) {
                found.push(line.to_owned());
            }
        } else {
            prose.push_str(line);
            prose.push(' ');
        }
    }
    found.extend(code(&prose).into_iter().filter(|span| is_command(span)));
    found
}

/// Each with one blank between its words, and without its comment.
fn command_lines(block: &str) -> Vec<String> {
    let joined = block.replace("\\\n", " ");
    let lines = joined.lines().map(|line| {
        let command = line.split("# ").next().unwrap_or_default();
        command.split_whitespace().collect::<Vec<_>>().join(" ")
    });
    lines.filter(|line| !line.is_empty()).collect()
}

/// Whether code in a line of text is a command line or an instruction of a Dockerfile. A program alone, and a command of
/// an engine alone such as `docker stop`, are names.
fn is_command(span: &str) -> bool {
    let mut words = span.split(' ');
    let first = words.next().unwrap_or_default();
    let second = words.next().unwrap_or_default();
    let has_more = words.next().is_some() || second.starts_with('-');
    if ["docker/", "tests/", ".ci/"]
        .iter()
        .any(|directory| first.starts_with(directory))
    {
        let is_there = Path::new(env!("CARGO_MANIFEST_DIR")).join(first).exists();
        return !is_there || file(first).is_some_and(|text| text.starts_with("#!"));
    }
    if INITS.contains(&first) {
        let is_form = second.bytes().all(|byte| byte.is_ascii_uppercase());
        let is_name = ["run", "healthcheck", "signal", "status", "install"].contains(&second);
        return has_more && (second.starts_with('-') || is_form || is_name);
    }
    match first {
        "docker" | "kubectl" | "podman" => has_more,
        first => (PROGRAMS.contains(&first) || INSTRUCTIONS.contains(&first)) && !second.is_empty(),
    }
}

/// A row of the table.
pub(super) struct Row {
    /// The command, or of a block only its first line and `...`.
    pub(super) name: String,
    /// How it is run: the line above it.
    pub(super) how: String,
    /// What else the table says of it.
    pub(super) details: Vec<String>,
}

impl Row {
    pub(super) fn is_of(&self, text: &str) -> bool {
        self.name == name_of(text)
    }
}

/// The name of a command or a block in the table.
pub(super) fn name_of(text: &str) -> String {
    match text.split_once('\n') {
        Some((first, _)) => format!("{first} ..."),
        None => text.to_owned(),
    }
}

/// The rows of a table such as tests/commands.
pub(super) fn rows(table: &str) -> Vec<Row> {
    let (mut rows, mut how) = (Vec::<Row>::new(), "");
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        let text = line.trim_start();
        match line.len() - text.len() {
            0 => how = text,
            4 => rows.push(Row {
                name: text.to_owned(),
                how: how.to_owned(),
                details: Vec::new(),
            }),
            _ => rows.last_mut().unwrap().details.push(text.to_owned()),
        }
    }
    rows
}
