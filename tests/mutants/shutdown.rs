//! The negative controls of the stop: what gets a signal, what is waited for, and with which exit code hinit
//! ends.

use super::Mutant;

mutants! {
    leftovers_get_no_term: "run/leftovers.rs" {
        "        self.sweep.sweep();\n" => ""
    } fails "shutdown::drain::pid_1::leftovers_get_term_and_are_waited_for";

    a_server_that_proc_does_not_show_is_not_killed: "run/leftovers.rs" {
        "server.is_some_and(kills)" => "server.filter(|_| false).is_some_and(kills)"
    } fails "limits::descriptors::subreaper::without_descriptors_the_server_is_still_killed";

    leftovers_are_not_waited_for: "run/main_loop/children.rs" {
        "left == Err(Errno::ECHILD)" => "true"
    } fails "shutdown::drain::subreaper::leftovers_get_term_and_are_waited_for";

    stopped_leftovers_get_no_cont: "run/leftovers.rs" {
        "let _ignored = handle.signal(SIGCONT);" => ""
    } fails "shutdown::drain::pid_1::daemons_in_other_sessions_and_stopped_ones_are_ended";

    processes_that_start_during_the_drain_get_no_term: "run/shutdown.rs" {
        "TERM_INTERVAL: Duration = Duration::from_millis(250);" => "TERM_INTERVAL: Duration = Duration::from_hours(1);",
        "None if readers_are_due || is_due(self.again) => {" => "None if is_due(self.again) => {"
    } fails "shutdown::drain::pid_1::a_process_that_starts_during_the_drain_gets_term";

    processes_that_are_not_below_hinit_get_term: "run/descendants.rs" {
        "found = tree_below(getpid(), process::all()?)?;" =>
        "found = process::all()?.into_iter().filter(|p| p.pid != getpid()).collect();"
    } fails "shutdown::drain::an_unrelated_process_in_the_same_pid_namespace_is_left_alone";

    the_lock_is_released_before_the_drain: "run/main_loop/children.rs" {
        "                self.update_pid_file(&Claim::clear);" =>
        "                self.update_pid_file(&Claim::clear); drop(self.claim.take());"
    } fails "shutdown::drain::pid_1::during_the_drain_the_pid_file_is_empty_and_locked";

    health_checks_see_no_stop_during_the_delay: "run/main_loop.rs" {
        "self.update_pid_file(&Claim::mark_stopping);" => ""
    } fails "shutdown::pid_1::during_the_stop_delay_the_server_runs_and_is_not_ready";

    the_log_takes_the_servers_age_for_the_time_of_the_stop: "run/main_loop/children.rs" {
        "|request| request.at.elapsed()" => "|_| self.server.age()"
    } fails "log::subreaper::the_time_of_the_stop_is_not_that_of_the_server";

    signals_are_not_rewritten: "run/main_loop/signals.rs" {
        "StopEvent::Signal(signal.rewritten(number))" => "StopEvent::Signal(signal.rewritten(number.min(0) + signal.number()))"
    } fails "shutdown::pid_1::signals_are_rewritten_or_dropped";

    death_by_any_signal_is_a_clean_stop: "run/ending.rs" {
        "if exit.clean_stop && passed_on.contains(signal) =>" => "if exit.clean_stop && !passed_on.contains(0) =>"
    } fails "shutdown::pid_1::a_normal_stop_can_have_exit_code_0";

    a_server_that_daemonizes_is_not_noticed: "run/ending.rs" {
        "status.success()\n            && since_stop_request.is_none()" => "!status.success() && since_stop_request.is_none()"
    } fails "lifecycle::pid_1::a_server_that_daemonizes_is_noticed";

    hidden_children_are_forgotten: "run/descendants.rs" {
        "        add_hidden_children(&mut found)?;" => ""
    } fails "shutdown::hidden::hidden_leftovers_get_term_and_are_logged_as_unseen";

    hidden_processes_are_not_counted: "status/facts.rs" {
        "if process::may_be_hidden() {" => "if false {"
    } fails "shutdown::hidden::the_status_does_not_count_hidden_children";

    filters_get_term_at_once: "run/shutdown.rs" {
        "self.spare_readers_until = Some(now + READERS_TIMEOUT);" => ""
    } fails "shutdown::readers::subreaper::a_filter_of_the_servers_output_writes_its_last_lines";

    a_filter_that_was_just_forked_gets_term_at_once: "run/leftovers.rs" {
        "process.started.age() < YOUNG" => "process.started.age() < YOUNG - YOUNG"
    } fails "shutdown::readers::pid_1::a_filter_of_the_servers_output_writes_its_last_lines";

    a_filter_that_has_closed_its_input_gets_term_at_once: "run/leftovers.rs" {
        "=> fd == \"0\"," => "=> fd.is_empty(),"
    } fails "shutdown::readers::pid_1::a_filter_of_the_servers_output_writes_its_last_lines";

    an_unreadable_process_is_no_filter: "run/leftovers.rs" {
        "=> errno == Errno::EACCES," => "=> errno == Errno::EIO,"
    } fails "shutdown::readers::a_filter_of_another_user_writes_its_last_lines";

    a_server_that_cannot_be_killed_is_no_failure: "run/main_loop.rs" {
        "(Err(UnkillableServer::new(pid)), exit_code::HINIT_FAILED)" => "(Err(UnkillableServer::new(pid)), exit_code::NOT_FOUND)"
    } fails "shutdown::survivors::subreaper::an_unkillable_server_is_named_and_left";

    each_refused_signal_is_a_warning: "run/main_loop/signals.rs" {
        "std::mem::replace(&mut self.server.warned_refusal, true)" => "std::mem::replace(&mut self.server.warned_refusal, false)"
    } fails "shutdown::survivors::pid_1::without_a_grace_time_the_server_is_named_once_and_waited_for";

    a_leftover_with_threads_counts_as_a_zombie: "process.rs" {
        "        process.state = state_of_threads(pid)?;" => ""
    } fails "odd_servers::pid_1::a_leftover_whose_first_thread_has_exited_is_alive";

    children_from_before_the_exec_are_forgotten: "sys/wait.rs" {
        "match wait(libc::__WALL) {" => "match wait(0) {"
    } fails "odd_servers::subreaper::children_from_before_its_exec_are_ended_and_waited_for";

    a_pause_shortens_the_grace_time: "run/pause.rs" {
        "(late > MAX_LATENESS)" => "(late > Duration::MAX)"
    } fails "pause::subreaper::a_pause_does_not_shorten_the_grace_time";

    a_stopped_server_is_not_continued_for_its_stop_signal: "run/main_loop/signals.rs" {
        "Ok(()) if is_stop => self.wake_stopped_server()," => "Ok(()) if is_stop => {}"
    } fails "stop_signals::subreaper::a_stopped_server_is_continued_for_its_stop_signal";

    the_last_line_does_not_say_that_the_server_was_stopped: "run/main_loop/signals.rs" {
        "            self.follow_changes();
            self.health" => "            self.health"
    } fails "stop_signals::subreaper::a_stopped_server_is_continued_for_its_stop_signal";

    the_last_line_does_not_say_that_the_server_was_silent: "run/health.rs" {
        ".filter(Phase::is_fault)" => ".filter(|_| false)"
    } fails "notify::watchdog::pid_1::the_last_line_says_that_the_server_was_silent";

    another_stop_signal_starts_no_grace_time: "run/shutdown.rs" {
        "if self.plan.signals.contains(signal.received_as())" => "if false && self.plan.signals.contains(signal.received_as())"
    } fails "stop_signals::subreaper::stop_signal_replaces_the_default_stop_signals";

    the_server_cannot_extend_its_grace_time: "run/shutdown.rs" {
        "(grace_from.map(|from| from + grace)).max(self.extended)" => "grace_from.map(|from| from + grace)"
    } fails "notify::pid_1::a_server_can_extend_its_grace_time";
}
