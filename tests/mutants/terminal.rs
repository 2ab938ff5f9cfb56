//! The negative controls of the terminal and of job control.

use super::Mutant;

mutants! {
    the_server_may_not_read_the_terminal: "sys/child.rs" {
        "if let Some(terminal) = self.terminal" => "if let Some(terminal) = self.terminal.filter(|_| false)"
    } fails "terminal::pid_1::a_reader_of_the_terminal_is_never_stopped_at_its_start";

    a_background_job_takes_the_terminal: "run/launch/start.rs" {
        "terminal.filter(|terminal| terminal.is_ours())" => "terminal"
    } fails "terminal::a_background_job_takes_the_terminal_only_in_the_foreground";

    the_shell_sees_no_stop: "run/terminal.rs" {
        "&& sys::stop_own_group(own_stop)" => "&& own_stop != signal"
    } fails "terminal::ctrl_z_fg_and_bg_affect_hinit_and_server";

    hinit_stops_without_its_group: "sys/terminal.rs" {
        "kill(Pid::from_raw(0), signal)" => "kill(nix::unistd::getpid(), signal)"
    } fails "terminal::a_pipeline_stops_and_continues_as_a_whole";

    the_foreground_is_not_handed_to_the_server: "run/main_loop/signals.rs" {
        "&& terminal.is_ours()\n" => "&& false\n"
    } fails "terminal::ctrl_z_fg_and_bg_affect_hinit_and_server";

    ctrl_z_stops_a_pid_1_for_ever: "run/terminal.rs" {
        "(Signal::SIGTSTP, _) => Stop::ContinueAlone," => "(Signal::SIGTSTP, _) => Stop::Leave,"
    } fails "terminal::pid_1::without_a_shell_a_server_continues_after_ctrl_z";

    the_terminal_is_not_given_back: "run/main_loop.rs" {
        "            terminal.take_back(group);" => "            let _ = (terminal, group);"
    } fails "terminal::a_caller_without_job_control_gets_the_terminal_back";
}
