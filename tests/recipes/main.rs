//! The recipes of docker/recipes in real containers: each goes through the same course.
//!
//! `tests/recipes/run` builds what they need. Without an engine each test prints that it is skipped, and fails in CI.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod controls;
mod course;
#[path = "../docker/engine.rs"]
#[allow(dead_code, reason = "tests/docker uses the rest of it")]
mod engine;
mod recipe;
mod server;
mod work;

use recipe::{ONE_PROCESS, Recipe, Reload, Stopped, WORKERS};
use work::Work;

/// Makes a test of each recipe. The name of its directory has dashes.
macro_rules! recipes {
    ($($name:ident: $recipe:expr;)*) => {
        const NAMES: &[&str] = &[$(stringify!($name)),*];

        $(#[test]
        fn $name() {
            let name = stringify!($name);
            course::run(&name.replace('_', "-"), recipe(name));
        })*

        fn recipe(name: &str) -> Recipe {
            match name {
                $(stringify!($name) => $recipe,)*
                _ => panic!("there is no recipe {name}"),
            }
        }
    };
}

recipes! {
    django: Recipe { options: TMP, ..WORKERS };
    gunicorn: WORKERS;
    haproxy: Recipe {
        user: "haproxy",
        reload: Reload::Workers("USR2"),
        work: Work::Proxied,
        ..WORKERS
    };
    memcached: Recipe {
        user: "memcache",
        healthy: " answered as expected after ",
        work: Work::Nothing,
        ..ONE_PROCESS
    };
    nginx: Recipe {
        options: TMP,
        user: "www-data",
        work: Work::Download("/var/www/html"),
        ..WORKERS
    };
    node: ONE_PROCESS;
    php_fpm: Recipe {
        options: TMP,
        user: "www-data",
        stopped: Stopped::Named("php-fpm8.2"),
        ..WORKERS
    };
    postgresql: Recipe {
        options: TMP,
        user: "postgres",
        healthy: " answered as expected after ",
        reload: Reload::Log("HUP", "received SIGHUP, reloading configuration files"),
        work: Work::Data(
            "psql -c \"create table t as select 'value' v\"
            psql -c 'select pg_sleep(1000)' >/dev/null 2>&1 &
            until psql -Atc 'select query from pg_stat_activity where pid <> pg_backend_pid()' |
                grep 'pg_sleep(1000)'; do :; done",
            "psql -Atc 'select v from t'",
            "value",
        ),
        ..ONE_PROCESS
    };
    redis: Recipe {
        user: "redis",
        healthy: " answered as expected after ",
        work: Work::Data("redis-cli set name value", "redis-cli get name", "value"),
        ..ONE_PROCESS
    };
    shell: WORKERS;
    uvicorn: ONE_PROCESS;
    worker: Recipe {
        healthy: " was touched ",
        has_port: false,
        work: Work::Data(
            "echo 'sleep 2; echo value' >/queue/task.sh; until [ -e /queue/task.sh.running ]; do :; done",
            "cat /queue/task.sh.done",
            "value",
        ),
        ..ONE_PROCESS
    };
}

/// For a server that writes to /tmp.
const TMP: &[&str] = &["--tmpfs=/tmp"];

/// A recipe without a test, or a test without a recipe, would not be noticed.
#[test]
fn each_recipe_has_a_test() {
    let directory = engine::root().join("docker/recipes");
    let entries = std::fs::read_dir(directory).unwrap().flatten();
    let directories = entries.filter(|entry| entry.path().is_dir());
    let mut found: Vec<_> = directories
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    found.sort();
    let mut tested: Vec<_> = NAMES.iter().map(|name| name.replace('_', "-")).collect();
    tested.sort();
    assert_eq!(found, tested);
}
