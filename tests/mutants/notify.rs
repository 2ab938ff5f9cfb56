//! The negative controls of the `sd_notify` protocol: which senders count, what their messages do, and what
//! goes on to another manager.

use super::Mutant;

mutants! {
    any_sender_counts: "run/notify/sender.rs" {
        "(false, Some(true)) => return None," => "(false, Some(true)) => false,"
    } fails "notify::validation::subreaper::a_process_that_is_not_below_hinit_is_ignored";

    a_worker_does_not_count: "run/notify/sender.rs" {
        "sender == server || is_descendant(sender)" => "sender == server"
    } fails "notify::subreaper::messages_of_a_worker_count";

    an_exited_sender_does_not_count: "run/notify/sender.rs" {
        "let is_accepted = !has_exited || may_signal(user, server);" => "let is_accepted = !has_exited || may_signal(user, server) && user == 4242;"
    } fails "notify::departed::subreaper::an_exited_sender_of_the_servers_user_counts";

    an_exited_sender_of_any_user_counts: "run/notify/sender.rs" {
        "(user == real || user == saved)" => "(user == real || user != saved)"
    } fails "notify::departed::pid_1::an_exited_sender_of_another_user_is_ignored_with_a_remedy";

    a_pid_without_its_uid_identifies_the_sender: "run/notify/sender.rs" {
        "(true, Some(false)) if is_trusted(user) => false," => "(true, Some(false)) if is_trusted(user) || user > 0 => false,"
    } fails "notify::departed::a_reused_pid_does_not_identify_the_sender";

    an_exited_sender_can_set_main_pid: "run/handover.rs" {
        "if sender.has_exited {" => "if sender.has_exited && sender.user == 4242 {"
    } fails "notify::departed::subreaper::an_exited_sender_cannot_set_main_pid";

    messages_are_not_read_to_their_end_at_an_exit: "run/main_loop/notify_events.rs" {
        "            self.read_messages(most);" => "            self.read_messages(most.min(MAX_MESSAGES));"
    } fails "notify::departed::pid_1::all_messages_are_read_before_the_servers_end_counts";

    a_zombie_can_become_the_server: "run/handover.rs" {
        "(is_running_child(pid) && is_it())" => "(is_child(pid) && is_it())",
        "!new.has_ended() && is_descendant(pid)" => "is_descendant(pid)",
        "        if is_running_child(pid) {\n" => "        if is_running_child(pid) || is_child(pid) {\n"
    } fails "notify::departed::subreaper::a_zombie_cannot_become_the_server";

    a_barrier_of_an_exited_sender_is_a_warning: "run/notify.rs" {
        "if message != b\"BARRIER=1\" {" => "if true {"
    } fails "notify::validation::pid_1::a_process_of_another_user_is_ignored";

    the_socket_is_abstract: "run/notify/socket.rs" {
        "SocketFile::bind(entry.ok()?," => "SocketFile::bind(entry.ok().filter(|_| false)?,"
    } fails "notify::place::subreaper::the_socket_is_beside_the_pid_file";

    the_servers_user_cannot_reach_the_socket: "run/notify/socket.rs" {
        "identity.is_none_or(|identity| can_reach(&address, identity))" => "identity.is_none_or(|identity| can_reach(&address, identity) || identity.uid() > 0)"
    } fails "notify::place::pid_1::a_server_of_another_user_can_reach_the_socket";

    the_server_is_ready_before_its_message: "run/health.rs" {
        "ready_message: notify.is_some()," => "ready_message: false,"
    } fails "notify::pid_1::a_server_is_ready_after_its_message";

    a_silent_server_is_healthy: "run/health.rs" {
        "let is_too_long = self.stopping.is_none() && silence >= watchdog;" => "let is_too_long = self.stopping.is_some() && silence >= watchdog;"
    } fails "notify::watchdog::subreaper::a_silent_server_is_unhealthy";

    a_stopped_server_does_not_end_at_its_watchdog: "run/main_loop/notify_events.rs" {
        ".chain([SIGCONT])" => ".chain([SIGCONT].into_iter().skip(1))"
    } fails "notify::watchdog::pid_1::the_watchdogs_signal_ends_a_stopped_server";

    a_new_server_gets_no_stop_signal: "run/main_loop/notify_events.rs" {
        "self.stop_new_server();" => ""
    } fails "notify::main_pid::subreaper::a_stop_amid_the_handover_reaches_both_servers";

    a_new_server_counts_as_stopped: "run/main_loop/notify_events.rs" {
        ".replace_server(pid, is_stopped, self.clock.now());" => ".replace_server(pid, is_stopped || !is_stopped, self.clock.now());"
    } fails "notify::main_pid::pid_1::the_successor_of_a_stopped_server_is_not_stopped";

    an_earlier_main_pid_counts: "run/handover.rs" {
        "        self.successor = None;\n" => ""
    } fails "notify::main_pid::refused::subreaper::the_last_main_pid_counts";

    no_process_becomes_the_server: "run/main_loop/children.rs" {
        "                self.replace_ended_server(pid);" => ""
    } fails "notify::main_pid::pid_1::a_child_of_the_server_becomes_the_server_when_it_ends";

    any_process_can_become_the_server: "run/handover.rs" {
        "        if is_running_child(pid) {\n            return" => "        if !is_child(nix::unistd::getpid()) {\n            return"
    } fails "notify::main_pid::refused::subreaper::a_process_that_is_not_below_hinit_cannot_become_the_server";

    another_manager_gets_unchecked_bytes: "run/notify.rs" {
        "let message = message::forwardable(datagram, self.may_be_ready);" => "let message = String::from_utf8_lossy(datagram).into_owned();"
    } fails "notify::upstream::pid_1::messages_are_passed_on";

    another_manager_gets_pids: "run/notify/message.rs" {
        "NotifyEvent::MainPid(_) | NotifyEvent::WatchdogTimeout(_)" => "NotifyEvent::MainPid(pid) => return write!(f, \"MAINPID={pid}\"), NotifyEvent::WatchdogTimeout(_)"
    } fails "notify::upstream::pid_1::messages_are_passed_on";

    a_line_ends_only_at_a_line_feed: "run/notify/message.rs" {
        "b\"\\r\\n\"" => "b\"\\n\""
    } fails "notify::validation::subreaper::what_systemd_accepts_is_accepted";

    main_pid_can_name_another_users_process: "run/handover.rs" {
        "process::owner(pid) == Some(user)" => "process::owner(pid).is_some()"
    } fails "attacks::messages::pid_1::another_users_process_does_not_become_the_server";

    hinits_own_watchdog_is_not_the_servers: "run/notify.rs" {
        "if names_hinit(WATCHDOG_PID) {" => "if false {"
    } fails "notify::upstream::pid_1::the_watchdog_of_hinits_manager_is_passed_to_the_server";

    whatever_hinit_answers_is_healthy: "healthcheck/socket.rs" {
        "if status.starts_with(\"200 \")" => "if !status.is_empty()"
    } fails "notify::subreaper::a_server_is_ready_after_its_message";

    a_pause_counts_as_silence: "run/health.rs" {
        "*last_ping = if has_run_out { now } else { *last_ping + by };" => "let _ = has_run_out;"
    } fails "pause::subreaper::a_pause_does_not_count_as_silence";

    a_followed_file_can_name_any_process: "run/follow.rs" {
        "Contents::Pid(pid) if !is_running_child(pid) =>" => "Contents::Pid(pid) if false =>"
    } fails "follow::subreaper::a_process_that_is_not_a_child_of_hinit_is_ignored";
}
