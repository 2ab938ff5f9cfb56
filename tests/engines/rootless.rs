//! Podman of a user without privileges.

use crate::engine::eventually;
use crate::sandbox;

#[test]
fn without_root_podman_checks_signals_and_stops_a_server() {
    let Some(sandbox) = sandbox::podman() else {
        return;
    };
    let containers = sandbox.file(
        "rootless-containers.conf",
        "[containers]
default_ulimits = [\"nofile=1024:1024\", \"nproc=4096:4096\"]
[engine]
cgroup_manager = \"cgroupfs\"
events_logger = \"file\"
helper_binaries_dir = [\"/run/as\", \"/usr/lib/podman\"]
",
    );
    // Not in the home directory, which can be in an overlay.
    let storage = sandbox.file(
        "rootless-storage.conf",
        "[storage]
driver = \"overlay\"
graphroot = \"/run/user/storage\"
runroot = \"/run/user/run\"
",
    );
    sandbox.run("install --directory --owner user --group user /run/user");
    let podman = format!(
        "runuser --user user -- env --chdir=/ XDG_RUNTIME_DIR=/run/user HOME=/run/user \
         CONTAINERS_CONF={containers} CONTAINERS_STORAGE_CONF={storage} podman"
    );
    let rootless = sandbox.run(&format!(
        "{podman} info --format {{{{.Host.Security.Rootless}}}}"
    ));
    assert_eq!(rootless, "true");
    let dockerfile = include_str!("../../docker/demo.Dockerfile");
    sandbox.build(&podman, "my-server", dockerfile);

    let run = format!("{podman} run --detach --network none --env HINIT_TIMEOUT=30s");
    let init = "--init --init-path /run/as/catatonit --entrypoint /demo-server";
    // hinit as the image's init, and as Podman's, where it keeps no PID file.
    for (name, options) in [("plain", ""), ("below", init)] {
        let mut line = format!("{run} --name {name} {options} my-server");
        line = line.replace("  ", " ");
        sandbox.run(&line);
        eventually("it listens", || {
            let logs = sandbox.logs(&podman, name);
            logs.contains("listening on").then_some(())
        });
        let check = sandbox.output(&format!("{podman} healthcheck run {name}"));
        assert_eq!(check.status.success(), name == "plain", "{check:?}");
        sandbox.run(&format!("{podman} kill --signal HUP {name}"));
        eventually("a reload", || {
            let logs = sandbox.logs(&podman, name);
            logs.contains("reloaded (1)").then_some(())
        });
        sandbox.run(&format!("{podman} stop --time 60 {name}"));
        let code = sandbox.inspect(&podman, name, "{{.State.ExitCode}}");
        assert_eq!(code, "0");
    }
}
