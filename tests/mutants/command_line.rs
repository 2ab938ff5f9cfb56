//! The negative controls of options and variables, of the log and of `hinit install`.

use super::Mutant;

mutants! {
    a_help_text_is_healthy: "cli/invocation.rs" {
        "if general.count(&HELP) > 0 {" => "if false {"
    } fails "variables::no_mistake_in_a_variable_makes_a_container_healthy";

    values_are_expanded_twice: "cli/invocation/given.rs" {
        "let value = expanded(word, self.env, has_escapes)?;" => "let value = expanded(&expanded(word, self.env, has_escapes)?, self.env, false)?;"
    } fails "expansion::a_value_of_a_variable_is_only_text";

    an_unset_name_is_empty: "cli/invocation/expand.rs" {
        ".or(default);" => ".or(default).or(Some(b\"1\"));"
    } fails "expansion::an_unset_name_is_a_usage_error";

    a_usage_error_shows_a_secret: "cli/invocation/given.rs" {
        "ParseError::Because(why, _) if text != written" => "ParseError::Because(why, _) if text == \"\""
    } fails "expansion::nothing_shows_what_a_variable_contains";

    an_expanded_list_is_split_again: "cli/values/separators.rs" {
        "Self::List => Self::List," => "Self::List => Self::None,"
    } fails "expansion::lists_are_split_first";

    a_variable_for_another_probe_is_refused: "cli/healthcheck.rs" {
        "&& invocation.is_given(options::HTTP.opt)" => ""
    } fails "variables::a_variable_for_one_probe_breaks_no_other";

    other_inits_warn_of_hinits_variables: "main.rs" {
        "if options.profile == InitProfile::OWN {" => "if options.profile == options.profile {"
    } fails "variables::another_init_does_not_warn_of_variables";

    a_service_of_kubernetes_is_a_typo: "cli/variables.rs" {
        "let is_of_service = has(b\"_PORT\") ||" => "let is_of_service ="
    } fails "variables::subreaper::unknown_variables_are_one_warning";

    quiet_success_hides_failures: "run/main_loop.rs" {
        "if code == 0 && self.options.quiet_success" => "if self.options.quiet_success"
    } fails "variables::pid_1::quiet_success_hides_a_success";

    a_closed_descriptor_gets_log_lines: "sys/descriptors.rs" {
        "if fd.revents & libc::POLLNVAL != 0" => "if fd.revents & libc::POLLNVAL == 99"
    } fails "lifecycle::inheritance::subreaper::closed_standard_descriptors_stay_closed_and_get_no_file_of_hinits";

    a_full_log_pipe_blocks_hinit: "output.rs" {
        "if poll(&mut ready, timeout) == Ok(0) {" => "if poll(&mut ready, timeout) == Ok(9) {"
    } fails "log::subreaper::a_log_without_a_reader_blocks_nothing";

    each_line_waits_for_a_full_pipe: "output.rs" {
        "HAS_DROPPED.load(Relaxed)" => "false"
    } fails "log::a_log_without_a_reader_is_waited_for_once";

    a_text_is_cut_at_a_full_pipe: "output.rs" {
        "Err(Errno::EAGAIN) => wait_for_room(fd)?," => "Err(Errno::EAGAIN) => return Ok(()),"
    } fails "log::a_text_is_written_whole_where_there_is_little_room";

    a_failed_install_leaves_a_partial_copy: "install.rs" {
        "if done.is_err() {" => "if false {"
    } fails "install::a_file_system_that_is_read_only_or_full";

    a_copy_left_by_a_crash_blocks_the_next_install: "install.rs" {
        "Err(Errno::EEXIST) => number += 1," => "Err(Errno::EEXIST) if number == 9 => number += 1,"
    } fails "install::a_killed_install_does_not_stop_the_next_one";

    install_replaces_a_symlink: "install.rs" {
        "kind => return Err(Reason::IsA(kind))," => "_ => {}"
    } fails "install::a_file_that_is_not_regular_is_not_replaced";
}
