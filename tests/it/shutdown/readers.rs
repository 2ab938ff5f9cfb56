//! A filter of the server's output writes the server's last lines before it gets TERM.

use super::*;

/// Runs a bash script as the server.
fn run_bash(start: Start, script: &str) -> Ended {
    start.no_pid_file().args(["--", "bash", "-c", script]).run()
}

in_both_modes!(
    a_filter_of_the_servers_output_writes_its_last_lines,
    other_writers_to_a_filter_get_term_first,
    a_filter_that_outlives_its_input_gets_term
);

fn a_filter_of_the_servers_output_writes_its_last_lines(mode: Mode) {
    let dir = TempDir::new();
    let fifo = dir.join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let by_name = format!(
        "(>{1}; sleep 0.1; cat) <{0} & exec >{0}; until test -e {1}; do :; done; echo FATAL; exit \
         3",
        fifo.display(),
        dir.join("opened").display()
    );
    // The filter may not have moved the pipe to its standard input yet.
    let later = format!(
        "exec > >(exec 5<&0 </dev/null; >{0}; sleep 0.1; cat <&5); \
        until test -e {0}; do :; done; echo FATAL; exit 3",
        dir.join("moved").display()
    );
    for script in [
        "exec > >(sleep 0.1; cat); echo FATAL; exit 3",
        &by_name,
        &later,
    ] {
        let ended = run_bash(Start::new(mode), script);
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (3, "FATAL"),
            "{script}: {}",
            ended.log
        );
    }
}

fn other_writers_to_a_filter_get_term_first(mode: Mode) {
    let dir = TempDir::new();
    let script = format!(
        "exec > >(tail -n 2); {} echo FATAL; exit 3",
        prints_at_term(&dir, "good bye")
    );
    let ended = run_bash(with_long_drain(mode), &script);
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (3, "FATAL\ngood bye"),
        "{}",
        ended.log
    );
}

fn a_filter_that_outlives_its_input_gets_term(mode: Mode) {
    let dir = TempDir::new();
    let script = format!(
        "{{ {} }} < <(exit); exit 3",
        prints_at_term(&dir, "got TERM")
    );
    let ended = run_bash(with_long_drain(mode), &script);
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (3, "got TERM"),
        "{}",
        ended.log
    );
}

/// Docker's root lacks `CAP_SYS_PTRACE`, and so cannot see which files processes of other users read.
#[test]
fn a_filter_of_another_user_gets_term_at_once() {
    if !can_be_root("to have a server of another user") {
        return;
    }
    let by = ["setpriv", "--bounding-set=-sys_ptrace"];
    let start = Start::by(Mode::Subreaper, &by).no_pid_file();
    let start = start.args(["--user=65534:65534", "--", "bash", "-c"]);
    let ended = start
        .arg("exec > >(sleep 0.1; cat); echo FATAL; exit 3")
        .run();
    assert_eq!((ended.code, ended.stdout.as_str()), (3, "FATAL"));
}
