//! Messages that try to make another process the server.

use super::*;

/// A shell command that sends a message as the attacker, from below the server.
fn attacker_sends(program: &Path, message: &str) -> String {
    format!(
        "setpriv --reuid={ATTACKER} --regid={ATTACKER} --clear-groups {} notify {message}",
        program.display()
    )
}

in_both_modes!(
    another_users_process_does_not_become_the_server,
    a_worker_of_another_user_does_not_take_the_servers_place
);

// A process of root that `docker exec` leaves behind: an orphan, and so a child of hinit.
fn another_users_process_does_not_become_the_server(mode: Mode) {
    if !can_attack() {
        return;
    }
    let dir = TempDir::new();
    let (program, path, go) = (fixture_for_all(&dir), dir.join("pid"), dir.join("go"));
    // The first server leaves an orphan of root behind and becomes a process of the attacker.
    let script = format!(
        "(sleep 1000 & echo $! >{go}) ; read -r victim <{go}; echo $victim; \
         exec setpriv --reuid={ATTACKER} --regid={ATTACKER} --clear-groups {} notifies \
         MAINPID=$victim READY=1",
        program.display(),
        go = go.display()
    );
    let hinit = Start::with_notify(mode, &path).script(&script).start();
    let victim = hinit.line();
    let hinit = hinit.ready();
    let pid = recorded(&path);
    assert_ne!(victim, pid.to_string());
    hinit.next_message();
    assert_eq!(
        hinit.verdict_with(&path, &["--ready"]),
        format!("healthy: process {pid} is alive")
    );
    let ended = hinit.stop();
    let warning = format!(
        "hinit: ignored MAINPID={victim}: the sender's UID {ATTACKER} must own that process and \
         the server"
    );
    assert_eq!(
        (ended.code, ended.log.lines().next()),
        (143, Some(warning.as_str())),
        "{}",
        ended.log
    );
}

// A worker of the attacker makes an orphan, whose end would count as the server's.
fn a_worker_of_another_user_does_not_take_the_servers_place(mode: Mode) {
    if !can_attack() {
        return;
    }
    let dir = TempDir::new();
    let (program, path, go) = (fixture_for_all(&dir), dir.join("pid"), dir.join("go"));
    let own = attackers_directory(&dir, "own").join("orphan");
    let orphan = format!(
        "setpriv --reuid={ATTACKER} --regid={ATTACKER} --clear-groups sh -c '(sleep 1000 & echo \
         $! >{0}); :'; \
         read -r orphan <{0}; {1}; echo ready; until test -e {2}; do :; done; exit 7",
        own.display(),
        attacker_sends(&program, "MAINPID=$orphan"),
        go.display()
    );
    let hinit = Start::with_notify(mode, &path)
        .script(&orphan)
        .start()
        .ready();
    let pid = recorded(&path);
    // hinit received the message before `ready` was printed.
    assert_eq!(
        hinit.verdict(&path),
        format!("healthy: process {pid} is alive")
    );
    fs::write(&go, "").unwrap();
    let ended = hinit.end();
    let (first, _) = ended.log.split_once('\n').unwrap();
    assert!(
        first.ends_with(&format!(
            ": the sender's UID {ATTACKER} must own that process and the server"
        )),
        "{}",
        ended.log
    );
    assert_eq!(ended.code, 7);
}
