//! The pages, and the parts of them that are generated.

use std::fs;
use std::path::PathBuf;

use super::markdown;
use super::troff::{bold, definition, literal, prose};
use crate::checks::tidy::root;
use crate::cli::options::{HELP, Opt, TOPICS, Topic, VERSION};

pub(super) const DIRECTORY: &str = "docker/man";

/// Its name, and the command that it is about. hinit(1) is about none.
pub(super) struct Page {
    pub(super) name: String,
    topic: Option<&'static Topic>,
}

pub(super) fn pages() -> Vec<Page> {
    let about_all = Page {
        name: "hinit".to_owned(),
        topic: None,
    };
    let others = TOPICS.map(|topic| Page {
        name: format!("hinit-{}", topic.word()),
        topic: Some(topic),
    });
    [about_all].into_iter().chain(others).collect()
}

impl Page {
    pub(super) fn path(&self) -> PathBuf {
        root().join(format!("{DIRECTORY}/{}.1", self.name))
    }

    pub(super) fn source(&self) -> String {
        fs::read_to_string(self.path()).unwrap()
    }

    /// hinit(1) has those that need no command.
    pub(super) fn options(&self) -> Vec<&'static Opt> {
        match self.topic {
            Some(topic) => topic.options.to_vec(),
            None => vec![VERSION.opt, &HELP],
        }
    }

    fn part(&self, name: &str) -> String {
        let name_and_rest = name.split_once(' ');
        match (name, name_and_rest) {
            ("title", _) => self.title(),
            ("synopsis", _) => self.synopsis(),
            ("about", _) => self.about(),
            ("commands", _) => commands(),
            ("options", _) => self.options_part(),
            ("variables", _) => self.variables(),
            ("pages", _) => self.others(),
            (_, Some(("section", place))) => {
                let (guide, heading) = place.split_once(' ').unwrap();
                markdown::section(guide, heading)
            }
            (_, Some(("table", place))) => {
                let (guide, first) = place.split_once(' ').unwrap();
                markdown::table(guide, first)
            }
            _ => panic!("{}: no part is named {name}", self.name),
        }
    }

    fn title(&self) -> String {
        let changelog = include_str!("../../../CHANGELOG.md");
        let version = env!("CARGO_PKG_VERSION");
        let heading = format!("\n## [{version}] - ");
        let date = changelog.split_once(&heading).unwrap().1;
        let date = date.lines().next().unwrap();
        let name = literal(&self.name.to_uppercase());
        format!(".TH {name} 1 \"{date}\" \"hinit {version}\" \"User Commands\"\n")
    }

    fn synopsis(&self) -> String {
        let topics = self.topic.map_or(TOPICS.to_vec(), |topic| vec![topic]);
        let usages: String = topics
            .iter()
            .map(|topic| usage(topic.usage.strip_prefix("usage: ").unwrap()) + "\n")
            .collect();
        format!(".nf\n{usages}.fi\n")
    }

    fn about(&self) -> String {
        let about = self.topic.unwrap().about;
        prose(about).replace("\n\n", "\n.PP\n") + "\n"
    }

    fn options_part(&self) -> String {
        let described = |option: &&Opt| {
            let title = self.topic.and_then(|topic| topic.title_of(option));
            let title = title.map_or(String::new(), |title| format!(".SS \"{title}\"\n"));
            title + &definition(&tag(option), &meaning(option))
        };
        self.options().iter().map(described).collect()
    }

    /// Each variable, and the option that it sets. What is a variable only is among the options.
    fn variables(&self) -> String {
        let options = self.options().into_iter();
        let settable = options.filter(|option| option.has_variable() && !option.is_variable_only());
        let lines = settable.map(|option| {
            let [variable, option] = [&*option.env_name(), option.long()].map(bold);
            format!(".TP 26\n{variable}\n{option}\n")
        });
        format!(".PD 0\n{}.PD\n", lines.collect::<String>())
    }

    fn others(&self) -> String {
        let others = pages().into_iter().filter(|page| page.name != self.name);
        let references = others.map(|page| format!(".BR {} (1),\n", literal(&page.name)));
        references.collect()
    }

    /// The page with its parts generated.
    pub(super) fn generated(&self) -> String {
        let source = self.source();
        let mut parts = source.split(".\\\" begin ");
        let mut page = parts.next().unwrap().to_owned();
        for part in parts {
            let (name, rest) = part.split_once('\n').unwrap();
            let (_, written) = rest.split_once(".\\\" end\n").unwrap();
            let part = self.part(name);
            page.extend([".\\\" begin ", name, "\n", &part, ".\\\" end\n", written]);
        }
        page
    }
}

/// Commands are bold, and values are italic.
fn usage(usage: &str) -> String {
    let word = |word: &str| {
        let name = word.trim_matches(|c: char| !c.is_ascii_alphabetic());
        let font = match name.chars().next() {
            None => return literal(word),
            Some(first) if first.is_ascii_uppercase() => 'I',
            Some(_) => 'B',
        };
        literal(word).replace(name, &format!("\\f{font}{name}\\fR"))
    };
    usage.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// The summaries in hinit's help.
fn commands() -> String {
    let summarized = |topic: &Topic| {
        let summary = prose(crate::checks::completions::summary(topic));
        format!(".TP\n.BR hinit\\-{} (1)\n{summary}.\n", topic.word())
    };
    TOPICS.map(summarized).concat()
}

fn tag(option: &Opt) -> String {
    let names = [option.short(), option.long()].into_iter();
    let names: Vec<String> = names.filter(|name| !name.is_empty()).map(bold).collect();
    let names = names.join(", ");
    if option.takes_value() {
        format!("{names} \\fI{}\\fR", literal(option.value()))
    } else {
        names
    }
}

fn meaning(option: &Opt) -> String {
    let variable = if option.is_variable_only() {
        String::new()
    } else {
        option.env_name()
    };
    let mut text = prose(option.help()) + ".";
    for (what, is) in [("Default", option.default()), ("Environment", &variable)] {
        if !is.is_empty() {
            text = format!("{text} {what}: {}.", literal(is));
        }
    }
    if option.is_expanded() {
        text += " Expands ${NAME}.";
    }
    text
}
