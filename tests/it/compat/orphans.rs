//! Which process adopts orphans, and that it reaps them.

use nix::libc::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};

use super::*;

/// The option against tini's warning that it is not PID 1 and adopts no orphans.
const SILENT: (&str, &str) = ("TINI_VERBOSITY", "0");

/// A server that makes an orphan, and prints its PID when the orphan's parent has exited.
const ORPHAN: &str = "sh -c 'sleep 1000 >/dev/null 2>&1 & echo $!'; echo ready; exec sleep 1000";

#[test]
fn the_parent_of_orphans_of_each_init() {
    for (name, arguments, variable, is_adopted) in [
        ("tini", &[][..], "", false),
        ("tini", &["-s"], "", true),
        ("tini", &[], "TINI_SUBREAPER", true),
        ("dumb-init", &[], "", false),
        ("dumb-init", &["-c"], "", false),
        ("catatonit", &[], "", true),
        ("catatonit", &["-g"], "", true),
    ] {
        let run = |init: &Init| {
            let start = init.with(Mode::Subreaper, arguments).with(|command| {
                command.envs([SILENT]);
                if !variable.is_empty() {
                    command.env(variable, "");
                }
            });
            let running = start.script(ORPHAN).start();
            let orphan: i32 = running.line().parse().unwrap();
            let running = running.ready();
            let parent = status_of(orphan, "PPid").unwrap();
            let has_adopted = parent == running.pid().to_string();
            kill(orphan, SIGKILL);
            if has_adopted {
                eventually("the process is reaped", || {
                    status_of(orphan, "State").is_none().then_some(())
                });
            }
            assert_eq!(running.stop().code, 143);
            has_adopted
        };
        assert_alike(name, run, is_adopted);
    }
}

#[test]
fn pid_1_adopts_and_reaps_all_orphans() {
    for name in ["tini", "tini-static", "dumb-init", "catatonit"] {
        let run = |init: &Init| {
            let start = init.with(Mode::Pid1, &[]);
            // It is ready when the last of them has been reaped.
            let running = start.fixture(["orphans", "20"]).start().ready();
            let remaining = children_of(running.pid()).len();
            let ended = running.stop();
            (remaining, ended.code, ended.log)
        };
        assert_alike(name, run, (1, 143, String::new()));
    }
}

#[test]
fn tini_names_reaped_orphans_with_an_option() {
    let run = |init: &Init| {
        let running = init
            .with(Mode::Pid1, &["-w"])
            .fixture(["orphans", "3"])
            .start()
            .ready();
        running.signal(SIGTERM);
        running.end().log.to_lowercase().matches(" reaped ").count()
    };
    assert_alike("tini", run, 3);
}

#[test]
fn tini_passes_its_parents_death_on() {
    let run = |init: &Init| {
        let parent = under_a_parent(init, "-s -p SIGTERM", "signals");
        parent.signal(SIGKILL);
        parent.line()
    };
    assert_alike("tini", run, "signal 15".into());
}

in_both_modes!(catatonit_can_pause);

fn catatonit_can_pause(mode: Mode) {
    for signal in [SIGTERM, SIGINT] {
        let run = |init: &Init| {
            // The shell that executed the init has left it a child.
            let script = "sleep 1000 & exec \"$0\" -P";
            let mut command = command_in(mode, "sh");
            command.args(["-c", script]).arg(&init.program);
            let mut running = Start::of(mode, command).start();
            let pid = running.pid();
            eventually("it waits for signals", || {
                let signals = |field| u64::from_str_radix(&status_of(pid, field)?, 16).ok();
                let taken = signals("SigBlk")? | signals("SigCgt")?;
                let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
                let is_catatonit = name.trim() == "catatonit";
                (is_catatonit && taken & 1 << (SIGTERM - 1) != 0).then_some(())
            });
            kill(children_of(pid)[0], SIGKILL);
            eventually("the init reaps the orphan", || {
                children_of(pid).is_empty().then_some(())
            });
            for ignored in [SIGHUP, SIGUSR1] {
                running.signal(ignored);
            }
            running.signal(signal);
            running.code()
        };
        assert_alike("catatonit", run, 0);
    }
}
