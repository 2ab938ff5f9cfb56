//! The negative controls of the probes: what a health check asks a server, and which answers are healthy.

use super::Mutant;

mutants! {
    a_head_has_no_limit: "healthcheck/probe/http/head.rs" {
        "return if unread.len() < MAX_BYTES {" => "return if true {"
    } fails "hostile::peers_that_send_too_much";

    a_body_has_no_limit: "healthcheck/probe/http/body.rs" {
        "const MAX_SEARCHED: usize = 64 * 1024;" => "const MAX_SEARCHED: usize = 64 * 1024 * 1024;"
    } fails "hostile::peers_that_send_too_much";

    any_status_code_is_healthy: "healthcheck/probe/http/body.rs" {
        "if expected.any(|codes| codes.contains(&code)) {" => "if expected.next().is_some() {"
    } fails "probes::http::each_http_answer";

    a_body_has_another_length: "healthcheck/probe/http.rs" {
        "&http.body.len().to_string()" => "&http.body.chars().count().to_string()"
    } fails "probes::http::a_request_with_a_body";

    a_text_that_must_not_be_there_is_ignored: "healthcheck/probe/http/body.rs" {
        "lacks = &http.lacks;" => "lacks = http.lacks.get(1..1).unwrap_or_default();"
    } fails "probes::http::each_http_answer";

    the_part_of_a_body_that_is_searched_is_enough: "healthcheck/probe/http/body.rs" {
        "Some(Finding::BodyTooLong(self.code))" => "self.finding.take()"
    } fails "probes::http::a_body_without_an_end_is_not_searched_to_its_end";

    the_rest_of_an_answer_is_not_read: "healthcheck/probe/stream.rs" {
        "Progress::Decided => {" => "Progress::Decided if rest.is_none() => return Ok(()),\nProgress::Decided => {"
    } fails "odd_answers::an_answer_in_steps_is_read_to_its_end";

    the_rest_of_an_answer_has_no_timeout: "healthcheck/probe/stream.rs" {
        "REST_TIMEOUT.min(left / REST_PART)" => "left.max(REST_TIMEOUT / REST_PART)"
    } fails "odd_answers::an_answer_without_end";

    any_answer_is_the_reply: "healthcheck/probe/reply.rs" {
        "if self.bytes.starts_with(self.reply) {" => "if !self.bytes.is_empty() {"
    } fails "probes::exchange::each_banner";

    a_part_of_the_reply_is_enough: "healthcheck/probe/reply.rs" {
        "if self.bytes.starts_with(self.reply) {" => "if self.difference().is_none() {"
    } fails "probes::exchange::each_banner";

    an_answer_that_is_not_the_reply_has_no_limit: "healthcheck/probe/reply.rs" {
        "Some(rest) if self.bytes.len() <= Escaped::MAX && !rest" => "Some(rest) if !rest"
    } fails "probes::exchange::a_server_that_sends_without_end";

    nothing_is_sent: "healthcheck/probe/mod.rs" {
        "return stream::exchange(address, tls, &exchange.send, deadline" => "return stream::exchange(address, tls, &[], deadline"
    } fails "probes::exchange::each_tcp_and_unix_probe_sends_and_expects_the_same";

    a_request_without_a_reply_is_sent_nowhere: "cli/invocation/effect.rs" {
        "(SEND.opt, [REPLY.opt; 2])" => "(SEND.opt, [TCP.opt, UNIX.opt])"
    } fails "probes::exchange::each_exchange_that_cannot_be";

    an_unknown_escape_is_text: "cli/invocation/escape.rs" {
        "_ => return None," => "_ => *letter,"
    } fails "probes::exchange::each_exchange_that_cannot_be";

    not_serving_is_healthy: "healthcheck/probe/grpc.rs" {
        "Some(1) => self.reported" => "Some(1 | 2) => self.reported"
    } fails "probes::grpc::each_grpc_answer";

    the_authority_at_a_socket_is_its_path: "cli/probes.rs" {
        "(Some(path), \"localhost\", rest)" => "(Some(path), socket, rest)"
    } fails "probes::grpc::a_grpc_server_at_a_unix_socket";
    a_fastcgi_answer_needs_no_end: "healthcheck/probe/fastcgi.rs" {
        "self.finding.take().unwrap_or(Finding::ClosedEarly)" => "self.finding.take().unwrap_or_else(|| self.http.finish())"
    } fails "probes::fastcgi::each_fastcgi_answer";

    an_overloaded_fastcgi_server_is_healthy: "healthcheck/probe/fastcgi.rs" {
        "(END_REQUEST, [_, _, _, _, 0, ..]) => {}" => "(END_REQUEST, [_, _, _, _, 0 | 2, ..]) => return Some(Finding::AcceptsConnections),"
    } fails "probes::fastcgi::each_fastcgi_answer";

    the_status_of_a_cgi_answer_is_ignored: "healthcheck/probe/http/head.rs" {
        "eq_ignore_ascii_case(\"status\")" => "eq_ignore_ascii_case(\"x-status\")"
    } fails "probes::fastcgi::each_fastcgi_answer";

    php_fpm_gets_no_file_name: "healthcheck/probe/fastcgi.rs" {
        "(\"SCRIPT_FILENAME\", path)," => ""
    } fails "probes::fastcgi::a_fastcgi_server_at_a_unix_socket";

    localhost_is_one_address: "cli/probes/address.rs" {
        "SocketAddr::new(Ipv6Addr::LOCALHOST.into(), port),\n" => ""
    } fails "probes::localhost_is_both_addresses";

    a_heartbeat_from_the_future_is_fresh: "healthcheck/probe/heartbeat.rs" {
        "if touched.saturating_sub(now) > MAX_CLOCK_SKEW {" => "if touched > now && touched < now {"
    } fails "probes::heartbeat::each_heartbeat";

    only_the_first_probe_counts: "healthcheck/mod.rs" {
        "for probe in &options.probes {" => "for probe in options.probes.iter().take(1) {"
    } fails "probes::all_probes_must_be_healthy";

    a_dead_server_that_answers_is_healthy: "healthcheck/report.rs" {
        "self.process.as_ref().is_none_or(Verdict::is_healthy)" => "true"
    } fails "probes::all_probes_must_be_healthy";
}
