//! The negative controls of users and privileges: as which user the server runs, what becomes that user's,
//! and whom hinit trusts.

use super::Mutant;

mutants! {
    hinits_groups_are_kept: "run/launch/identity.rs" {
        "match sys::set_groups(&self.groups) {" => "match Ok::<(), Errno>(drop(sys::set_groups)) {"
    } fails "user::subreaper::ids_groups_and_capabilities_are_the_users";

    the_server_can_become_root_again: "sys/identity.rs" {
        "SYS_setresuid, [uid as usize; 3]" => "SYS_setresuid, [0, uid as usize, uid as usize]"
    } fails "user::pid_1::ids_groups_and_capabilities_are_the_users";

    ambient_capabilities_are_kept: "run/launch/identity.rs" {
        "        sys::clear_ambient_capabilities()\n" => "        drop(sys::clear_ambient_capabilities); Ok(())\n"
    } fails "user::privileges::ambient_capabilities_of_a_plain_user_are_dropped";

    hinits_own_user_keeps_its_groups: "run/launch/identity.rs" {
        "        sys::set_gids(self.gid)?;" =>
        "        if nix::unistd::getuid().as_raw() == self.uid { return Ok(()); } sys::set_gids(self.gid)?;"
    } fails "user::own::the_own_users_ambient_capabilities_and_groups_are_dropped";

    a_missing_capability_shows_after_the_launch: "run/launch/identity.rs" {
        "identity.check_capabilities(&own, &sys::has_capability)?;" => "drop(sys::has_capability);"
    } fails "user::subreaper::without_a_capability_nothing_is_launched";

    an_identity_that_is_right_needs_a_capability: "run/launch/identity/check.rs" {
        "self.first_change(own).is_none();" => "false;"
    } fails "user::own::a_uid_with_roots_group_keeps_it_or_gets_a_remedy";

    the_engines_groups_are_always_kept: "run/launch/identity/check.rs" {
        "        if keep {" => "        if keep || true {"
    } fails "user::own::keep_groups_keeps_the_engines_groups";

    an_unreadable_account_file_counts_as_missing: "run/launch/accounts.rs" {
        "Err(Errno::ENOENT) =>" => "Err(_) =>"
    } fails "user::accounts::an_unreadable_account_file_is_an_error";

    the_child_can_be_traced_by_its_user: "run/launch/identity.rs" {
        "set_keepcaps(true)" => "set_keepcaps(false)"
    } fails "user::privileges::the_child_cannot_be_traced_by_its_user_before_its_exec";

    the_limit_of_processes_is_the_commands_fault: "run/launch/identity.rs" {
        "if errno != Errno::EAGAIN ||" => "if errno == Errno::EAGAIN ||"
    } fails "user::privileges::the_limit_of_processes_is_hinits_failure";

    the_directory_is_entered_as_root_alone: "run/launch/mod.rs" {
        "Err(Errno::EACCES | Errno::EPERM) if" => "Err(Errno::EPERM) if"
    } fails "user::place::subreaper::a_directory_that_only_the_user_may_enter_is_entered_as_the_user";

    pipes_stay_roots: "run/launch/streams.rs" {
        "if stat.st_uid == uid ||" => "if stat.st_uid != uid ||"
    } fails "user::streams::subreaper::a_server_opens_its_pipes_by_name";

    files_open_for_reading_are_given_away: "run/launch/streams.rs" {
        "return is_output && is_writable(stream);" => "return !is_output || is_writable(stream);"
    } fails "user::streams::only_output_files_become_the_servers";

    the_terminal_of_another_session_is_given_away: "run/launch/streams.rs" {
        "tcgetsid(stream) == Ok(getpid())" => "tcgetsid(stream) != Ok(getpid())"
    } fails "user::streams::the_terminal_of_another_session_keeps_its_owner";

    the_terminal_does_not_go_back_to_its_owner: "run/terminal.rs" {
        "stat.st_uid == to)" => "stat.st_uid != to)"
    } fails "user::streams::subreaper::the_terminal_is_the_users_until_the_end";

    a_pid_file_of_any_user_is_trusted: "pidfile/read.rs" {
        "if !is_foreign {" => "if false {"
    } fails "verdicts::file::an_own_file_that_others_may_write";

    root_trusts_any_users_default_file: "pidfile/read.rs" {
        "TrustPolicy::User(user) => owner == user && !is_ambiguous(user)," => "TrustPolicy::User(user) => !is_ambiguous(user),"
    } fails "attacks::default_files::root_ignores_another_users_default_file";

    root_trusts_a_default_file_for_any_process: "lookup.rs" {
        "|| parent == Some(PID_1);" => "|| parent.is_some();"
    } fails "attacks::default_files::root_ignores_another_users_default_file";

    root_signals_by_another_users_default_file: "signal.rs" {
        "Purpose::Signal)" => "Purpose::Report)"
    } fails "other_user::root_finds_the_default_file_of_pid_1s_user_and_names_the_others";

    a_socket_of_any_user_is_trusted: "healthcheck/socket.rs" {
        "} else if !is_trusted(peer.uid()) {" => "} else if peer.uid() == 4242 {"
    } fails "beside::other_files::a_socket_of_another_user_is_not_trusted";

    a_socket_of_any_hinit_is_trusted: "healthcheck/socket.rs" {
        "} else if parent.is_some() && pid != getpid() && process::is_proc_ours() {" => "} else if parent.is_none() && pid != getpid() && process::is_proc_ours() {"
    } fails "beside::by_descriptor::a_link_to_the_socket_of_another_hinit_proves_nothing";

    a_followed_file_that_others_may_write_names_the_server: "run/follow.rs" {
        "stat.st_mode & 0o022 != 0" => "false"
    } fails "follow::subreaper::a_file_that_others_may_write_is_ignored";
}
