use nix::libc::{SI_KERNEL, SI_QUEUE, SI_USER, SIGHUP, SIGINT, SIGQUIT, SIGTERM};

use super::*;

#[test]
fn the_code_tells_the_kernel_from_a_process_that_is_not_seen() {
    const SI_TKILL: c_int = -6;
    for (signal, code, pid, sender) in [
        (SIGINT, SI_KERNEL, 0, Sender::Terminal),
        (SIGQUIT, SI_KERNEL, 0, Sender::Terminal),
        (SIGHUP, SI_KERNEL, 0, Sender::Kernel),
        (SIGINT, SI_USER, 0, Sender::Outside),
        (SIGTERM, SI_QUEUE, 0, Sender::Outside),
        (SIGTERM, SI_USER, 7, Sender::Process(7)),
        (SIGINT, SI_TKILL, 7, Sender::Process(7)),
    ] {
        assert_eq!(
            Sender::of(signal, code, pid),
            sender,
            "{signal} {code} {pid}"
        );
    }
}
