//! `docker run -it`: a shell under hinit, at a real terminal.

use std::process::Command;

use crate::engine::{binaries, eventually, python};
use crate::pty::Pty;

#[test]
fn bash_has_full_job_control() {
    needs_engine!();
    let [hinit, _] = binaries();
    let mut pty = Pty::new();
    // --interactive --tty, and the client in a new session, so that it does not use the terminal of this test run.
    let mut client = Command::new("setsid");
    client
        .args(["--ctty", "docker", "run", "--rm", "--interactive", "--tty"])
        .args(["--env", "PS1", "--entrypoint", "/hinit", "--volume"])
        .arg(format!("{}:/hinit:ro", hinit.display()))
        .args([&python(), "--no-pid-file"])
        .args(["bash", "--norc", "--noprofile", "--noediting", "-i"]);
    let mut client = pty.start(&mut client);
    let client_group = client.id().cast_signed();
    eventually("the client has the terminal", || {
        (pty.foreground() == client_group).then_some(())
    });
    pty.command("sed -u s/^/got:/");
    pty.press("one\n");
    pty.expect("got:one");
    pty.press("\x1a");
    pty.expect("Stopped");
    pty.command("sleep 1000 &");
    pty.command("jobs | sed s/sed/found/");
    pty.expect("found -u");
    pty.command("fg 1");
    pty.press("two\n");
    pty.expect("got:two");
    pty.press("\x03");
    pty.command("echo code''$?");
    pty.expect("code130");
    pty.command("kill %2; wait %2; echo code''$?");
    pty.expect("code143");
    pty.resize(33, 99);
    // The client forwards the new size asynchronously.
    pty.command("until test \"$(stty size)\" = '33 99'; do sleep 0.1; done; echo re''sized");
    pty.expect("resized");
    pty.command("cat /proc/1/comm");
    pty.expect("hinit");
    pty.command("exit 7");
    let status = eventually("the client ends", || client.try_wait().unwrap());
    assert_eq!(status.code(), Some(7));
}
