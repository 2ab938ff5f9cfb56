//! The negative controls of what a server tells hinit, and of what hinit tells of it.

use super::Mutant;

// What the server says, and who is believed.
mutants! {
    anyone_is_believed: "run/notify/sender.rs" {
        "(false, Some(true)) => return None," => "(false, Some(true)) => false,"
    } fails "notify::strangers::subreaper::a_process_that_is_not_below_hinit_is_not_believed";

    workers_are_strangers: "run/notify/sender.rs" {
        "sender == server || is_descendant(sender)" => "sender == server"
    } fails "notify::subreaper::a_worker_is_believed";

    who_has_exited_is_a_stranger: "run/notify/sender.rs" {
        "let is_believed = !has_exited || is_servers(server, user);" => "let is_believed = !has_exited || is_servers(server, user) && user == 4242;"
    } fails "notify::departed::subreaper::its_word_counts_if_it_was_the_servers_user";

    anyone_who_has_exited_is_believed: "run/notify/sender.rs" {
        "(user == real || user == saved)" => "(user == real || user != saved)"
    } fails "notify::departed::pid_1::another_users_does_not_and_the_remedy_is_named";

    a_pid_alone_proves_who_speaks: "run/notify/sender.rs" {
        "(true, Some(false)) if is_trusted(user) => false," => "(true, Some(false)) if is_trusted(user) || user > 0 => false,"
    } fails "notify::departed::a_stranger_whose_pid_was_used_again_is_not_believed";

    who_has_exited_names_the_server: "run/handover.rs" {
        "if sender.has_exited {" => "if sender.has_exited && sender.user == 4242 {"
    } fails "notify::departed::subreaper::it_names_no_other_server";

    a_part_of_the_last_words_counts: "run/main_loop/notify_events.rs" {
        "            self.read_messages(most);" => "            self.read_messages(most.min(MAX_AT_ONCE));"
    } fails "notify::departed::pid_1::all_that_it_has_said_is_read_before_its_end_counts";

    a_zombie_is_the_server: "run/handover.rs" {
        "(is_running_child(pid) && is_it())" => "(is_child(pid) && is_it())",
        "!new.has_ended() && is_descendant(pid)" => "is_descendant(pid)",
        "        if is_running_child(pid) {\n" => "        if is_running_child(pid) || is_child(pid) {\n"
    } fails "notify::departed::subreaper::a_process_that_has_ended_takes_no_place";

    who_was_heard_is_a_stranger: "run/notify.rs" {
        "if message != b\"BARRIER=1\" {" => "if true {"
    } fails "notify::strangers::pid_1::nor_is_one_of_another_user";

    its_socket_is_abstract: "run/notify/place.rs" {
        "SocketFile::bind(entry.ok()?," => "SocketFile::bind(entry.ok().filter(|_| false)?,"
    } fails "notify::place::subreaper::it_is_beside_the_pid_file";

    another_user_need_not_reach_it: "run/notify/place.rs" {
        "identity.is_none_or(|identity| can_reach(&address, identity))" => "identity.is_none_or(|identity| can_reach(&address, identity) || identity.uid() > 0)"
    } fails "notify::place::pid_1::a_server_of_another_user_can_reach_it";

    ready_before_it_says_so: "run/health.rs" {
        "word: notify.is_some()," => "word: false,"
    } fails "notify::pid_1::a_server_is_ready_once_it_says_so";

    silence_is_no_harm: "run/health.rs" {
        "(self.stopping.is_none() && silence >= watchdog)" => "(self.stopping.is_some() && silence >= watchdog)"
    } fails "notify::watchdog::subreaper::a_server_that_is_silent_is_unhealthy";

    the_stopped_do_not_end_of_their_silence: "run/main_loop/notify_events.rs" {
        ".chain([SIGCONT])" => ".chain([SIGCONT].into_iter().skip(1))"
    } fails "notify::watchdog::pid_1::it_can_end_of_that_also_when_it_is_stopped";

    a_stop_is_for_the_old_server_alone: "run/main_loop/notify_events.rs" {
        "self.stop_new_server();" => ""
    } fails "notify::main_pid::subreaper::a_stop_in_the_middle_of_that_gets_to_both";

    more_time_is_not_given: "run/shutdown.rs" {
        "(grace_from.map(|from| from + grace)).max(self.extended)" => "grace_from.map(|from| from + grace)"
    } fails "notify::pid_1::a_server_gets_more_time_on_its_way_out";

    a_new_server_is_stopped_like_the_old_one: "run/main_loop/notify_events.rs" {
        "self.health.replace_server(pid, is_stopped, Instant::now());" => "self.health.replace_server(pid, is_stopped || !is_stopped, Instant::now());"
    } fails "notify::main_pid::pid_1::who_takes_the_place_of_one_that_is_stopped_is_not";

    an_earlier_word_counts: "run/handover.rs" {
        "        self.successor = None;\n" => ""
    } fails "notify::main_pid::subreaper::the_last_word_counts";

    nobody_takes_the_servers_place: "run/main_loop/children.rs" {
        "                self.replace_ended_server(pid);" => ""
    } fails "notify::main_pid::pid_1::a_child_of_the_servers_takes_its_place_when_that_ends";

    anyone_can_be_the_server: "run/handover.rs" {
        "        if is_running_child(pid) {\n            return" => "        if !is_child(nix::unistd::getpid()) {\n            return"
    } fails "notify::main_pid::subreaper::nobody_else_can_be_the_server";

    another_manager_gets_bytes: "run/notify.rs" {
        "let message = message::for_others(datagram, self.may_be_ready);" => "let message = String::from_utf8_lossy(datagram).into_owned();"
    } fails "notify::upstream::pid_1::messages_are_passed_on";

    another_manager_gets_pids: "run/notify/message.rs" {
        "Word::MainPid(_) | Word::Watchdog(_)" => "Word::MainPid(pid) => return write!(f, \"MAINPID={pid}\"), Word::Watchdog(_)"
    } fails "notify::upstream::pid_1::messages_are_passed_on";

    a_line_ends_only_at_a_line_feed: "run/notify/message.rs" {
        "b\"\\r\\n\"" => "b\"\\n\""
    } fails "notify::strangers::subreaper::what_systemd_accepts_is_heard";

    whoever_may_speak_names_the_server: "run/handover.rs" {
        "process::owner(pid) == Some(user)" => "process::owner(pid).is_some()"
    } fails "attacks::messages::pid_1::another_users_process_does_not_become_the_server";

    hinits_own_watchdog_stays_hinits: "run/notify.rs" {
        "if names_hinit(WATCHDOG_PID) {" => "if false {"
    } fails "notify::upstream::pid_1::hinits_own_watchdog_is_the_servers_to_serve";
}

