//! The negative controls of the course: with an edit of its Dockerfile a recipe fails, at the step that claims what the
//! edit takes away.

use crate::recipe::Recipe;
use crate::{course, recipe};

macro_rules! controls {
    ($($name:ident: $recipe:ident { $from:literal => $to:literal } $(with { $($field:ident: $value:expr),+ })?
        fails $step:literal: $text:literal;)*) => {
        $(#[test]
        fn $name() {
            let recipe = Recipe { $($($field: $value,)+)? ..recipe(stringify!($recipe)) };
            let directory = stringify!($recipe).replace('_', "-");
            course::fails(stringify!($name), &directory, recipe, ($from, $to), ($step, $text));
        })*
    };
}

// The name of a control begins with that of its recipe, by which `tests/recipes/run NAME` finds it.
controls! {
    gunicorn_as_root: gunicorn { "USER 10001\n" => "" } fails "user": "the user";

    nginx_without_a_probe: nginx { "\"healthcheck\", \"--http\", \"http://127.0.0.1:8000/healthz\"" => "\"healthcheck\"" }
        with { healthy: "healthy: process " }
        fails "stopped processes": "not within a minute: unhealthy";

    memcached_without_a_probe: memcached {
        ", \"--tcp\", \"127.0.0.1:11211\", \"--send\", \"version\\r\\n\", \"--reply\", \"VERSION \"" => ""
    } with { healthy: "healthy: process " }
        fails "closed port": "not within a minute: unhealthy";

    haproxy_that_ignores_usr2: haproxy { "\"--stop-signal\"" => "\"--rewrite\", \"USR2=\", \"--stop-signal\"" }
        fails "reload": "not within a minute: it has replaced workers";

    postgresql_that_ignores_hup: postgresql { "\"TERM=INT\"" => "\"TERM=INT\", \"--rewrite\", \"HUP=\"" }
        fails "reload": "not within a minute: received SIGHUP, reloading configuration files";

    nginx_with_its_fast_stop: nginx { "\"--rewrite\", \"TERM=QUIT\", " => "" }
        fails "stop": "the download is cut off";

    haproxy_with_its_fast_stop: haproxy { "STOPSIGNAL SIGUSR1\n" => "" } fails "stop": "no complete answer";

    gunicorn_with_its_fast_stop: gunicorn { "\"/hinit\", \"--\"" => "\"/hinit\", \"--rewrite\", \"TERM=QUIT\", \"--\"" }
        fails "stop": "no complete answer";

    uvicorn_without_clean_stop: uvicorn { "\"--clean-stop\", " => "" } fails "stop": "left: 143\n right: 0";

    memcached_that_leaves_a_process: memcached {
        "CMD [\"memcached\", \"--listen\", \"0.0.0.0\"]" =>
        "CMD [\"sh\", \"-c\", \"(trap '' TERM; exec sleep 1000) & exec memcached --listen 0.0.0.0\"]"
    } fails "stop": "; killed ";

    redis_that_saves_nothing: redis { "\"--save\", \"60\", \"1\"" => "\"--save\", \"\"" } fails "start": "the data is lost";

    node_whose_crash_is_a_success: node { "\"/hinit\", \"--\"" => "\"/hinit\", \"--map-exit\", \"KILL=0\", \"--\"" }
        fails "crash": "left: 0\n right: 137";

    worker_that_leaves_a_lock: worker {
        "CMD [\"python\", \"/app/worker.py\"]" =>
        "CMD [\"sh\", \"-c\", \"set -eC; >/queue/lock; python /app/worker.py & trap 'kill $!; wait $!; rm /queue/lock; exit 0' TERM; wait\"]"
    } fails "start after the crash": "not within a minute: healthy";
}
