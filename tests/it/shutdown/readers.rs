//! A filter of the server's output writes the server's last lines before it gets TERM.

use std::time::{Duration, Instant};

use super::*;

/// How much later than the others a reader gets TERM.
const READERS_TIMEOUT: Duration = Duration::from_millis(500);

/// Runs a bash script as the server.
fn run_bash(start: Start, script: &str) -> Ended {
    start.no_pid_file().args(["--", "bash", "-c", script]).run()
}

/// Runs a server whose filter must have written its output. Where the whole run took so long that the filter may
/// have got TERM, other output proves nothing, and another run is made.
fn expect(expected: (i32, &str), run: impl Fn(&TempDir) -> Ended) {
    for _ in 0..20 {
        let (dir, begun) = (TempDir::new(), Instant::now());
        let ended = run(&dir);
        let took = begun.elapsed();
        if (ended.code, ended.stdout.as_str()) == expected {
            return;
        }
        assert!(took >= READERS_TIMEOUT, "after {took:?}: {ended:?}");
    }
    panic!("no run was short enough to prove anything");
}

in_both_modes!(
    a_filter_of_the_servers_output_writes_its_last_lines,
    other_writers_to_a_filter_get_term_first,
    a_filter_that_outlives_its_input_gets_term
);

fn a_filter_of_the_servers_output_writes_its_last_lines(mode: Mode) {
    let simple = |_: &TempDir| "exec > >(sleep 0.1; cat); echo FATAL; exit 3".to_owned();
    let by_name = |dir: &TempDir| {
        let fifo = dir.join("fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        format!(
            "(>{1}; sleep 0.1; cat) <{0} & exec >{0}; until test -e {1}; do :; done; echo FATAL; \
             exit 3",
            fifo.display(),
            dir.join("opened").display()
        )
    };
    // The filter may not have moved the pipe to its standard input yet.
    let later = |dir: &TempDir| {
        format!(
            "exec > >(exec 5<&0 </dev/null; >{0}; sleep 0.1; cat <&5); \
             until test -e {0}; do :; done; echo FATAL; exit 3",
            dir.join("moved").display()
        )
    };
    // The filter has read all that it wants, and closed the pipe.
    let closed = |dir: &TempDir| {
        format!(
            "exec > >(read line; exec <&-; >{0}; sleep 0.1; echo $line); \
             echo FATAL; until test -e {0}; do :; done; exit 3",
            dir.join("closed").display()
        )
    };
    let scripts: [&dyn Fn(&TempDir) -> String; 4] = [&simple, &by_name, &later, &closed];
    for script in scripts {
        expect((3, "FATAL"), |dir| run_bash(Start::new(mode), &script(dir)));
    }
}

fn other_writers_to_a_filter_get_term_first(mode: Mode) {
    expect((3, "FATAL\ngood bye"), |dir| {
        let script = format!(
            "exec > >(tail -n 2); {} echo FATAL; exit 3",
            prints_at_term(dir, "good bye")
        );
        run_bash(with_long_drain(mode), &script)
    });
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
fn a_filter_of_another_user_writes_its_last_lines() {
    if !can_be_root("to have a server of another user") {
        return;
    }
    let by = ["setpriv", "--bounding-set=-sys_ptrace"];
    expect((3, "FATAL"), |_| {
        let start = Start::by(Mode::Subreaper, &by).args(["--user=65534:65534"]);
        run_bash(start, "exec > >(sleep 0.1; cat); echo FATAL; exit 3")
    });
}
