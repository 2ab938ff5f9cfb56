//! Checks that hinit accepts the command lines of the examples, also those in their comments, and the options that the
//! documentation names.

use std::fs;
use std::path::PathBuf;

use super::markdown::code;
use super::tidy::{files_below, name, root};
use crate::cli::options::{HEALTHCHECK, INSTALL, RUN, SIGNAL, STATUS};
use crate::cli::{Command, Env, parse};

/// The files that show health checks and entry points of hinit.
fn examples() -> Vec<PathBuf> {
    let is_example = |path: &PathBuf| {
        let name = name(path);
        let endings = [".md", ".yaml", ".container", "Dockerfile"];
        endings.iter().any(|ending| name.ends_with(ending))
    };
    let files = files_below("docker").into_iter().filter(is_example);
    let top = ["README.md", "Dockerfile.example"].map(|name| root().join(name));
    top.into_iter().chain(files).collect()
}

/// The strings of a JSON array up to its end; `text` follows the first quote.
fn strings(text: &str) -> Vec<String> {
    let mut strings = vec![String::new()];
    let mut is_inside = true;
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        let last = strings.last_mut().unwrap();
        match letter {
            '"' => is_inside = !is_inside,
            ']' if !is_inside => break,
            ',' if !is_inside => strings.push(String::new()),
            '\\' if is_inside => last.push(match letters.next().unwrap() {
                'r' => '\r',
                'n' => '\n',
                other => other,
            }),
            letter if is_inside => last.push(letter),
            _ => {}
        }
    }
    strings
}

/// The words of each array in a text that begins with hinit.
fn commands(text: &str) -> Vec<Vec<String>> {
    const START: &str = "/hinit\", \"";
    // Compose and Swarm replace a dollar that is not doubled.
    let is_compose = text.contains("\nservices:\n");
    let dollars = |word: String| {
        assert!(
            !is_compose || !word.replace("$$", "").contains('$'),
            "{word}"
        );
        if is_compose {
            word.replace("$$", "$")
        } else {
            word
        }
    };
    let rests = text.split(START).skip(1);
    let words = rests.map(|rest| strings(&[START, rest].concat()));
    words
        .map(|words| words.into_iter().map(dollars).collect())
        .collect()
}

#[test]
fn hinit_accepts_the_command_lines_of_the_examples() {
    let (mut checks, mut runs) = (0, 0);
    for path in examples() {
        for mut words in commands(&fs::read_to_string(&path).unwrap()) {
            let shown = format!("{}: {words:?}", name(&path));
            let is_check = words[1] == "healthcheck";
            // The command follows in CMD or in `args`.
            if words.last().is_some_and(|last| last == "--") {
                words.push("my-server".to_owned());
            }
            let words = words.into_iter().map(Into::into).collect();
            match parse(words, Env::EMPTY).map_err(|error| error.why) {
                Ok(Command::Healthcheck(_)) if is_check => checks += 1,
                Ok(Command::Run(_)) if !is_check => runs += 1,
                // `hinit install` and `hinit signal`.
                Ok(_) if !is_check => {}
                parsed => panic!("{shown}: {parsed:?}"),
            }
        }
    }
    assert!(checks >= 30 && runs >= 10, "{checks} checks, {runs} runs");
}

/// Options that the guides name and that are another program's.
const OTHERS: [&str; 11] = [
    "--cap-add",
    "--health-cmd",
    "--health-on-failure",
    "--memory",
    "--pid",
    "--pids-limit",
    "--read-only",
    "--start-period",
    "--tmpfs",
    "--ulimit",
    "--volume",
];

/// The pages about hinit's options; those on figures and on building name options of scripts.
fn guides() -> Vec<PathBuf> {
    let guides = files_below("docker/guide").into_iter();
    let is_on_hinit = |path: &PathBuf| {
        let stem = path.file_stem().unwrap();
        path.extension().is_some_and(|extension| extension == "md")
            && stem != "figures"
            && stem != "building"
    };
    let guides = guides.filter(is_on_hinit);
    guides.chain([root().join("README.md")]).collect()
}

#[test]
fn the_options_that_the_documentation_names_exist() {
    let topics = [&RUN, &HEALTHCHECK, &SIGNAL, &STATUS, &INSTALL];
    let options = topics.iter().flat_map(|topic| topic.options);
    let synopses: Vec<&str> = options.map(|option| option.synopsis()).collect();
    let exists = |name: &str| {
        let mut words = synopses
            .iter()
            .flat_map(|synopsis| synopsis.split([' ', ',', '=']));
        words.any(|word| word == name)
    };
    let mut count = 0;
    for page in guides() {
        let text = fs::read_to_string(&page).unwrap();
        for span in code(&text) {
            let option = span.split([' ', '=']).next().unwrap();
            if option.starts_with("--") && option.len() > 2 && !OTHERS.contains(&option) {
                assert!(exists(option), "{}: {span}", name(&page));
                count += 1;
            }
        }
    }
    assert!(count > 100, "{count}");
}
