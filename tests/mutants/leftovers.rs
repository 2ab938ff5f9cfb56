//! The negative controls of what the server leaves, of processes that are hard to see or to end, and of texts
//! that are hard to get rid of.

use super::Mutant;

mutants! {
    the_first_thread_is_the_process: "process.rs" {
        "        process.state = state_of_threads(pid)?;" => ""
    } fails "odd_servers::pid_1::a_leftover_whose_first_thread_has_left_is_no_zombie";

    each_line_is_waited_for: "output.rs" {
        "HAS_DROPPED.load(Relaxed)" => "false"
    } fails "log::a_log_that_nobody_reads_is_waited_for_once";

    half_a_text_is_no_failure: "output.rs" {
        "Err(Errno::EAGAIN) => wait_for_room(STDOUT)?," => "Err(Errno::EAGAIN) => return Ok(()),"
    } fails "log::a_text_is_written_whole_where_there_is_little_room";
}
