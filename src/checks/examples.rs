//! Checks that hinit accepts the health checks of the examples, also those in their comments.

use crate::cli::{Command, Env, parse};

/// The texts, and how many arrays of words that begin with a health check each contains.
const EXAMPLES: [(&str, &str, usize); 7] = [
    ("README.md", include_str!("../../README.md"), 6),
    (
        "Dockerfile.example",
        include_str!("../../Dockerfile.example"),
        1,
    ),
    ("compose.yaml", include_str!("../../docker/compose.yaml"), 5),
    ("swarm.yaml", include_str!("../../docker/swarm.yaml"), 1),
    (
        "kubernetes.yaml",
        include_str!("../../docker/kubernetes.yaml"),
        6,
    ),
    (
        "kubernetes-inject.yaml",
        include_str!("../../docker/kubernetes-inject.yaml"),
        2,
    ),
    (
        "my-server.container",
        include_str!("../../docker/my-server.container"),
        1,
    ),
];

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
            '\\' => last.push(match letters.next().unwrap() {
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

#[test]
fn hinit_accepts_the_health_checks_of_the_examples() {
    const START: &str = "/hinit\", \"healthcheck\"";
    for (name, text, count) in EXAMPLES {
        // Compose and Swarm replace a dollar that is not doubled.
        let is_compose = text.contains("\nservices:\n");
        let dollars = |text: String| {
            if is_compose {
                text.replace("$$", "$")
            } else {
                text
            }
        };
        let rests = text.split(START).skip(1);
        let commands: Vec<_> = rests.map(|rest| strings(&[START, rest].concat())).collect();
        assert_eq!(commands.len(), count, "{name}");
        for words in commands {
            assert!(!is_compose || !words.concat().replace("$$", "").contains('$'));
            let words = words.into_iter().map(dollars).map(Into::into).collect();
            let parsed = parse(words, Env::EMPTY).map_err(|error| error.why);
            assert!(
                matches!(parsed, Ok(Command::Healthcheck(_))),
                "{name}: {parsed:?}"
            );
        }
    }
}
