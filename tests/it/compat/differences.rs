//! The intended differences: a row for each, with the result of the other init and that of hinit.

use nix::libc::SIGABRT;

use super::*;

mod observed;

use Mode::{Pid1, Subreaper};
use observed::*;

type Row = (
    &'static str,
    &'static str,
    fn(&Init) -> String,
    &'static str,
    &'static str,
);

macro_rules! rows {
    ($($name:literal, $situation:literal: $observe:expr => $theirs:literal, $ours:literal;)*) => {
        &[$(($name, $situation, $observe, $theirs, $ours)),*]
    };
}

/// The init; the situation; the result of the init; the result of hinit.
const ROWS: &[Row] = rows! {
    // Signals.
    "tini", "those of faults and of job control": faults_and_job_control => "20 30", "4 5 6 7 8 11 20 21 22 30 31";
    "catatonit", "the same": faults_and_job_control => "30", "4 5 6 7 8 11 20 21 22 30 31";
    "tini", "SIGABRT, where it is not PID 1": |init| result_of_signal(init, Subreaper, SIGABRT) => "it ends with 134", "passed on";
    "catatonit", "the same": |init| result_of_signal(init, Subreaper, SIGABRT) => "it ends with 134", "passed on";
    "tini", "signal 33, which libc keeps for itself": |init| result_of_signal(init, Subreaper, 33) => "it ends with 161", "passed on";
    "dumb-init", "the same": |init| result_of_signal(init, Subreaper, 33) => "it ends with 161", "passed on";
    "catatonit", "the same": |init| result_of_signal(init, Subreaper, 33) => "it ends with 161", "passed on";
    "tini", "the same as PID 1": |init| result_of_signal(init, Pid1, 33) => "dropped", "passed on";
    "dumb-init", "the same": |init| result_of_signal(init, Pid1, 33) => "dropped", "passed on";
    "catatonit", "the same": |init| result_of_signal(init, Pid1, 33) => "dropped", "passed on";
    "tini", "the value of a signal": |init| value(init, &["-s"]) => "signal 10", "signal 10 value 7";
    // (Signals to a group have no value.)
    "dumb-init", "the same": |init| value(init, &["-c"]) => "signal 10", "signal 10 value 7";
    "catatonit", "the same": |init| value(init, &[]) => "signal 10", "signal 10 value 7";
    "tini", "SIGTERM while it is being loaded": while_loading => "lost", "it needs no loader";
    "dumb-init", "the same": while_loading => "lost", "it needs no loader";
    // What the command inherits.
    "tini", "no standard input": without_stdin => "1", "3";
    "dumb-init", "the signals that are blocked and ignored": inherited => "others", "as they were";
    "catatonit", "the same": inherited => "others", "as they were";
    "dumb-init", "the process group with -c": own_group => "the init's", "its own";
    "tini", "its death by -p SIGKILL": parents_death => "the command outlives it", "both die";
    // At a terminal.
    "tini", "Ctrl-Z": ctrl_z => "the command alone stops", "both stop";
    "catatonit", "the same": ctrl_z => "neither stops", "both stop";
    // What each prints, and where.
    "tini", "not PID 1, and no -s": |init| channel(init, &["true"]) => "stderr", "nowhere";
    "tini", "-v": |init| channel(init, &["-sv", "true"]) => "stdout", "stderr";
    "dumb-init", "the help": |init| channel(init, &["--help"]) => "stderr", "stdout";
    "dumb-init", "the version": |init| channel(init, &["--version"]) => "stderr", "stdout";
    "catatonit", "the help": |init| channel(init, &["-h"]) => "stderr", "stdout";
    // The init's options and the command's.
    "tini", "a command with options and no --": |init| exits(init, &["sh", "-c", "exit 3"]) => "1", "3";
    "catatonit", "the same": |init| exits(init, &["sh", "-c", "exit 3"]) => "1", "3";
    "tini", "`-l` for the command": |init| channel(init, &["-s", "test", "-l"]) => "stdout", "nowhere";
    "tini", "--help": |init| exits(init, &["--help"]) => "1", "0";
    "tini", "--version not alone": |init| exits(init, &["--version", "x"]) => "1", "0";
    "tini", "a signal without SIG": |init| exits(init, &["-p", "TERM", "true"]) => "1", "0";
    "dumb-init", "a signal by its name": |init| exits(init, &["-r", "TERM:QUIT", "true"]) => "1", "0";
    "dumb-init", "a real-time signal": |init| exits(init, &["-r", "15:34", "true"]) => "1", "0";
    "dumb-init", "a number with more behind it": |init| exits(init, &["-r", "15:9x", "true"]) => "0", "1";
    "dumb-init", "half a long option": |init| exits(init, &["--single", "true"]) => "0", "1";
    "catatonit", "--help": |init| exits(init, &["--help"]) => "1", "0";
    // Why a command cannot be run.
    "tini", "no interpreter": |init| cannot_run(init, "#!/no/such/file\n") => "127", "126: it is named";
    "dumb-init", "the same": |init| cannot_run(init, "#!/no/such/file\n") => "2", "2: it is named";
    "catatonit", "the same": |init| cannot_run(init, "#!/no/such/file\n") => "1", "1: it is named";
    // The other inits have the shell execute it.
    "tini", "a damaged binary": |init| cannot_run(init, "\x7fELF\n") => "127", "126";
    "dumb-init", "the same": |init| cannot_run(init, "\x7fELF\n") => "127", "2";
    "catatonit", "the same": |init| cannot_run(init, "\x7fELF\n") => "127", "1";
};

#[test]
fn each_row_of_the_table() {
    for (name, situation, observe, theirs, ours) in ROWS {
        // Shown only if the test fails.
        eprintln!("{name}, {situation}");
        assert_differ(name, observe, &(*theirs).to_owned(), &(*ours).to_owned());
    }
}

#[test]
fn a_command_out_of_reach() {
    if !can_be_root("to install a program setuid root") {
        return;
    }
    let goes_on = "it goes on".to_owned();
    let ends = "it ends with 1".to_owned();
    assert_differ("tini", out_of_reach, &ends, &goes_on);
    assert_alike("dumb-init", out_of_reach, goes_on.clone());
    // catatonit itself is not compared: it may exit already when it checks the command.
    assert_eq!(out_of_reach(&Init::hinit_as("catatonit")), goes_on);
}
