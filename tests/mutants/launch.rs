//! The negative controls of what the server inherits, and of why a command cannot be executed.

use super::Mutant;

mutants! {
    hinit_keeps_inherited_descriptors: "run/main_loop.rs" {
        "if let Err(errno) = kept.close_others() {" => "if let Err(errno) = Ok::<_, nix::errno::Errno>(kept) {"
    } fails "lifecycle::inheritance::subreaper::hinit_leaves_its_working_directory_and_closes_inherited_descriptors";

    hinit_keeps_the_working_directory: "run/main_loop.rs" {
        "chdir(c\"/\")" => "chdir(c\".\")"
    } fails "lifecycle::inheritance::pid_1::hinit_leaves_its_working_directory_and_closes_inherited_descriptors";

    passed_sockets_stay_hinits: "run/launch/start.rs" {
        "let own_pid = recipient.map(|_| LISTEN_PID);" => "let own_pid = recipient.map(|_| LISTEN_PID).filter(|_| false);"
    } fails "lifecycle::inheritance::subreaper::passed_sockets_are_the_servers";

    passed_sockets_name_another_pidfd: "sys/environment.rs" {
        "Ok(number) => variable.set(number)," => "Ok(number) => variable.set(number ^ 1),"
    } fails "lifecycle::inheritance::pid_1::passed_sockets_name_the_servers_pidfd";

    options_behind_the_command_are_hinits: "cli/invocation/words.rs" {
        "if topic.mixed {" => "if topic.mixed || true {"
    } fails "lifecycle::subreaper::the_servers_own_options_are_not_hinits";

    without_close_range_nothing_is_closed: "sys/descriptors.rs" {
        "return self.close_others_one_by_one();" => "return Ok(());"
    } fails "limits::inherited::inherited_descriptors_are_closed_without_close_range";

    out_of_memory_aborts: "sys/heap.rs" {
        "            self.policy.apply();" => "            return block;"
    } fails "limits::memory::large::long_command_lines_and_paths_are_refused_in_one_line";

    a_dangling_entry_of_path_ends_the_search: "sys/child/executable.rs" {
        "                errno if along_path && is_no_entry(candidate, errno) => {}" => ""
    } fails "exec_errors::path::subreaper::dangling_entries_of_path_are_skipped";

    a_binary_for_any_machine_is_ours: "run/launch/exec_error.rs" {
        "let is_foreign = machine != THIS_MACHINE;" => "let is_foreign = false;"
    } fails "exec_errors::binaries::subreaper::each_wrong_binary_is_named";

    the_first_file_of_path_is_named: "run/launch/exec_error.rs" {
        "let lacks_another_file = errno == Errno::ENOENT;" => "let lacks_another_file = true;"
    } fails "exec_errors::path::subreaper::a_command_is_found_along_path";

    earlier_kills_count_outside_of_a_container: "run/memory.rs" {
        "let began_at_0 = is_root" => "let began_at_0 = !is_root || is_root"
    } fails "limits::memory::kills::a_server_that_takes_all_memory_at_once_is_reported_in_a_container";
}
