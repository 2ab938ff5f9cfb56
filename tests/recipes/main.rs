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
    apache: Recipe {
        options: TMP,
        user: "www-data",
        reload: Reload::Workers("USR1"),
        work: Work::Download("/var/www/html"),
        ..WORKERS
    };
    caddy: Recipe {
        options: TMP,
        user: "www-data",
        reload: Reload::Command("caddy reload --force --config /app/Caddyfile", "load complete"),
        work: Work::Download("/usr/share/caddy"),
        ..ONE_PROCESS
    };
    cron: Recipe {
        options: &["--tmpfs=/run", "--tmpfs=/tmp", "--cap-add=SETUID", "--cap-add=SETGID", "--cap-add=KILL"],
        user: "root",
        healthy: " was touched ",
        has_port: false,
        work: Work::Data(
            "setpriv --reuid=www-data --clear-groups sh -c '
            until [ -e /data/job.running ]; do sleep 0.1; done; rm -f /data/job.done'",
            "cat /data/job.done",
            "the job is done",
        ),
        ..ONE_PROCESS
    };
    django: Recipe { options: TMP, ..WORKERS };
    granian: WORKERS;
    gunicorn: WORKERS;
    haproxy: Recipe {
        user: "haproxy",
        reload: Reload::Workers("USR2"),
        work: Work::Proxied,
        ..WORKERS
    };
    java: ONE_PROCESS;
    mariadb: Recipe {
        options: TMP,
        user: "mysql",
        healthy: " accepts connections ",
        work: Work::Data(
            "set -e
            mariadb -e \"create database d; create table d.t select 'value' v\"
            mariadb -e 'select sleep(1000)' >/dev/null 2>&1 &
            until mariadb -e 'show processlist' | grep 'select sleep(1000)'; do :; done",
            "mariadb -e 'select v from d.t'",
            "value",
        ),
        ..ONE_PROCESS
    };
    memcached: Recipe {
        user: "memcache",
        healthy: " answered as expected after ",
        work: Work::Nothing,
        ..ONE_PROCESS
    };
    mosquitto: Recipe {
        user: "mosquitto",
        healthy: " answered as expected after ",
        reload: Reload::Log("HUP", "Reloading config."),
        work: Work::Data(
            "mosquitto_sub -t other >/dev/null 2>&1 &
            mosquitto_pub -q 1 -r -t topic -m value",
            "mosquitto_sub -t topic -C 1 -W 30",
            "value",
        ),
        ..ONE_PROCESS
    };
    nginx: Recipe {
        options: TMP,
        user: "www-data",
        work: Work::Download("/var/www/html"),
        ..WORKERS
    };
    node: ONE_PROCESS;
    openssh: Recipe {
        user: "app",
        healthy: " answered as expected after ",
        reload: Reload::Log("HUP", "Received SIGHUP; restarting."),
        work: Work::Data(
            "ssh-keygen -q -t ed25519 -N '' -f /dev/shm/key
            cp /dev/shm/key.pub /keys/authorized_keys
            ssh -i /dev/shm/key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -p 2222 127.0.0.1 \
                'echo value >/keys/file; exec sleep 1000' >/dev/null 2>&1 &
            until grep value /keys/file; do sleep 0.1; done",
            "cat /keys/file",
            "value",
        ),
        ..ONE_PROCESS
    };
    php_fpm: Recipe {
        options: TMP,
        user: "www-data",
        stopped: Stopped::Named("php-fpm8.2"),
        ..WORKERS
    };
    postfix: Recipe {
        confined: false,
        user: "root",
        healthy: " answered as expected after ",
        stopped: Stopped::Named("smtpd"),
        reload: Reload::Command("postfix reload", "reload -- version"),
        work: Work::Data(
            "echo text | sendmail app@example.com && postsuper -h ALL",
            "postqueue -p",
            "app@example.com",
        ),
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
    puma: Recipe { reload: Reload::Workers("USR1"), ..WORKERS };
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
