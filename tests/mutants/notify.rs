//! The negative controls of the `sd_notify` protocol: which senders count, what their messages do, and what
//! goes on to another manager.

use super::Mutant;

mutants! {
    any_sender_counts: "run/notify/sender.rs" {
        "(false, Some(true)) => return None," => "(false, Some(true)) => false,"
    } fails "notify::strangers::subreaper::a_process_that_is_not_below_hinit_is_not_believed";

    a_worker_does_not_count: "run/notify/sender.rs" {
        "sender == server || is_descendant(sender)" => "sender == server"
    } fails "notify::subreaper::a_worker_is_believed";

    an_exited_sender_does_not_count: "run/notify/sender.rs" {
        "let is_believed = !has_exited || is_servers(server, user);" => "let is_believed = !has_exited || is_servers(server, user) && user == 4242;"
    } fails "notify::departed::subreaper::its_word_counts_if_it_was_the_servers_user";

    an_exited_sender_of_any_user_counts: "run/notify/sender.rs" {
        "(user == real || user == saved)" => "(user == real || user != saved)"
    } fails "notify::departed::pid_1::another_users_does_not_and_the_remedy_is_named";

    a_pid_without_its_uid_identifies_the_sender: "run/notify/sender.rs" {
        "(true, Some(false)) if is_trusted(user) => false," => "(true, Some(false)) if is_trusted(user) || user > 0 => false,"
    } fails "notify::departed::a_stranger_whose_pid_was_used_again_is_not_believed";

    an_exited_sender_can_set_main_pid: "run/handover.rs" {
        "if sender.has_exited {" => "if sender.has_exited && sender.user == 4242 {"
    } fails "notify::departed::subreaper::it_names_no_other_server";

    messages_are_not_read_to_their_end_at_an_exit: "run/main_loop/notify_events.rs" {
        "            self.read_messages(most);" => "            self.read_messages(most.min(MAX_AT_ONCE));"
    } fails "notify::departed::pid_1::all_that_it_has_said_is_read_before_its_end_counts";

    a_zombie_can_become_the_server: "run/handover.rs" {
        "(is_running_child(pid) && is_it())" => "(is_child(pid) && is_it())",
        "!new.has_ended() && is_descendant(pid)" => "is_descendant(pid)",
        "        if is_running_child(pid) {\n" => "        if is_running_child(pid) || is_child(pid) {\n"
    } fails "notify::departed::subreaper::a_process_that_has_ended_takes_no_place";

    a_barrier_of_an_exited_sender_is_a_warning: "run/notify.rs" {
        "if message != b\"BARRIER=1\" {" => "if true {"
    } fails "notify::strangers::pid_1::nor_is_one_of_another_user";

    the_socket_is_abstract: "run/notify/place.rs" {
        "SocketFile::bind(entry.ok()?," => "SocketFile::bind(entry.ok().filter(|_| false)?,"
    } fails "notify::place::subreaper::it_is_beside_the_pid_file";

    the_servers_user_cannot_reach_the_socket: "run/notify/place.rs" {
        "identity.is_none_or(|identity| can_reach(&address, identity))" => "identity.is_none_or(|identity| can_reach(&address, identity) || identity.uid() > 0)"
    } fails "notify::place::pid_1::a_server_of_another_user_can_reach_it";

    the_server_is_ready_before_its_message: "run/health.rs" {
        "word: notify.is_some()," => "word: false,"
    } fails "notify::pid_1::a_server_is_ready_once_it_says_so";

    a_silent_server_is_healthy: "run/health.rs" {
        "(self.stopping.is_none() && silence >= watchdog)" => "(self.stopping.is_some() && silence >= watchdog)"
    } fails "notify::watchdog::subreaper::a_server_that_is_silent_is_unhealthy";

    a_stopped_server_does_not_end_at_its_watchdog: "run/main_loop/notify_events.rs" {
        ".chain([SIGCONT])" => ".chain([SIGCONT].into_iter().skip(1))"
    } fails "notify::watchdog::pid_1::it_can_end_of_that_also_when_it_is_stopped";

    a_new_server_gets_no_stop_signal: "run/main_loop/notify_events.rs" {
        "self.stop_new_server();" => ""
    } fails "notify::main_pid::subreaper::a_stop_in_the_middle_of_that_gets_to_both";

    a_new_server_counts_as_stopped: "run/main_loop/notify_events.rs" {
        "self.health.replace_server(pid, is_stopped, Instant::now());" => "self.health.replace_server(pid, is_stopped || !is_stopped, Instant::now());"
    } fails "notify::main_pid::pid_1::who_takes_the_place_of_one_that_is_stopped_is_not";

    an_earlier_main_pid_counts: "run/handover.rs" {
        "        self.successor = None;\n" => ""
    } fails "notify::main_pid::subreaper::the_last_word_counts";

    no_process_becomes_the_server: "run/main_loop/children.rs" {
        "                self.replace_ended_server(pid);" => ""
    } fails "notify::main_pid::pid_1::a_child_of_the_servers_takes_its_place_when_that_ends";

    any_process_can_become_the_server: "run/handover.rs" {
        "        if is_running_child(pid) {\n            return" => "        if !is_child(nix::unistd::getpid()) {\n            return"
    } fails "notify::main_pid::subreaper::nobody_else_can_be_the_server";

    another_manager_gets_unchecked_bytes: "run/notify.rs" {
        "let message = message::for_others(datagram, self.may_be_ready);" => "let message = String::from_utf8_lossy(datagram).into_owned();"
    } fails "notify::upstream::pid_1::messages_are_passed_on";

    another_manager_gets_pids: "run/notify/message.rs" {
        "Word::MainPid(_) | Word::Watchdog(_)" => "Word::MainPid(pid) => return write!(f, \"MAINPID={pid}\"), Word::Watchdog(_)"
    } fails "notify::upstream::pid_1::messages_are_passed_on";

    a_line_ends_only_at_a_line_feed: "run/notify/message.rs" {
        "b\"\\r\\n\"" => "b\"\\n\""
    } fails "notify::strangers::subreaper::what_systemd_accepts_is_heard";

    main_pid_can_name_another_users_process: "run/handover.rs" {
        "process::owner(pid) == Some(user)" => "process::owner(pid).is_some()"
    } fails "attacks::messages::pid_1::another_users_process_does_not_become_the_server";

    hinits_own_watchdog_is_not_the_servers: "run/notify.rs" {
        "if names_hinit(WATCHDOG_PID) {" => "if false {"
    } fails "notify::upstream::pid_1::hinits_own_watchdog_is_the_servers_to_serve";

    a_pause_counts_as_silence: "run/health.rs" {
        "*sign = if has_run_out { now } else { *sign + by };" => "let _ = has_run_out;"
    } fails "pause::subreaper::it_is_no_silence";

    a_followed_file_can_name_any_process: "run/follow.rs" {
        "Contents::Pid(pid) if !is_running_child(pid) => {" => "Contents::Pid(pid) if false => {"
    } fails "follow::subreaper::one_that_is_no_child_of_hinits_is_not";
}
