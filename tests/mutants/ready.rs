//! The negative controls of `--ready-when`, by which hinit itself asks the server.

use super::Mutant;

mutants! {
    a_server_that_does_not_answer_is_ready: "run/health.rs" {
        "answer: is_asked," => "answer: is_asked && notify.is_some(),"
    } fails "ready::subreaper::a_server_is_ready_once_its_port_is_open";

    one_that_does_not_run_yet_is_asked: "run/ready.rs" {
        "            next: None,\n" => "            next: Some(Instant::now()),\n"
    } fails "start::subreaper::the_server_is_asked_only_once_it_runs";

    root_asks_for_the_user: "run/ready.rs" {
        "(identity.assume().is_err() || " => "("
    } fails "ready::child::pid_1::it_is_the_servers_user";

    who_asks_holds_the_lock: "run/ready.rs" {
        "let _may_stay = sys::close_all_but(vec![answer.as_raw_fd()]);" => ""
    } fails "ready::child::subreaper::it_holds_nothing_of_hinits";

    who_asks_goes_on_at_a_stop: "run/ready.rs" {
        "        self.next = None;\n        self.kill();" => "        self.next = None;"
    } fails "ready::child::subreaper::it_does_not_outlive_a_stop";

    who_hangs_stays: "run/ready.rs" {
        "return self.kill();" => "return;"
    } fails "ready::child::pid_1::one_that_hangs_is_killed_and_the_next_one_asks";

    who_asks_is_an_orphan: "run/main_loop/children.rs" {
        "Ok(status) if self.is_ready_probe(pid) => self.take_probe_result(status)," => ""
    } fails "ready::pid_1::the_log_says_why_it_is_not_ready_and_names_no_orphan";

    who_asks_can_be_the_server: "run/main_loop/notify_events.rs" {
        "if self.is_ready_probe(pid) {" => "if false {"
    } fails "ready::child::it_does_not_become_the_server";

    a_ready_server_is_waited_for: "run/health.rs" {
        "self.late_at.filter(|_| !self.has_become_ready());" => "self.late_at;"
    } fails "ready::subreaper::hinit_wakes_up_no_more_once_the_server_is_ready";

    its_own_word_is_passed_on_too_early: "run/notify.rs" {
        "may_be_ready: options.ready_when.is_none()," => "may_be_ready: true,"
    } fails "ready::subreaper::with_notify_both_must_hold";
}
