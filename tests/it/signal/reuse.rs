//! A PID that is reused while `hinit signal` or a health check runs: stopped after any of its system
//! calls, the first signals the server or no process, and the second is unhealthy.

use super::*;

/// In a PID namespace of its own: starts hinit and its server, and `$READER` under strace,
/// which stops it after a system call. Then the server exits, and another process gets its PID.
///
/// Arguments: a directory, strace's options, how hinit ends, and `claim` if another hinit claims
/// the PID file after a later call. The reader gets the whole path, as where its calls are counted:
/// without openat2(2) each directory takes some.
const SCRIPT: &str = r#"
cd "$1"
"$HINIT" -q --pid-file pid sleep 1000 & hinit=$!
until read -r pid 2>/dev/null <pid; do :; done
strace -f -o trace $2 "$HINIT" $READER --pid-file "$1/pid" >output 2>&1 & tracer=$!
is_stopped() {
    until test "$(grep -c 'stopped by' trace 2>/dev/null)" = $1; do
        ! grep -q 'exited with' trace 2>/dev/null || return 1
    done
}
is_stopped 1
read -r tracee rest <trace
case $3 in
in-order) kill -KILL $pid; wait $hinit || true ;;
crashed)
    kill -KILL $hinit; wait $hinit || true
    kill -KILL $pid; while test -e /proc/$pid; do env true; done ;;
esac
echo $((pid - 1)) >/proc/sys/kernel/ns_last_pid
sleep 1000 & test $! = $pid
kill -CONT $tracee
if test "$4" = claim && is_stopped 2; then
    # Not where it is stopped with its own lock on the file.
    { "$HINIT" -q --pid-file pid sleep 1000 || : >failed; } 2>/dev/null &
    until test -e failed || { read -r now 2>/dev/null <pid && test "$now" != $pid; }; do :; done
    kill -CONT $tracee
fi
wait $tracer && echo sent || echo refused
read -r pid name state rest </proc/$pid/stat
echo "$name $state"
cat output
"#;

const SIGNAL: [&str; 2] = ["signal KILL", "hinit: cannot send SIGKILL: "];
/// It is stopped for longer than its usual timeout.
const CHECK: [&str; 2] = ["healthcheck --timeout 60s", "unhealthy: "];

/// The other process must be alive, and must not have got a signal, nor a healthy verdict.
#[track_caller]
fn assert_reused_pid_is_spared(
    [reader, refusal]: [&str; 2],
    options: &[String],
    end: &str,
    then: &str,
) {
    let dir = TempDir::new();
    let mut command = command_in(Mode::Pid1, "sh");
    command.args(["-euc", SCRIPT, "sh"]).arg(dir.as_ref());
    command.args([options.join(" ").as_str(), end, then]);
    command.env("HINIT", hinit()).env("READER", reader);
    let ended = Ended::of(&command.output().unwrap());
    let lines: Vec<_> = ended.stdout.lines().collect();
    let is_spared = matches!(
        lines[..],
        ["refused", process, why] if !process.ends_with(" Z")
            && why.starts_with(refusal)
    );
    assert!(is_spared, "{reader} {options:?} {end} {then}: {ended:?}");
}

/// strace's options that stop it after this call.
fn stop_after((name, numbers): &(String, String)) -> String {
    format!("-e inject={name}:signal=STOP:when={numbers}")
}

/// The system calls of `hinit signal`, from the first on the PID file to the last before this one,
/// each with its count among those of the same name.
fn calls_before(last: &str) -> Vec<(String, String)> {
    calls(&["signal", "CONT"], |names| {
        let last = names.iter().position(|name| name == last);
        last.expect("this call is not made")
    })
}

/// Those of this command before the one at the place that `end` finds.
fn calls(command: &[&str], end: impl Fn(&[String]) -> usize) -> Vec<(String, String)> {
    let dir = TempDir::new();
    let (path, trace) = (dir.join("pid"), dir.join("trace"));
    let process = TestProcess::sleeping();
    let _held = locked_pid_file(&path, process.pid().to_string());
    // As root of a user namespace, as in the script.
    let mut strace = Command::new(if is_root() { "env" } else { "unshare" });
    if !is_root() {
        strace.args(["--user", "--map-root-user"]);
    }
    strace.args(["strace", "-o"]).arg(&trace).arg(hinit());
    strace.args(command).arg("--pid-file").arg(&path);
    assert!(strace.output().unwrap().status.success());
    let trace = fs::read_to_string(trace).unwrap();
    let names = trace.lines().map(|line| line.split('(').next().unwrap());
    let mut names: Vec<String> = names.map(str::to_owned).collect();
    names.truncate(end(&names));
    let numbered = names.iter().enumerate().map(|(at, name)| {
        let number = names[..=at].iter().filter(|other| *other == name).count();
        (name.clone(), number.to_string())
    });
    let first = trace
        .lines()
        .position(|line| line.contains("\"pid\"") && !line.contains("exec"));
    numbered.skip(first.unwrap()).collect()
}

fn can_choose_pids() -> bool {
    let is_there = Path::new("/proc/sys/kernel/ns_last_pid").exists();
    can_run(is_there, "the kernel must let a test choose the next PID")
}

#[test]
fn a_pid_reused_after_any_system_call_gets_no_signal() {
    if !can_choose_pids() {
        return;
    }
    let calls = calls_before("pidfd_send_signal");
    assert!(calls.iter().any(|(name, _)| name == "pidfd_open"));
    for call in &calls {
        for end in ["in-order", "crashed"] {
            assert_reused_pid_is_spared(SIGNAL, &[stop_after(call)], end, "");
        }
    }
}

/// Until its last look at the lock. After that the server was there when it looked.
#[test]
fn a_pid_reused_after_any_system_call_is_not_healthy() {
    if !can_choose_pids() {
        return;
    }
    let last_look = |names: &[String]| {
        names
            .iter()
            .rposition(|name| is_call(name, "fcntl"))
            .unwrap()
    };
    for call in &calls(&["healthcheck"], last_look) {
        for end in ["in-order", "crashed"] {
            assert_reused_pid_is_spared(CHECK, &[stop_after(call)], end, "");
        }
    }
}

#[test]
fn without_pidfds_a_reused_pid_gets_no_signal() {
    if !can_choose_pids() {
        return;
    }
    // strace takes one injection for a call, so it stops after the call before.
    let calls = calls_before("pidfd_open");
    let without = "-e inject=pidfd_open:error=ENOSYS".to_owned();
    for end in ["in-order", "crashed"] {
        let options = [stop_after(calls.last().unwrap()), without.clone()];
        assert_reused_pid_is_spared(SIGNAL, &options, end, "");
    }
}

#[test]
fn the_lock_of_another_hinit_does_not_confirm_a_reused_pid() {
    if !can_choose_pids() {
        return;
    }
    let before = calls_before("pidfd_open");
    let first = before.last().unwrap();
    for later in &calls_before("pidfd_send_signal")[before.len()..] {
        let number = |call: &(String, String)| call.1.parse::<u32>().unwrap();
        let options = if later.0 == first.0 {
            // One injection does both.
            let step = number(later) - number(first);
            let both = format!("{}..{}+{step}", first.1, later.1);
            vec![stop_after(&(first.0.clone(), both))]
        } else {
            vec![stop_after(first), stop_after(later)]
        };
        assert_reused_pid_is_spared(SIGNAL, &options, "crashed", "claim");
    }
}
