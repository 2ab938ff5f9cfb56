//! The negative controls of the verdict: what a health check concludes from the PID file, the lock and /proc.

use super::Mutant;

mutants! {
    a_leader_that_exited_before_its_threads_is_a_zombie: "process.rs" {
        "self.state == State::Ended && self.threads <= 1" => "self.state == State::Ended",
        "        process.state = state_of_threads(pid)?;" => ""
    } fails "lifecycle::pid_1::a_server_whose_first_thread_has_exited_is_alive";

    a_process_that_cannot_be_checked_is_alive: "process.rs" {
        "Lookup::Failed(errno)\n    }" => "Lookup::Hidden\n    }"
    } fails "limits::descriptors::commands::no_health_check_says_that_a_dead_server_is_healthy";

    a_zombie_is_alive: "process.rs" {
        "self.state == State::Ended && self.threads <= 1" => "self.state == State::Ended && self.threads < 1"
    } fails "pid_file::pid_1::the_server_is_a_zombie_as_long_as_the_file_names_it";

    a_stale_file_is_healthy: "pidfile/read.rs" {
        "if !held && !is_foreign" => "if false",
        "        if !self.is_foreign
            && writer_lock" => "        if false
            && writer_lock"
    } fails "verdicts::file::a_file_without_a_lock_is_stale";

    a_fifo_is_opened: "pidfile/read.rs" {
        "kind => return Err(Fault::NotRegular(kind))," => "_ => {}"
    } fails "verdicts::file::each_kind_of_file_that_is_not_regular";

    proc_of_another_namespace_is_read: "lookup.rs" {
        "if verdict.is_healthy() || process::is_proc_ours() {" => "if true {"
    } fails "verdicts::process::proc_of_another_namespace_is_not_used";

    status_shows_proc_of_another_namespace: "status/facts.rs" {
        "let is_proc_ours = process::is_proc_ours();" => "let is_proc_ours = true;"
    } fails "status::without_a_proc_of_this_namespace_facts_have_reasons";

    the_check_has_no_deadline: "healthcheck/mod.rs" {
        ".without(SIGALRM)" => ".with(SIGALRM)"
    } fails "verdicts::the_deadline_bounds_the_check";

    sigpipe_decides_the_exit_code: "healthcheck/mod.rs" {
        "inherited.with(SIGPIPE)" => "inherited.without(SIGPIPE)"
    } fails "verdicts::the_exit_code_is_0_or_1_even_with_a_closed_stdout";
}
