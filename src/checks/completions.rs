//! Checks that the completions for shells match the tables of options. Their lines between `begin` and `end` are
//! generated; the rest is written by hand.

use std::fmt::Write;

use nix::sys::signal::Signal;

use crate::cli::options::{Opt, RUN, TOPICS, Topic};

/// What completes a value of an option, or an operand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Value {
    Files,
    Directories,
    Users,
    Signal,
    /// With commas between them.
    Signals,
    Words(&'static str),
    /// The server's command line.
    Server,
    /// Nothing can be suggested.
    Any,
}

impl Value {
    /// By the word for it in the help.
    fn named(name: &str) -> Self {
        match name {
            "FILE" | "PATH" => Self::Files,
            "DIR" => Self::Directories,
            "USER" => Self::Users,
            "SIGNAL" => Self::Signal,
            "LIST" => Self::Signals,
            "METHOD" => Self::Words("GET HEAD POST"),
            "COMMAND" => Self::Server,
            "" | "ADDRESS" | "ADDRESS/PATH" | "CODES" | "DURATION" | "FIELD" | "FROM=TO"
            | "MODE" | "PROBE..." | "TEXT" | "URL" => Self::Any,
            other => panic!("what completes {other}?"),
        }
    }

    fn of(option: &Opt) -> Self {
        Self::named(option.value())
    }

    /// What completes the first operand of a command.
    fn of_operand(topic: &Topic) -> Self {
        let mut words = topic.usage.split(' ');
        let is_operand = |word: &&str| word.bytes().all(|byte| byte.is_ascii_uppercase());
        Self::named(words.find(is_operand).unwrap_or_default())
    }
}

/// The options of a command that can be given as arguments.
fn options(topic: &Topic) -> impl Iterator<Item = &'static Opt> {
    let options = topic.options.iter().copied();
    options.filter(|option| !option.is_variable_only())
}

fn names(option: &Opt) -> impl Iterator<Item = &'static str> {
    let names = [option.short(), option.long()].into_iter();
    names.filter(|name| !name.is_empty())
}

/// What the help of hinit says about a command.
pub(super) fn summary(topic: &Topic) -> &'static str {
    let mut lines = RUN.examples.lines().map(str::trim);
    let summary = lines.find_map(|line| line.strip_prefix(topic.word())?.strip_prefix("  "));
    summary.unwrap().trim()
}

fn commands() -> Vec<&'static str> {
    TOPICS.map(Topic::word).to_vec()
}

/// The standard ones; the kernel has no names for real-time signals.
fn signals() -> Vec<&'static str> {
    let names = Signal::iterator().map(Signal::as_str);
    names
        .map(|name| name.strip_prefix("SIG").unwrap())
        .collect()
}

/// The options of all commands that take a value, each name once.
fn options_with_value() -> Vec<(&'static str, Value)> {
    let mut found: Vec<(&str, Value)> = Vec::new();
    let all = TOPICS.into_iter().flat_map(options);
    for option in all.filter(|option| option.takes_value()) {
        for name in names(option) {
            let value = Value::of(option);
            match found.iter().find(|(known, _)| *known == name) {
                Some((_, known)) => assert!(*known == value, "{name} has two kinds of value"),
                None => found.push((name, value)),
            }
        }
    }
    found
}

/// Words with blanks between them. Long lines are broken by `line_break`.
fn wrapped(words: &[&str], line_break: &str) -> String {
    let mut text = String::new();
    let mut column = 0;
    for word in words {
        if column + word.len() > 90 {
            text += line_break;
            column = 0;
        } else if column > 0 {
            text += " ";
        }
        text += word;
        column += word.len() + 1;
    }
    text
}

/// A text as one word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Three functions, each of which sets local variables of its caller.
fn bash() -> String {
    let kind = |value| match value {
        Value::Files => "files".to_owned(),
        Value::Directories => "directories".to_owned(),
        Value::Users => "users".to_owned(),
        Value::Signal => "signal".to_owned(),
        Value::Signals => "signals".to_owned(),
        Value::Words(words) => quoted(words),
        Value::Server => "server".to_owned(),
        Value::Any => "any".to_owned(),
    };
    let mut text = format!(
        "_hinit_lists() {{\n    commands='{}'\n    signals='{}'\n}}\n",
        commands().join(" "),
        wrapped(&signals(), "\n        "),
    );
    text += "\n_hinit_command() {\n    case $1 in\n";
    for topic in TOPICS {
        let names: Vec<&str> = options(topic).flat_map(names).collect();
        let _ok = write!(
            text,
            "    {})\n        operand={}\n        options='{}'\n        ;;\n",
            topic.word(),
            kind(Value::of_operand(topic)),
            wrapped(&names, "\n            "),
        );
    }
    text += "    esac\n}\n\n_hinit_option() {\n    case $1 in\n";
    for (name, value) in options_with_value() {
        let _ok = writeln!(text, "    {name}) kind={} ;;", kind(value));
    }
    text + "    esac\n}\n"
}

