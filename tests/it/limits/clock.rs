//! Only the heartbeat's age depends on the wall clock, by the recorded system calls of whole runs
//! and of all kinds of health checks.
//!
//! Clocks are usually read by code that the kernel maps into each process (vdso(7)), and not by a
//! system call. Here hinit runs without it: its entry in the auxiliary vector is erased at the
//! exec, and then each read of a clock is a system call that strace records. The control is that
//! some clock is seen.

use std::fs;
use std::os::unix::fs::FileExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use nix::libc::{self, SIGCONT, SIGSTOP, SIGTERM};

use super::*;

/// Starts hinit with these arguments, without vDSO and under strace, which records its system
/// calls.
#[allow(unsafe_code)]
fn traced(arguments: &[&str], trace: &Path) -> (Child, Child) {
    let mut command = hinit_with(arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    // SAFETY: ptrace(PTRACE_TRACEME) is async-signal-safe: the exec then stops the process.
    unsafe {
        command.pre_exec(|| match libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0) {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        });
    }
    let child = command.spawn().unwrap();
    let pid = child.id().cast_signed();
    wait_for_state(pid, 't');
    // SAFETY: no memory is passed.
    unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) };
    disable_vdso(pid);
    // SAFETY: no memory is passed. The process stays stopped until strace attaches.
    unsafe { libc::ptrace(libc::PTRACE_DETACH, pid, 0, SIGSTOP) };
    let mut strace = Command::new("strace");
    strace
        .arg("-o")
        .arg(trace)
        .args(["-p", &pid.to_string()])
        .stderr(Stdio::null());
    let strace = strace.spawn().unwrap();
    let tracer = Some(strace.id().to_string());
    eventually("strace is attached", || {
        (status_of(pid, "TracerPid") == tracer).then_some(())
    });
    kill(pid, SIGCONT);
    (child, strace)
}

/// Turns `AT_SYSINFO_EHDR` into an entry that is ignored, in the auxiliary vector on the stack
/// (getauxval(3)).
fn disable_vdso(pid: i32) {
    const AT_IGNORE: u32 = 1;
    const AT_SYSINFO_EHDR: u32 = 33;
    let of = |file: &str| format!("/proc/{pid}/{file}");
    let auxv = fs::read(of("auxv")).unwrap();
    let maps = fs::read_to_string(of("maps")).unwrap();
    let stack = maps.lines().find(|line| line.ends_with("[stack]")).unwrap();
    let (from, to) = stack.split(' ').next().unwrap().split_once('-').unwrap();
    let [from, to] = [from, to].map(|text| u64::from_str_radix(text, 16).unwrap());
    let memory = fs::File::options()
        .read(true)
        .write(true)
        .open(of("mem"))
        .unwrap();
    let mut bytes = vec![0; usize::try_from(to - from).unwrap()];
    memory.read_exact_at(&mut bytes, from).unwrap();
    // The fifth byte of an ELF file says whether its words have 32 bits.
    let word = |value: u32| match fs::read(hinit()).unwrap()[4] {
        1 => value.to_ne_bytes().to_vec(),
        _ => u64::from(value).to_ne_bytes().to_vec(),
    };
    let wanted = word(AT_SYSINFO_EHDR);
    let size = 2 * wanted.len();
    let mut entries = auxv.chunks(size);
    let entry = entries.find(|entry| entry.starts_with(&wanted)).unwrap();
    let at = bytes.windows(size).position(|window| window == entry);
    let at = from + u64::try_from(at.unwrap()).unwrap();
    memory.write_all_at(&word(AT_IGNORE), at).unwrap();
}

/// The system calls that read any clock, or mention the wall clock.
fn clocks(trace: &Path) -> Vec<String> {
    let trace = fs::read_to_string(trace).unwrap();
    let calls = trace.lines().filter(|line| {
        let name = line.split('(').next().unwrap();
        let reads = ["clock_gettime", "gettimeofday", "time"];
        reads.iter().any(|call| is_call(name, call)) || line.contains("CLOCK_REALTIME")
    });
    calls
        .map(|line| line.split([',', ')']).next().unwrap().replace("64(", "("))
        .collect()
}

/// The clocks that a command reads, and its output.
fn clocks_of(arguments: &[&str]) -> (Vec<String>, Ended) {
    let dir = TempDir::new();
    let trace = dir.join("trace");
    let (child, mut strace) = traced(arguments, &trace);
    let ended = Ended::of(&child.wait_with_output().unwrap());
    strace.wait().unwrap();
    (clocks(&trace), ended)
}

