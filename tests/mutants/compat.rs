//! The negative controls of hinit in the place of tini, dumb-init and catatonit.

use super::Mutant;

mutants! {
    dumb_init_sends_leftovers_no_term: "run/main_loop/children.rs" {
        "self.options.stop.leftovers == Leftovers::Tell" => "self.options.stop.leftovers == Leftovers::Drain"
    } fails "compat::ends::leftovers_get_the_signal_of_each_init";

    a_session_is_not_made: "run/launch/start.rs" {
        "let _session = setsid();" => "let _ = setsid;"
    } fails "compat::terminal::pid_1::without_a_terminal";

    the_terminal_is_not_taken: "run/launch/start.rs" {
        "sys::take_terminal();" => "let _ = sys::take_terminal;"
    } fails "compat::terminal::pid_1::leading_the_terminals_session";

    the_terminals_hup_and_cont_are_passed_on: "sys/terminal.rs" {
        "if !before.contains(signal) {" => "if false && !before.contains(signal) {"
    } fails "compat::terminal::pid_1::the_hup_and_cont_of_a_left_terminal_are_dropped";

    tinis_expected_codes_are_ignored: "cli/compat.rs" {
        "run.exit.map = TiniOptions::expected(invocation);" => "run.exit.map = TiniOptions::expected(invocation).split_off(1);"
    } fails "compat::ends::pid_1::tini_maps_expected_codes_to_0";

    catatonit_is_no_subreaper: "cli/compat.rs" {
        "run.profile.subreaper = true;" => "run.profile.subreaper = false;"
    } fails "compat::orphans::the_parent_of_orphans_of_each_init";

    a_command_not_found_is_127: "cli/compat.rs" {
        "FailureCodes([1, 2, 2])" => "FailureCodes([1, 126, 127])"
    } fails "compat::command_line::each_exit_code";

    a_script_without_an_interpreter_is_refused: "run/launch/start.rs" {
        "&& errno == Errno::ENOEXEC" => "&& errno == Errno::ENOEXEC && !options.profile.shell"
    } fails "compat::command_line::a_script_without_an_interpreter_is_the_shells";

    catatonits_pause_reaps_no_orphans: "run/mod.rs" {
        "while sys::reap_ended(ANY_CHILD).is_ok() {}" => "while false && sys::reap_ended(ANY_CHILD).is_ok() {}"
    } fails "compat::orphans::pid_1::catatonit_can_pause";

    dumb_init_never_stops: "run/disposition.rs" {
        "&& options.profile.stops &&" => "&& !options.profile.stops &&"
    } fails "compat::signals::subreaper::dumb_init_stops_even_if_the_signal_is_dropped";
}
