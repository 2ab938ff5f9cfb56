//! The negative controls of the socket beside the PID file and of --listen: which connections are served, and
//! with which answers.

use super::Mutant;

mutants! {
    the_working_directory_is_not_restored: "file/entry.rs" {
        "fchdir(&way_back)\n" => "Ok(drop(way_back))\n"
    } fails "beside::by_descriptor::binding_the_socket_leaves_the_servers_working_directory";

    the_socket_file_is_left_behind: "run/socket_file.rs" {
        "            let _ignored = self.entry.unlink();" => ""
    } fails "beside::pid_1::the_socket_exists_as_long_as_hinit_runs";

    a_socket_that_is_served_is_replaced: "run/socket_file.rs" {
        "_ => Err(Reason::InUse)," => "_ => Ok(entry.unlink()?),"
    } fails "beside::other_files::a_socket_that_is_served_is_left_alone";

    a_file_that_is_no_socket_is_removed: "run/socket_file.rs" {
        "kind => return Err(Reason::IsA(kind))," => "_ => return Ok(entry.unlink()?),"
    } fails "beside::other_files::a_file_with_the_sockets_name_is_left_alone";

    the_umask_decides_the_sockets_mode: "file/entry.rs" {
        "umask(!mode & Mode::all())" => "umask(umask(!mode & Mode::all()))"
    } fails "beside::subreaper::readers_of_the_pid_file_may_connect_whatever_the_umask";

    the_server_inherits_a_listener: "run/responder/listener.rs" {
        "    listen(&socket, Backlog::MAXALLOWABLE)?;\n    Ok(socket)" =>
        "    listen(&socket, Backlog::MAXALLOWABLE)?;\n    Ok(nix::unistd::dup(&socket)?)"
    } fails "listen::pid_1::the_server_inherits_none_of_the_sockets";

    a_server_that_is_about_to_be_stopped_is_ready: "run/main_loop/signals.rs" {
        "            self.health.set_stop_requested(self.clock.now());" => ""
    } fails "listen::pid_1::a_server_that_is_about_to_be_stopped_is_alive_but_not_ready";

    a_stopped_server_is_healthy: "run/main_loop/children.rs" {
        "                    self.health.set_suspended(true);" => ""
    } fails "listen::subreaper::a_stopped_server_is_unhealthy_until_it_continues";

    localhost_needs_ipv6: "run/responder/listener.rs" {
        "(Errno::EADDRNOTAVAIL | Errno::EAFNOSUPPORT)" => "Errno::EAFNOSUPPORT"
    } fails "listen::addresses::without_ipv6_localhost_is_one_address";

    a_full_table_drops_any_connection: "run/responder.rs" {
        "slots.min_by_key(|(connection, _)| connection.eviction_order())" => "slots.min_by_key(|(connection, number)| (connection.eviction_order().0, *number))"
    } fails "listen::crowds::at_the_limit_the_connection_that_was_idle_longest_is_dropped";

    a_connection_amid_a_request_is_dropped_first: "run/responder/connection.rs" {
        "let is_busy = self.is_new || self.deadline.is_some();" => "let is_busy = false;"
    } fails "listen::crowds::a_connection_amid_a_request_is_dropped_last";

    a_full_socket_loses_an_answer: "run/responder/connection.rs" {
        "AfterAnswer::KeepOpen if is_sent => {}" => "AfterAnswer::KeepOpen => {}"
    } fails "listen::crowds::a_client_that_sends_requests_and_reads_no_answer_is_dropped";

    exhausted_descriptors_make_hinit_spin: "run/responder.rs" {
        "self.pause_accepting(epoll, now);\n                }" => "}"
    } fails "listen::exhaustion::subreaper::without_descriptors_hinit_continues_and_answers_later";

    a_partial_request_has_no_timeout: "run/responder/connection.rs" {
        "const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);" => "const REQUEST_TIMEOUT: Duration = Duration::from_hours(1);"
    } fails "listen::requests::a_part_of_a_request";

    an_answer_before_a_body_is_lost: "run/responder/connection.rs" {
        "AfterAnswer::Linger if is_sent => self.linger(now)," => "AfterAnswer::Linger if is_sent => self.close(),"
    } fails "listen::requests::a_request_with_a_body";
}