const MONOTONIC: &str = "clock_gettime(CLOCK_MONOTONIC";

#[track_caller]
fn assert_only_monotonic(clocks: &[String]) {
    assert!(
        clocks.iter().any(|clock| clock == MONOTONIC),
        "no clock was seen: {clocks:?}"
    );
    let known = [MONOTONIC, "clock_gettime(CLOCK_BOOTTIME"];
    assert!(
        clocks.iter().all(|clock| known.contains(&clock.as_str())),
        "{clocks:?}"
    );
}

#[test]
fn a_whole_run_reads_no_wall_clock() {
    for options in [&[][..], &["--notify", "--watchdog", "60m"]] {
        let dir = TempDir::new();
        let (path, trace) = (dir.join("pid"), dir.join("trace"));
        let mut arguments = vec![
            "-v",
            "--stop-delay",
            "10ms",
            "--grace",
            "10ms",
            "--pid-file",
            path.to_str().unwrap(),
        ];
        arguments.extend(options);
        let trapped = dir.join("trapped");
        let script =
            "trap '' TERM; : >\"$0\"; sleep 1000 >/dev/null 2>&1 & while :; do sleep 1; done";
        arguments.extend(["--", "sh", "-c", script, trapped.to_str().unwrap()]);
        let (mut child, mut strace) = traced(&arguments, &trace);
        eventually("the server ignores SIGTERM", || {
            trapped.exists().then_some(())
        });
        recorded(&path);
        let verdict = verdict(&path);
        assert!(verdict.starts_with("healthy: "), "{verdict}");
        kill(child.id().cast_signed(), SIGTERM);
        let status = eventually("the process exits", || child.try_wait().unwrap());
        strace.wait().unwrap();
        assert_eq!(Ended::code_of(status), 137);
        assert_only_monotonic(&clocks(&trace));
    }
}

#[test]
fn only_a_heartbeat_check_reads_the_wall_clock() {
    let dir = TempDir::new();
    let path = dir.join("pid");
    let pid_file = path.to_str().unwrap();
    let hinit = Start::with_notify(Mode::Subreaper, &path);
    let hinit = hinit.fixture(["notifies", "READY=1"]).start().ready();
    recorded(&path);
    let check = ["healthcheck", "--timeout", "30s"];
    let socket = format!("http+unix://{}:/livez", socket_beside(&path).display());
    let unix = socket_beside(&path).display().to_string();
    for (more, healthy) in [
        (&["--pid-file", pid_file][..], true),
        (&["--pid-file", pid_file, "--ready"], true),
        (&["--no-pid", "--http", &socket], true),
        (&["--no-pid", "--unix", &unix], true),
        (&["--no-pid", "--tcp", "127.0.0.1:1"], false),
        (&["--no-pid", "--grpc", "127.0.0.1:1"], false),
    ] {
        let (clocks, ended) = clocks_of(&[&check, more].concat());
        assert_eq!(ended.code, i32::from(!healthy), "{more:?} {ended:?}");
        assert_only_monotonic(&clocks);
    }
    for (arguments, code) in [
        // A malformed file, which is read again after pauses.
        (
            &[
                "healthcheck",
                "--foreign",
                "--pid-file",
                "/dev/shm/../../proc/self/oom_score_adj",
            ][..],
            1,
        ),
        (&["signal", "CONT", "--pid-file", pid_file], 0),
        (&["status", "--pid-file", pid_file], 0),
    ] {
        let (clocks, ended) = clocks_of(arguments);
        assert_eq!(ended.code, code, "{arguments:?} {ended:?}");
        let known = |clock: &String| clock == MONOTONIC || clock == "clock_gettime(CLOCK_BOOTTIME";
        assert!(clocks.iter().all(known), "{arguments:?} {clocks:?}");
    }
    // The control: the one use of the wall clock is seen.
    let beat = [
        "healthcheck",
        "--no-pid",
        "--max-age",
        "60m",
        "--heartbeat",
        pid_file,
    ];
    let (clocks, ended) = clocks_of(&beat);
    assert_eq!(ended.code, 0, "{ended:?}");
    let wall: Vec<_> = clocks
        .iter()
        .filter(|clock| clock.contains("REALTIME"))
        .collect();
    assert_eq!(wall, ["clock_gettime(CLOCK_REALTIME"]);
    hinit.stop();
}
