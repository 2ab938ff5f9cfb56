//! The negative controls of --ready-when, by which hinit itself asks the server, and of the start.

use super::Mutant;

mutants! {
    a_server_that_does_not_answer_is_ready: "run/health.rs" {
        "probes: has_probes," => "probes: has_probes && notify.is_some(),"
    } fails "ready::subreaper::a_server_is_ready_once_its_port_is_open";

    a_server_is_probed_before_its_exec: "run/ready.rs" {
        "            next: None,\n" => "            next: Some(Instant::now()),\n"
    } fails "start::subreaper::the_server_is_probed_only_after_its_exec";

    the_probe_runs_as_root: "run/ready.rs" {
        "(identity.assume().is_err() || " => "("
    } fails "ready::child::pid_1::the_probing_child_runs_as_the_servers_user";

    the_probing_child_keeps_the_lock: "run/ready.rs" {
        "let _ignored = KeptDescriptors::new(output.as_fd()).close_others();" => ""
    } fails "ready::child::subreaper::the_probing_child_keeps_no_descriptor_of_hinit";

    the_probing_child_outlives_a_stop: "run/ready.rs" {
        "        self.next = None;\n        self.kill();" => "        self.next = None;"
    } fails "ready::child::subreaper::the_probing_child_does_not_outlive_a_stop";

    a_hanging_probe_is_not_killed: "run/ready.rs" {
        "return self.kill();" => "return;"
    } fails "ready::child::pid_1::a_hanging_probe_is_killed_and_the_next_one_runs";

    the_probing_child_counts_as_an_orphan: "run/main_loop/children.rs" {
        "if self.is_ready_probe(pid) {" => "if self.is_ready_probe(pid) && false {"
    } fails "ready::pid_1::the_log_says_why_it_is_not_ready_and_names_no_orphan";

    the_probing_child_can_become_the_server: "run/main_loop/notify_events.rs" {
        "if self.is_ready_probe(pid) {" => "if false {"
    } fails "ready::child::the_probing_child_cannot_become_the_server";

    hinit_wakes_up_after_the_server_is_ready: "run/health.rs" {
        "self.ready_warning_at.filter(|_| !self.has_become_ready());" => "self.ready_warning_at;"
    } fails "ready::subreaper::hinit_does_not_wake_up_after_the_server_is_ready";

    ready_is_passed_on_before_the_probes_answer: "run/notify.rs" {
        "may_be_ready: options.ready_when.is_none()," => "may_be_ready: true,"
    } fails "ready::subreaper::with_notify_both_must_hold";

    a_hanging_start_ignores_signals: "run/launch/mod.rs" {
        "SignalQueue::new(options.stop.signals.with(SIGCHLD))" => "SignalQueue::new(SignalSet::NONE.with(SIGCHLD))"
    } fails "start::subreaper::a_stop_signal_ends_a_hanging_start";

    a_server_that_hangs_at_its_exec_is_ready: "run/health.rs" {
        "            stage: Stage::Launching," => "            stage: Stage::Running,"
    } fails "start::subreaper::health_checks_are_answered_during_the_exec";
}
