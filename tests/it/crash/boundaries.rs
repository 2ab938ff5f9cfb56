//! A crash after each system call of a whole life: between two of them nothing changes that other
//! processes can see.

use super::*;

/// The system calls of hinit's life, each with its count among those of the same name.
fn calls(dir: &TempDir) -> Vec<(String, usize)> {
    let trace = dir.join("trace");
    let mut strace = Command::new("strace");
    strace.arg("-o").arg(&trace).arg(hinit());
    strace
        .args(["-q", "--pid-file"])
        .arg(dir.join("pid"))
        .arg("true");
    assert!(strace.status().unwrap().success());
    let trace = fs::read_to_string(trace).unwrap();
    let names: Vec<&str> = trace
        .lines()
        .filter(|line| !line.starts_with(['+', '-']))
        .map(|line| line.split('(').next().unwrap())
        .collect();
    let numbered = names.iter().enumerate().map(|(at, name)| {
        let number = names[..=at].iter().filter(|other| *other == name).count();
        ((*name).to_owned(), number)
    });
    numbered.collect()
}

#[test]
fn killed_after_any_system_call_the_next_start_works() {
    let (dir, tools) = (TempDir::new(), TempDir::new());
    let path = dir.join("pid");
    let calls = calls(&tools);
    assert!(calls.iter().any(|(name, _)| name == "flock"));
    let mut states = HashMap::<_, usize>::new();
    for (name, number) in &calls {
        let mut strace = Command::new("strace");
        strace.args(["-qq", "-o", "/dev/null", "-e"]);
        strace.arg(format!("inject={name}:signal=KILL:when={number}"));
        strace
            .arg(hinit())
            .args(["-q", "--pid-file"])
            .arg(&path)
            .arg("true");
        let ended = Ended::of(&strace.output().unwrap());
        // This life may have had fewer calls of this name than the recorded one.
        assert!([0, 137].contains(&ended.code), "{name}: {ended:?}");
        let verdict = verdict(&path);
        let what = verdict.strip_prefix("unhealthy: ").unwrap_or_else(|| {
            panic!("killed after {name} {number}: {verdict}");
        });
        *states
            .entry(what.replace(path.to_str().unwrap(), "P"))
            .or_default() += 1;
        let next = Start::new(Mode::Subreaper)
            .pid_file(&path)
            .fixture(["ready"]);
        let next = next.start().ready();
        let pid = recorded(&path);
        assert_eq!(
            next.verdict(&path),
            format!("healthy: process {pid} is alive")
        );
        let ended = next.stop();
        assert_eq!(ended.code, 143, "{name} {number}: {}", ended.log);
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 0);
    }
    for state in [
        "PID file P does not exist",
        "PID file P is empty",
        "PID file P is stale: no hinit has locked it",
    ] {
        assert!(states.contains_key(state), "{state}: {states:?}");
    }
    eprintln!("crash: {} system calls: {states:?}", calls.len());
}

/// Two hinits start on one path. The second is stopped after the first call; meanwhile the first
/// records its server's PID, is killed, and has ended, so that it holds no lock any more. The second
/// goes on, and is stopped after the other call, if it makes that.
const TWO_HINITS: &str = r#"
cd "$1"
strace -f -o first -e inject=fallocate:signal=STOP "$HINIT" -q --pid-file pid sleep 1000 &
stops() { grep -c 'stopped by' $1 2>/dev/null; }
until test "$(stops first)" = 1; do :; done
read -r first rest <first
strace -f -o second $2 "$HINIT" -q --pid-file "$1/pid" sleep 1000 2>/dev/null &
until test "$(stops second)" = 1; do :; done
read -r second rest <second
kill -CONT $first
until read -r pid 2>/dev/null <pid; do :; done
kill -KILL $first
until grep -q "^$first .*killed by SIGKILL" first; do :; done
kill -CONT $second
until test "$(stops second)" = 2; do ! grep -q 'exited with' second || exit 0; done
"$HINIT" healthcheck --pid-file pid
"#;

#[test]
fn the_pid_of_a_killed_hinits_server_is_not_healthy_while_another_starts() {
    let calls = calls(&TempDir::new());
    // On machines of 32 bits libc looks by statx(2), whose times do not end in 2038.
    let is_look = |name: &str| ["fstat", "statx"].contains(&name);
    let (look, first) = calls.iter().find(|(name, _)| is_look(name)).unwrap();
    let open = calls.iter().position(|(name, _)| name == "flock").unwrap() - 1;
    // After the open of an existing file, and after each look at it.
    let (name, number) = &calls[open];
    assert_eq!(name, "openat");
    let mut verdicts = 0;
    for before in [(name.as_str(), number + 1), (look, *first)] {
        for (after, when) in [("flock", 2), ("fcntl", 1)] {
            let dir = TempDir::new();
            let (name, number) = before;
            let after = of_any_width(after);
            let options = format!(
                "-e inject={name}:signal=STOP:when={number} -e inject={after}:signal=STOP:when={when}"
            );
            let mut command = command_in(Mode::Pid1, "sh");
            command.args(["-euc", TWO_HINITS, "sh"]).arg(dir.as_ref());
            let ended = Ended::of(
                &command
                    .arg(&options)
                    .env("HINIT", hinit())
                    .output()
                    .unwrap(),
            );
            assert!(!ended.stdout.starts_with("healthy"), "{options}: {ended:?}");
            verdicts += usize::from(ended.stdout.starts_with("unhealthy: "));
        }
    }
    assert!(
        verdicts > 0,
        "the second hinit was never stopped while it started"
    );
}
