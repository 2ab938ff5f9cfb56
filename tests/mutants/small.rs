//! The small commands, and as whom and over what a server runs.

use super::Mutant;

mutants! {
    another_hinits_lock_vouches_for_a_stranger: "signal.rs" {
        "    let fault = if !options.foreign && !file.is_held() {
        Some(Fault::Stale)
    } else if !file.is_unchanged() {
        Some(Fault::Replaced)" =>
        "    let fault = if !file.is_unchanged() {
        Some(Fault::Replaced)
    } else if !options.foreign && !file.is_held() {
        Some(Fault::Stale)"
    } fails "signal::reuse::the_lock_of_another_hinit_does_not_vouch_for_the_stranger";

    the_lock_is_looked_at_once: "signal.rs" {
        "if !options.foreign && !file.is_held() {" => "if false {"
    } fails "signal::reuse::also_where_there_is_no_hold_on_a_process";

    the_number_gets_the_signal: "sys/signals.rs" {
        "Err(Errno::ENOSYS | Errno::EPERM) if !ends_within(pidfd, PollTimeout::ZERO) =>" => "Err(_) =>"
    } fails "signal::reuse::after_any_system_call_the_stranger_is_spared";

    without_a_hold_there_is_no_signal: "sys/signals.rs" {
        "Err(Errno::ENOSYS | Errno::EPERM) | Ok(Err(_)) => None," => "Ok(Err(_)) => None,"
    } fails "signal::without_a_hold_on_the_process_plain_kill_does_it";

    a_stopped_server_gets_nothing: "signal.rs" {
        "        | Verdict::Stopped(_) => {}" => "        => {}"
    } fails "signal::subreaper::a_stopped_server_gets_cont_and_kill";

    a_wait_cannot_be_interrupted: "main.rs" {
        "sys::set_signal_mask(inherited.with(SIGPIPE));" => "let _ = inherited.with(SIGPIPE);"
    } fails "signal::who_waits_can_be_interrupted";

    anothers_proc_is_shown: "status/facts.rs" {
        "let can_tell = process::is_proc_ours();" => "let can_tell = true;"
    } fails "status::without_a_proc_of_ours_there_are_reasons";

    half_a_copy_is_left_behind: "install.rs" {
        "if done.is_err() {" => "if false {"
    } fails "install::a_file_system_that_is_read_only_or_full";

    an_old_copy_is_in_the_way: "install.rs" {
        "Err(Errno::EEXIST) => number += 1," => "Err(Errno::EEXIST) if number == 9 => number += 1,"
    } fails "install::one_that_was_killed_amid_its_work_hinders_no_later_one";

    a_symlink_is_replaced: "install.rs" {
        "Some(kind) => return Err(fail(&format!(\"it is a {kind}\")))," => "Some(_) => {}"
    } fails "install::what_is_no_regular_file_stays";

    a_locked_file_is_removed: "run/launch/stale.rs" {
        "    check_locks(&file)?;" => "    let _ = check_locks;"
    } fails "stale::subreaper::what_somebody_has_locked_stays";

    pid_1_believes_an_old_number: "run/launch/stale.rs" {
        "if getpid() == Pid::from_raw(1) || has_ended(pid) =>" => "if getpid() != getpid() || has_ended(pid) =>"
    } fails "stale::pid_1::one_that_lives_stays_unless_it_cannot_be_meant";

    a_living_process_is_stale: "run/launch/stale.rs" {
        "if getpid() == Pid::from_raw(1) || has_ended(pid) =>" => "if getpid() == getpid() || has_ended(pid) =>"
    } fails "stale::subreaper::one_that_lives_stays_unless_it_cannot_be_meant";

    memory_that_runs_out_aborts: "sys/heap.rs" {
        "            self.plan.follow();" => "            return block;"
    } fails "limits::memory::long_command_lines_and_paths_are_refused_in_one_line";

    only_close_range_closes: "sys.rs" {
        "return close_one_by_one(&kept);" => "return Ok(());"
    } fails "limits::inherited::what_was_meant_for_the_server_is_let_go_without_close_range_as_well";

    an_entry_that_leads_nowhere_ends_the_search: "sys/child.rs" {
        "                errno if along_path && is_no_entry(candidate, errno) => {}" => ""
    } fails "exec_errors::subreaper::entries_of_path_that_lead_nowhere_are_passed_over";

    no_help_at_the_end_of_a_usage_error: "main.rs" {
        "let why = why.and(\" --help`\");" => ""
    } fails "cli::a_usage_error_is_125_and_one_line";

    any_name_is_near: "cli/suggestions.rs" {
        "(word.len().max(other.len()) / 4).max(1)" => "99"
    } fails "cli::a_usage_error_of_another_inits_command_line_names_its_help";

    what_was_meant_is_not_said: "run/launch/program.rs" {
        "suggestions::command(self.0.words(), is_own, &is_user)" =>
        "suggestions::command(self.0.words(), is_own, &is_user).filter(|_| false)"
    } fails "exec_errors::subreaper::commands_that_were_meant_otherwise";

    the_missing_directory_is_not_named: "install.rs" {
        "Some((directory, _)) if errno == Errno::ENOENT => {" => "Some((directory, _)) if errno == Errno::EPERM => {"
    } fails "install::a_place_that_cannot_be";
}
