//! A start that hangs, pauses, stop signals, process groups, and who takes a server's place.

use super::Mutant;

mutants! {
    a_start_that_hangs_is_deaf: "run/launch/mod.rs" {
        "SignalQueue::new(options.stop.signals.with(SIGCHLD))" => "SignalQueue::new(SignalSet::NONE.with(SIGCHLD))"
    } fails "start::subreaper::a_stop_signal_ends_a_start_that_hangs";

    a_server_that_hangs_at_its_exec_is_ready: "run/health.rs" {
        "            stage: Stage::Launching," => "            stage: Stage::Running,"
    } fails "start::subreaper::probes_are_answered_meanwhile";

    a_strangers_group_gets_the_signal: "run/server.rs" {
        "group.filter(|group| *group == self.pid || Some(*group) == self.made_group)" => "group"
    } fails "groups::a_server_in_a_strangers_group_gets_the_signal_alone";

    the_group_that_hinit_made_is_for_ever: "run/server.rs" {
        "group.filter(|group| *group == self.pid || Some(*group) == self.made_group)" => "self.made_group",
        "self.made_group = self.made_group.filter(|made| Some(*made) == group);" => ""
    } fails "groups::subreaper::a_new_server_that_leads_another_session_gets_the_stop_signal";

    a_pause_counts: "run/pause.rs" {
        "(late > MAX_LATENESS)" => "(late > Duration::MAX)"
    } fails "pause::subreaper::it_is_no_part_of_the_grace_time";

    a_pause_is_silence: "run/health.rs" {
        "*sign = if has_run_out { now } else { *sign + by };" => "let _ = has_run_out;"
    } fails "pause::subreaper::it_is_no_silence";

    a_stopped_server_gets_its_stop_signal_when_it_is_killed: "run/main_loop/signals.rs" {
        "Ok(()) if is_stop => self.wake_stopped_server()," => "Ok(()) if is_stop => {}"
    } fails "stop_signals::subreaper::a_server_that_is_stopped_goes_on_for_its_stop_signal";

    a_stop_signal_starts_no_grace_time: "run/shutdown.rs" {
        "if self.plan.signals.contains(signal.received_as())" => "if false && self.plan.signals.contains(signal.received_as())"
    } fails "stop_signals::subreaper::others_take_the_place_of_the_usual_ones";

    a_file_of_anybodys_names_the_server: "run/follow.rs" {
        "stat.st_mode & 0o022 != 0" => "false"
    } fails "follow::subreaper::a_file_that_others_may_write_is_not_believed";

    any_process_is_a_successor: "run/follow.rs" {
        "Contents::Pid(pid) if !is_running_child(pid) => {" => "Contents::Pid(pid) if false => {"
    } fails "follow::subreaper::one_that_is_no_child_of_hinits_is_not";
}
