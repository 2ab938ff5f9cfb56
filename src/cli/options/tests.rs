use super::*;

#[test]
fn an_option_is_set_by_the_variable_of_its_name() {
    for (long, variable, expected) in [
        ("--pid-file", "HINIT_PID_FILE=/p", Some("/p")),
        ("--pid-file", "HINIT_PID_FILE=", Some("")),
        ("--pid-file", "HINIT_PID_FILE", None),
        ("--pid-file", "HINIT_PID_FILE_MODE=0600", None),
        ("--pid-file-mode", "HINIT_PID_FILE=/p", None),
        ("--grace", "HINIT_grace=1s", None),
        ("HINIT_LOG", "HINIT_LOG=quiet", Some("quiet")),
    ] {
        assert_eq!(
            value_in(variable.as_bytes(), long),
            expected.map(OsStr::new),
            "{variable}"
        );
    }
    assert_eq!(env_name("--pid-file"), "HINIT_PID_FILE");
}

#[test]
fn no_line_of_any_help_is_wider_than_a_terminal() {
    let peers = crate::cli::compat::PEERS.map(|peer| peer.topic);
    for topic in TOPICS.into_iter().chain(peers) {
        for line in topic.help().lines() {
            assert!(line.len() <= WIDTH, "{}: {line}", topic.call);
            assert_eq!(line, line.trim_end(), "{}", topic.call);
        }
    }
}

#[test]
fn the_description_of_an_option_is_wrapped() {
    for (text, expected) in [
        ("--a\nb", "  --a                      b\n"),
        (
            "-q, --quiet\nc\n[default: 1s]",
            "  -q, --quiet              c [default: 1s]\n",
        ),
        (
            "--b C\n0123456789 0123456789 0123456789 0123456789 012345678 0",
            "  --b C                    0123456789 0123456789 0123456789 0123456789 012345678\n\
             \x20                          0\n",
        ),
        (
            "--b C\n0123456789 0123456789 0123456789 0123456789 0123456789 0",
            "  --b C                    0123456789 0123456789 0123456789 0123456789\n\
             \x20                          0123456789 0\n",
        ),
    ] {
        let mut described = String::new();
        Opt::new(text).describe(&mut described);
        assert_eq!(described, expected);
    }
    let mut described = String::new();
    Opt::new("--a\nb\n$").describe(&mut described);
    assert_eq!(described, "  --a                      b [env: HINIT_A]\n");
    let mut described = String::new();
    Opt::new("--a B\nc\n[default: d]\n$$").describe(&mut described);
    let expected = "  --a B                    c [default: d] [env: HINIT_A] [expands ${NAME}]\n";
    assert_eq!(described, expected);
}

/// The same for all values of a health check, so that an image needs no shell for any of them.
#[test]
fn the_options_whose_values_are_expanded() {
    for option in HEALTHCHECK.options {
        assert_eq!(
            option.is_expanded(),
            option.takes_value(),
            "{}",
            option.long()
        );
    }
    let others = [&RUN, &SIGNAL, &STATUS, &INSTALL].map(|topic| topic.options);
    let others = others.concat().into_iter();
    let mut expanded: Vec<_> = others
        .filter(|option| option.is_expanded())
        .map(Opt::long)
        .collect();
    expanded.dedup();
    assert_eq!(expanded, ["--pid-file", "--listen", "--pid-file"]);
}

/// The list of commands in the help of hinit itself, and its examples.
#[test]
fn the_help_names_each_command_and_gives_examples() {
    let help = RUN.help();
    for topic in TOPICS {
        let line = format!("\n  {:13} ", topic.word());
        assert_eq!(help.matches(&line).count(), 1, "{}", topic.call);
    }
    for topic in [&RUN, &HEALTHCHECK] {
        let (_, examples) = topic.examples.split_once("Examples:\n").unwrap();
        assert_eq!(examples.matches("\n  hinit ").count() + 1, 3, "{examples}");
    }
    assert!(help.ends_with("\nMore: man hinit\n"));
}

#[test]
fn two_dashes_are_not_an_option() {
    for topic in TOPICS {
        assert_eq!(topic.option(b"--").map(Opt::long), None);
    }
}

#[test]
fn no_option_has_two_meanings_within_a_command() {
    for topic in TOPICS {
        for (i, option) in topic.options.iter().enumerate() {
            for other in topic.options.iter().skip(i + 1) {
                let names = [option.long(), option.short()].map(str::as_bytes);
                assert!(!names.into_iter().any(|name| other.is_named(name)));
            }
        }
    }
}
