//! The negative controls of what the server leaves, of processes that are hard to see or to end, and of texts
//! that are hard to get rid of.

use super::Mutant;

mutants! {
    hidden_children_are_forgotten: "run/descendants.rs" {
        "        add_hidden_children(&mut found)?;" => ""
    } fails "shutdown::hidden::what_is_left_is_told_to_end_and_logged_as_unseen";

    hidden_processes_are_not_counted: "status/facts.rs" {
        "if process::may_be_hidden() {" => "if false {"
    } fails "shutdown::hidden::how_many_children_there_are_is_not_known";

    filters_are_told_at_once: "run/shutdown.rs" {
        "self.spare_readers_until = Some(now + READERS_TIMEOUT);" => ""
    } fails "shutdown::readers::subreaper::a_filter_of_the_servers_output_writes_its_last_lines";

    a_filter_that_has_just_been_forked_is_none: "run/leftovers.rs" {
        "process.started.age() < YOUNG" => "process.started.age() < YOUNG - YOUNG"
    } fails "shutdown::readers::pid_1::a_filter_of_the_servers_output_writes_its_last_lines";

    what_cannot_be_looked_at_is_no_filter: "run/leftovers.rs" {
        "=> errno == Errno::EACCES," => "=> errno == Errno::EIO,"
    } fails "shutdown::readers::a_filter_of_another_user_is_no_exception";

    a_server_that_cannot_be_killed_is_no_failure: "run/main_loop.rs" {
        "(Err(UnkillableServer::new(pid)), exit_code::HINIT_FAILED)" => "(Err(UnkillableServer::new(pid)), exit_code::NOT_FOUND)"
    } fails "shutdown::survivors::subreaper::a_server_that_cannot_be_killed_is_named_and_left";

    each_signal_that_is_refused_is_a_warning: "run/main_loop/signals.rs" {
        "std::mem::replace(&mut self.server.warned_refusal, true)" => "std::mem::replace(&mut self.server.warned_refusal, false)"
    } fails "shutdown::survivors::pid_1::without_a_grace_time_the_server_is_named_once_and_waited_for";

    the_first_thread_is_the_process: "process.rs" {
        "        process.state = state_of_threads(pid)?;" => ""
    } fails "odd_servers::pid_1::a_leftover_whose_first_thread_has_left_is_no_zombie";

    children_from_before_the_exec_are_forgotten: "sys/wait.rs" {
        "match wait(libc::__WALL) {" => "match wait(0) {"
    } fails "odd_servers::subreaper::children_from_before_its_exec_are_ended_and_waited_for";

    each_line_is_waited_for: "output.rs" {
        "HAS_DROPPED.load(Relaxed)" => "false"
    } fails "log::a_log_that_nobody_reads_is_waited_for_once";

    half_a_text_is_no_failure: "output.rs" {
        "Err(Errno::EAGAIN) => wait_for_room(fd)?," => "Err(Errno::EAGAIN) => return Ok(()),"
    } fails "log::a_text_is_written_whole_where_there_is_little_room";
}
