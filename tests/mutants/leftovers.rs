//! The negative controls of what the server leaves, of processes that are hard to see or to end, and of texts
//! that are hard to get rid of.

use super::Mutant;

mutants! {
    each_line_is_waited_for: "output.rs" {
        "HAS_DROPPED.load(Relaxed)" => "false"
    } fails "log::a_log_that_nobody_reads_is_waited_for_once";

    half_a_text_is_no_failure: "output.rs" {
        "Err(Errno::EAGAIN) => wait_for_room(STDOUT)?," => "Err(Errno::EAGAIN) => return Ok(()),"
    } fails "log::a_text_is_written_whole_where_there_is_little_room";
}
