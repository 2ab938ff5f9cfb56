//! Orphans: hinit adopts and reaps them.

use nix::libc::SIGKILL;

use crate::support::*;

in_both_modes!(
    orphans_are_reaped_and_do_not_end_hinit,
    orphans_of_any_kind_and_end_are_reaped
);

fn orphans_are_reaped_and_do_not_end_hinit(mode: Mode) {
    let hinit = Start::new(mode)
        .no_pid_file()
        .args(["-v"])
        .fixture(["orphans", "20"])
        .start()
        .ready();
    let ended = hinit.stop();
    assert_eq!(ended.code, 143);
    assert_eq!(
        ended.log.matches("reaped orphan").count(),
        20,
        "{}",
        ended.log
    );
}

fn orphans_of_any_kind_and_end_are_reaped(mode: Mode) {
    let fixture = fixture();
    let fixture = fixture.display();
    let deaths = [
        (1, "SIGHUP"),
        (9, "SIGKILL"),
        (11, "SIGSEGV"),
        (15, "SIGTERM"),
        (32, "signal 32"),
        (33, "signal 33"),
        (34, "SIGRTMIN"),
        (35, "SIGRTMIN+1"),
        (50, "SIGRTMIN+16"),
        (64, "SIGRTMIN+30"),
    ];
    // Each by a double fork; then in a new session; then the last of a deep chain. All have the
    // pipe open, so the pipe ends when they have ended.
    let script = format!(
        "{{ for n in {}; do ({fixture} die $n &); done; \
         (setsid sh -c 'setsid sh -c \"exit 3\" & exit 4' &); \
         deep() {{ test $1 -eq 0 || (deep $(($1 - 1)) & exit $1) & }}; deep 30; }} | cat >&2; \
         echo ready; exec sleep 1000",
        deaths.map(|(number, _)| number.to_string()).join(" ")
    );
    let hinit = Start::new(mode)
        .no_pid_file()
        .args(["-v"])
        .script(&script)
        .start()
        .ready();
    eventually("only the server is left", || {
        (children_of(hinit.pid()).len() == 1).then_some(())
    });
    let ended = hinit.stop();
    assert_eq!(ended.code, 143, "{}", ended.log);
    for (_, name) in deaths {
        assert!(
            ended.log.contains(&format!(": killed by {name}\n")),
            "{name}: {}",
            ended.log
        );
    }
    assert!(
        ended.log.matches("reaped orphan").count() > deaths.len() + 30,
        "{}",
        ended.log
    );
}

#[test]
fn hinit_becomes_a_subreaper_only_where_it_must() {
    // The negative control of the test of orphans: without a subreaper, they are reparented to
    // another process.
    let script = "sh -c 'sleep 1000 >/dev/null 2>&1 & echo $!' ; echo $$";
    let hinit = Start::new(Mode::Subreaper)
        .no_pid_file()
        .script(&format!("{script}; exec sleep 1000"))
        .start();
    let orphan: i32 = hinit.line().parse().unwrap();
    eventually("hinit adopts the orphan", || {
        (status_of(orphan, "PPid")? == hinit.pid().to_string()).then_some(())
    });
    kill(orphan, SIGKILL);
    eventually("hinit reaps the orphan", || {
        status_of(orphan, "State").is_none().then_some(())
    });
}
