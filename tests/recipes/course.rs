//! The course that each recipe goes through.

use std::any::Any;
use std::fs::File;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;
use std::{env, fs};

use crate::engine::{self, report, root};
use crate::recipe::{Recipe, Reload, Stopped};
use crate::server::{Server, build};

type Step = (&'static str, fn(&Server));

/// The steps, which docker/recipes/README.md describes.
const COURSE: &[Step] = &[
    ("healthy", Server::is_healthy),
    ("user", Server::has_its_user),
    ("stopped processes", Server::is_unhealthy_while_stopped),
    ("closed port", Server::is_unhealthy_while_closed),
    ("reload", Server::reloads),
    ("stop", Server::stops_at_work),
    ("start", Server::starts_with_its_data),
    ("crash", Server::ends_with_its_server),
    ("start after the crash", Server::starts),
];

/// Takes a recipe through the whole course, and records its row of the table.
pub(crate) fn run(name: &str, recipe: Recipe) {
    if !engine::is_there() {
        return;
    }
    let image = build(name, &format!("hinit-recipe-{name}"), &dockerfile(name));
    let server = Server::start(&image, recipe);
    assert_eq!(first_failure(&server), None, "the step that fails");
    record(name, &server.recipe, server.stop_time());
}

/// The course of a recipe whose Dockerfile has an edit must end at this step, with this text in the message.
pub(crate) fn fails(
    control: &str,
    name: &str,
    recipe: Recipe,
    (from, to): (&str, &str),
    (step, text): (&str, &str),
) {
    let dockerfile = dockerfile(name);
    assert_eq!(dockerfile.matches(from).count(), 1, "`{from}` in {name}");
    if !engine::is_there() {
        return;
    }
    let tag = format!("hinit-recipe-{name}:{}", control.replace('_', "-"));
    let image = build(name, &tag, &dockerfile.replace(from, to));
    let server = Server::start(&image, recipe);
    let failure = first_failure(&server);
    let (failed, message) = failure.unwrap_or(("none", String::new()));
    assert_eq!(failed, step, "the step that fails, with {message}");
    assert!(message.contains(text), "{message}");
}

fn dockerfile(name: &str) -> String {
    fs::read_to_string(root().join("docker/recipes").join(name).join("Dockerfile")).unwrap()
}

/// The first step that fails, and the message of its panic.
fn first_failure(server: &Server) -> Option<(&'static str, String)> {
    COURSE.iter().find_map(|(step, walk)| {
        let panic = catch_unwind(AssertUnwindSafe(|| walk(server))).err()?;
        Some((*step, message(panic.as_ref())))
    })
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default()
}

/// Adds a line of the table of docker/recipes/README.md to the file that `$RECIPES_TABLE` names.
fn record(name: &str, recipe: &Recipe, took: Duration) {
    let read_only = if recipe.confined { "yes" } else { "no" };
    let stopped = match recipe.stopped {
        Stopped::Server => "the server",
        Stopped::Workers => "its workers",
        Stopped::Named(name) => name,
    };
    let reload = match recipe.reload {
        Reload::None => "",
        Reload::Workers(signal) | Reload::Log(signal, _) => signal,
        Reload::Command(command, _) => command,
    };
    let work = recipe.work.describe();
    let user = recipe.user;
    let row = format!(
        "| [{name}]({name}) | {user} | {read_only} | {stopped} | {reload} | {work} | {took:.1?} |"
    );
    report(&row);
    if let Some(path) = env::var_os("RECIPES_TABLE") {
        let file = File::options().append(true).create(true).open(path);
        // In one write, because recipes run side by side.
        file.unwrap()
            .write_all(format!("{row}\n").as_bytes())
            .unwrap();
    }
}