// The answers to probes.
mutants! {
    anyones_socket_is_trusted: "healthcheck/socket.rs" {
        "} else if !is_trusted(peer.uid()) {" => "} else if peer.uid() == 4242 {"
    } fails "beside::a_socket_of_another_user_is_not_trusted";

    any_hinits_socket_is_believed: "healthcheck/socket.rs" {
        "} else if parent.is_some() && pid != getpid() && process::is_proc_ours() {" => "} else if parent.is_none() && pid != getpid() && process::is_proc_ours() {"
    } fails "beside::by_descriptor::a_link_to_the_socket_of_another_hinit_proves_nothing";

    there_is_no_way_back: "file/entry.rs" {
        "fchdir(&way_back)\n" => "Ok(drop(way_back))\n"
    } fails "beside::by_descriptor::the_server_has_the_working_directory_all_the_same";

    the_socket_stays: "run/socket_file.rs" {
        "            let _ignored = self.entry.unlink();" => ""
    } fails "beside::pid_1::it_is_there_as_long_as_hinit_is";

    a_served_socket_is_taken: "run/socket_file.rs" {
        "_ => Err(Obstacle::InUse)," => "_ => entry.unlink().map_err(Obstacle::Errno),"
    } fails "beside::a_socket_that_is_served_is_left_alone";

    anything_is_taken_for_a_socket: "run/socket_file.rs" {
        "other => return Err(Obstacle::Is(other.unwrap_or(\"regular file\")))," => "_ => return entry.unlink().map_err(Obstacle::Errno),"
    } fails "beside::something_else_under_its_name_is_left_alone";

    the_umask_decides_who_may_ask: "file/entry.rs" {
        "umask(!mode & Mode::all())" => "umask(umask(!mode & Mode::all()))"
    } fails "beside::subreaper::who_may_read_the_pid_file_may_ask_whatever_the_umask";

    the_server_inherits_a_listener: "run/responder/listener.rs" {
        "    listen(&socket, Backlog::MAXALLOWABLE)?;\n    Ok(socket)" =>
        "    listen(&socket, Backlog::MAXALLOWABLE)?;\n    Ok(nix::unistd::dup(&socket)?)"
    } fails "listen::pid_1::the_server_inherits_none_of_the_sockets";

    one_who_is_to_stop_is_ready: "run/main_loop/signals.rs" {
        "            self.health.stop();" => ""
    } fails "listen::pid_1::one_that_is_about_to_be_stopped_is_alive_but_not_ready";

    one_that_is_stopped_is_well: "run/main_loop/children.rs" {
        "                    self.health.set_suspended(true);" => ""
    } fails "listen::subreaper::one_that_is_stopped_is_not_well_until_it_goes_on";

    localhost_needs_ipv6: "run/responder/listener.rs" {
        "(Errno::EADDRNOTAVAIL | Errno::EAFNOSUPPORT)" => "Errno::EAFNOSUPPORT"
    } fails "listen::without_ipv6_localhost_is_one_address";

    the_first_place_is_anothers: "run/responder.rs" {
        "places.min_by_key(|(place, _)| place.rank())" => "places.min_by_key(|(place, number)| (place.rank().0, *number))"
    } fails "listen::crowds::with_one_more_than_there_are_places_the_one_goes_that_was_idle_for_the_longest_time";

    who_asks_goes_like_any_other: "run/responder/connection.rs" {
        "let asks = self.is_new || self.deadline.is_some();" => "let asks = false;"
    } fails "listen::crowds::who_is_in_the_middle_of_a_request_goes_last";

    a_full_socket_loses_an_answer: "run/responder/connection.rs" {
        "Then::Keep if is_sent => {}" => "Then::Keep => {}"
    } fails "listen::crowds::who_asks_on_and_on_and_does_not_read_is_dropped";

    no_descriptor_left_makes_it_spin: "run/responder.rs" {
        "self.pause_accepting(epoll, now);\n                    }" => "}"
    } fails "listen::exhaustion::subreaper::it_goes_on_and_answers_again_once_there_is_one";

    half_a_request_may_stay: "run/responder/connection.rs" {
        "const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);" => "const PATIENCE: Duration = Duration::from_hours(1);"
    } fails "listen::requests::a_part_of_a_request";

    an_answer_is_lost_by_what_comes_after_it: "run/responder/connection.rs" {
        "Then::Linger if is_sent => self.linger(now)," => "Then::Linger if is_sent => self.close(),"
    } fails "listen::requests::a_request_with_a_body";
}
