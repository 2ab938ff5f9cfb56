//! As whom and where the server runs, and what becomes that user's.

use super::Mutant;

mutants! {
    hinits_groups_stay: "run/launch/identity.rs" {
        "match sys::set_groups(&self.groups) {" => "match Ok::<(), Errno>(drop(sys::set_groups)) {"
    } fails "user::subreaper::all_that_makes_a_user_is_that_users";

    root_can_come_back: "sys/identity.rs" {
        "SYS_setresuid, uid, uid, uid" => "SYS_setresuid, 0, uid, uid"
    } fails "user::pid_1::all_that_makes_a_user_is_that_users";

    capabilities_come_along: "run/launch/identity.rs" {
        "        sys::clear_ambient_capabilities()\n" => "        drop(sys::clear_ambient_capabilities); Ok(())\n"
    } fails "user::privileges::the_capabilities_of_a_hinit_that_is_not_root_are_not_the_servers";

    ones_own_user_needs_nothing: "run/launch/identity.rs" {
        "        sys::set_gids(self.gid)?;" =>
        "        if nix::unistd::getuid().as_raw() == self.uid { return Ok(()); } sys::set_gids(self.gid)?;"
    } fails "user::own::ambient_capabilities_and_groups_of_ones_own_go_as_well";

    a_missing_capability_shows_too_late: "run/launch/identity.rs" {
        "identity.check_capabilities(&own, &sys::has_capability)?;" => "drop(sys::has_capability);"
    } fails "user::subreaper::without_a_capability_nothing_is_launched";

    what_is_right_needs_a_capability: "run/launch/identity/check.rs" {
        "self.first_change(own).is_none();" => "false;"
    } fails "user::own::a_uid_with_roots_group_keeps_it_or_is_told_how";

    the_engines_groups_are_always_kept: "run/launch/identity/check.rs" {
        "        if keep {" => "        if keep || true {"
    } fails "user::own::the_engines_groups_are_kept_for_who_asks";

    a_file_that_cannot_be_read_is_missing: "run/launch/accounts.rs" {
        "Err(Errno::ENOENT) =>" => "Err(_) =>"
    } fails "user::a_file_that_cannot_be_read_is_not_taken_for_a_missing_one";

    the_child_can_be_traced: "run/launch/identity.rs" {
        "set_keepcaps(true)" => "set_keepcaps(false)"
    } fails "user::privileges::the_child_cannot_be_traced_by_its_user_before_its_exec";

    the_limit_of_processes_is_the_commands_fault: "run/launch/identity.rs" {
        "if errno != Errno::EAGAIN ||" => "if errno == Errno::EAGAIN ||"
    } fails "user::privileges::the_limit_of_processes_is_hinits_failure";

    only_root_enters_the_directory: "run/launch/mod.rs" {
        "Err(Errno::EACCES | Errno::EPERM) if" => "Err(Errno::EPERM) if"
    } fails "user::place::subreaper::a_directory_that_only_the_server_may_enter_is_entered_as_that_user";

    streams_stay_roots: "run/launch/streams.rs" {
        "if stat.st_uid == uid ||" => "if stat.st_uid != uid ||"
    } fails "user::streams::subreaper::a_server_opens_its_pipes_by_name";

    files_to_read_are_given_away: "run/launch/streams.rs" {
        "return is_output && is_writable(stream);" => "return !is_output || is_writable(stream);"
    } fails "user::streams::files_to_write_to_are_the_servers_and_all_others_stay";

    anothers_terminal_is_given_away: "run/launch/streams.rs" {
        "tcgetsid(stream) == Ok(getpid())" => "tcgetsid(stream) != Ok(getpid())"
    } fails "user::streams::the_terminal_of_another_session_leader_stays_its_owners";

    the_terminal_does_not_go_back: "run/terminal.rs" {
        "stat.st_uid == user)" => "stat.st_uid != user)"
    } fails "user::streams::subreaper::the_terminal_is_the_servers_and_goes_back_at_the_end";
}