/// A function for each command, with the arguments of `_arguments`.
fn zsh() -> String {
    let action = |value| match value {
        Value::Files => "_files".to_owned(),
        Value::Directories => "_directories".to_owned(),
        Value::Users => "_users".to_owned(),
        Value::Signal => "_hinit_signals".to_owned(),
        Value::Signals => "_sequence _hinit_signals".to_owned(),
        Value::Words(words) => format!("({words})"),
        Value::Server => "_hinit_program".to_owned(),
        Value::Any => " ".to_owned(),
    };
    let mut text = format!(
        "_hinit_signals() {{\n  compadd \"$@\" - {}\n}}\n",
        wrapped(&signals(), " \\\n    ")
    );
    text += "\n_hinit_commands() {\n  local -a commands=(\n";
    for topic in TOPICS {
        let entry = format!("{}:{}", topic.word(), summary(topic));
        let _ok = writeln!(text, "    {}", quoted(&entry));
    }
    text += "  )\n  _describe -t commands command commands\n}\n";
    for topic in TOPICS {
        let _ok = write!(text, "\n_hinit_{}() {{\n  _arguments -S", topic.word());
        for option in options(topic) {
            let help = option.help().replace('\\', "\\\\");
            let help = help.replace('[', "\\[").replace(']', "\\]");
            let repeated = if option.help().contains("may be repeated") {
                "*"
            } else {
                ""
            };
            let (equals, value) = if option.takes_value() {
                let action = action(Value::of(option));
                ("=", format!(":{}:{action}", option.value()))
            } else {
                ("", String::new())
            };
            let (short, long) = (option.short(), option.long());
            let description = format!("{equals}[{help}]{value}");
            let specification = if short.is_empty() {
                quoted(&format!("{repeated}{long}{description}"))
            } else {
                assert_eq!(repeated, "", "{short} would be repeated");
                format!(
                    "'({short} {long})'{{{short},{long}}}{}",
                    quoted(&description)
                )
            };
            let _ok = write!(text, " \\\n    {specification}");
        }
        match Value::of_operand(topic) {
            Value::Any => {}
            Value::Server => text += " \\\n    '(-)1: :_hinit_program' \\\n    '*:: :_normal'",
            value => text = format!("{text} \\\n    '1: :{}'", action(value)),
        }
        text += "\n}\n";
    }
    text
}

/// A call of `complete` for each command, option and operand.
fn fish() -> String {
    // A backslash is special between single quotes, too.
    let quoted = |text: &str| format!("'{}'", text.replace('\\', r"\\").replace('\'', r"\'"));
    let arguments = |value| match value {
        Value::Files => " -F".to_owned(),
        Value::Directories => " -a '(__hinit_directories)'".to_owned(),
        Value::Users => " -a '(__fish_complete_users)'".to_owned(),
        Value::Signal => " -a '$__hinit_signals'".to_owned(),
        Value::Signals => " -a '(__fish_append , $__hinit_signals)'".to_owned(),
        Value::Words(words) => format!(" -a {}", quoted(words)),
        Value::Server => " -a '(__hinit_server)'".to_owned(),
        Value::Any => String::new(),
    };
    let with_value = options_with_value();
    let with_value: Vec<&str> = with_value.iter().map(|(name, _)| *name).collect();
    let mut text = String::new();
    for (name, words) in [
        ("commands", commands()),
        ("options_with_value", with_value),
        ("signals", signals()),
    ] {
        let words = wrapped(&words, " \\\n    ");
        let _ok = writeln!(text, "set -g __hinit_{name} {words}");
    }
    text += "\n";
    for topic in TOPICS {
        let (word, summary) = (topic.word(), quoted(summary(topic)));
        let _ok = writeln!(
            text,
            "complete -c hinit -n __hinit_first -a {word} -d {summary}"
        );
    }
    for topic in TOPICS {
        let start = format!("complete -c hinit -n '__hinit_at {}'", topic.word());
        text += "\n";
        for option in options(topic) {
            let short = option.short().replace('-', " -s ");
            let long = option.long().replacen("--", "", 1);
            // Without -F a value is no file (-x).
            let takes = match Value::of(option) {
                _ if !option.takes_value() => "",
                Value::Files => " -r",
                _ => " -x",
            };
            let arguments = arguments(Value::of(option));
            let help = quoted(option.help());
            let _ok = writeln!(text, "{start}{short} -l {long}{takes}{arguments} -d {help}");
        }
        let arguments = arguments(Value::of_operand(topic));
        if !arguments.is_empty() {
            let _ok = writeln!(text, "{start}{arguments}");
        }
    }
    text
}

/// `HINIT_WRITE_MANUAL=1 cargo test completions` updates the files.
#[test]
fn the_completions_match_the_help() {
    for (name, generated) in [
        ("hinit.bash", bash()),
        ("_hinit", zsh()),
        ("hinit.fish", fish()),
    ] {
        let path = super::tidy::root().join("docker/completions").join(name);
        let file = std::fs::read_to_string(&path).unwrap();
        let (head, rest) = file.split_once("# begin\n").unwrap();
        let (_, tail) = rest.split_once("# end\n").unwrap();
        let expected = format!("{head}# begin\n{generated}# end\n{tail}");
        if std::env::var_os("HINIT_WRITE_MANUAL").is_some() {
            std::fs::write(path, expected).unwrap();
        } else {
            let mut lines = file.lines().zip(expected.lines());
            assert_eq!(
                lines.find(|(shown, expected)| shown != expected),
                None,
                "{name}"
            );
            assert_eq!(file.len(), expected.len(), "{name}");
        }
    }
}
