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
