//! The negative controls: switches off one property of hinit after another, and sees that the
//! test which claims it then fails. A test that passes all the same asserts nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use mutant::Mutant;

macro_rules! mutants {
    ($($name:ident: $file:literal { $($from:literal => $to:literal),+ } fails $test:literal;)*) => {
        $(#[test] fn $name() {
            Mutant { test: $test, file: $file, edits: &[$(($from, $to)),+] }.is_noticed();
        })*
    };
}

mod command_line;
mod leftovers;
mod mutant;
mod ready;
mod start_and_stop;
mod telling;

// The properties of the PID file.
mutants! {
    launched_without_a_claim: "run/launch/mod.rs" {
        "let claim = claim(options, log)?;" => "let claim = claim(options, log).ok().flatten();"
    } fails "bad_input::a_pid_file_that_is_something_else";

    two_owners: "pidfile/lock.rs" {
        "let is_alone = try_lock(fs2::FileExt::try_lock_exclusive(file)).map_err(fail)?;" => "let is_alone = true;",
        "vouch(file, marks).map_err(fail)?" => "vouch(file, marks).map_or(LockOutcome::Yes, |_| LockOutcome::Yes)"
    } fails "races::two_hinits_never_own_one_path";

    a_pid_in_parts: "pidfile/claim.rs" {
        "self.locked.file.write_all_at(line.bytes(), 0)" =>
        "(0_u64..).zip(line.bytes()).try_for_each(|(i, b)| self.locked.file.write_all_at(&[*b], i))"
    } fails "readers::a_pid_is_whole_and_taken_as_long_as_the_file_names_it";

    exclusive_before_empty: "pidfile/lock.rs" {
        "try_lock(fs2::FileExt::try_lock_shared(file))" =>
        "try_lock(fs2::FileExt::try_lock_exclusive(file))"
    } fails "readers::an_old_pid_is_never_seen_under_a_held_lock";

    reaped_before_cleared: "run/main_loop/children.rs" {
        "            if is_server {" => "            if false {",
        "Ok(status) if is_server => {" => "Ok(status) if is_server => { self.update_pid_file(&Claim::clear);"
    } fails "readers::a_pid_is_whole_and_taken_as_long_as_the_file_names_it";

    the_server_inherits_the_lock: "file/entry.rs" {
        "flags | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC" =>
        "flags | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK"
    } fails "pid_file::subreaper::its_lock_is_hinits_alone";

    checks_stop_a_start: "pidfile/claim.rs" {
        "Duration::from_secs(1)" => "Duration::ZERO"
    } fails "readers::eight_readers_of_the_lock_stop_no_start";

    a_readers_lock_vouches: "pidfile/writer_lock.rs" {
        "Ok(_) if i32::from(lock.l_type) == F_UNLCK => Ok(WriterLock::No)," =>
        "Ok(_) if i32::from(lock.l_type) == F_UNLCK => has_flock(file),"
    } fails "attacks::locks::a_strangers_lock_vouches_for_nobody";

    the_mode_alone_tells_how_the_server_is: "pidfile/writer_lock.rs" {
        "Marks::of_length(lock.l_len).map_or(WriterLock::ByMode, WriterLock::With)" => "WriterLock::ByMode"
    } fails "pid_file::modes::the_lock_tells_how_the_server_is_where_permissions_do_not";

    what_others_may_write_is_launched: "pidfile/lock.rs" {
        "if shown.intersects(Mode::S_IWGRP | Mode::S_IWOTH) {" => "if false {"
    } fails "pid_file::modes::a_file_that_no_health_check_would_believe_is_told_at_the_start";

    a_refused_lock_leaves_a_file: "pidfile/lock.rs" {
        "                    self.unmake(&file, identity);" => ""
    } fails "pid_file::modes::locks_that_are_refused_are_named_and_the_new_file_does_not_stay";

    a_crash_stops_the_next_start: "pidfile/lock.rs" {
        "(Contents::Empty | Contents::Pid(_), _)" => "(Contents::Empty, _)"
    } fails "crash::subreaper::killed_at_any_instant_of_a_start_the_next_one_works";

    anothers_file_is_unlinked: "pidfile/claim.rs" {
        "self.is_given_up.get() || self.place.entry.is(self.locked.identity)" => "true"
    } fails "pid_file::subreaper::a_file_put_in_its_place_is_left_alone";

    a_pid_that_was_reaped_is_held: "pidfile/claim.rs" {
        "retract(file).and(" => "Ok::<_, Errno>(()).and("
    } fails "limits::disk::a_pid_that_cannot_be_taken_back_is_stale_at_once";

    a_configuration_file_is_eaten: "pidfile/lock.rs" {
        "self.check_contents(file)?;" => ""
    } fails "bad_input::a_file_that_is_no_pid_file_keeps_its_contents";

    a_full_disk_shows_too_late: "pidfile/claim.rs" {
        "FallocateFlags::FALLOC_FL_KEEP_SIZE, 0, 1)" => "FallocateFlags::FALLOC_FL_PUNCH_HOLE, 0, 1)",
        "Err(Errno::EOPNOTSUPP | Errno::ENOSYS) => Ok(())," => "Err(_) => Ok(()),"
    } fails "bad_input::a_file_system_that_is_read_only_or_full";

    the_umask_decides: "pidfile/lock.rs" {
        "let _seen_below = fchmod(file, mode);" => "let _ = fchmod::<&File>;"
    } fails "pid_file::subreaper::its_mode_is_as_asked_whatever_the_umask";
}

// The init.
mutants! {
    libcs_idea_of_all_signals: "sys/signals.rs" {
        "pub(crate) const ALL: Self = Self(u64::MAX);" => "pub(crate) const ALL: Self = Self(!(7 << 31));"
    } fails "lifecycle::subreaper::every_signal_reaches_the_server";

    values_are_dropped: "run/server.rs" {
        "Some(info) =>" => "Some(info) if info.ssi_signo == 99 =>",
        "None => sys::kill(self.pid, signal.number())" => "_ => sys::kill(self.pid, signal.number())"
    } fails "signals::subreaper::values_arrive_in_order_and_nothing_is_merged";

    signals_without_a_value_are_merged: "run/signals/received.rs" {
        "if self.number() > libc::SIGSYS &&" => "if false &&"
    } fails "signals::subreaper::none_is_lost_when_the_servers_queue_is_full";

    a_full_queue_loses_a_signal: "run/main_loop/signals.rs" {
        "Err(Errno::EAGAIN) => self.queue.put_back(signal)," => "Err(Errno::EAGAIN) => {}"
    } fails "signals::subreaper::none_is_lost_when_the_servers_queue_is_full";

    a_full_queue_stops_them_all: "run/signals.rs" {
        "        self.set_mask(SignalSet::STANDARD);" => ""
    } fails "signals::subreaper::none_is_lost_when_the_servers_queue_is_full";

    senders_fill_the_servers_queue_as_well: "run/launch/mod.rs" {
        "            signals::halve_signal_queue_limit();" => ""
    } fails "signals::subreaper::who_fills_hinits_own_queue_does_not_stop_it";

    the_servers_queue_is_halved: "run/launch/mod.rs" {
        "    let queue = SignalQueue::new(options.stop" => "    signals::halve_signal_queue_limit(); let queue = SignalQueue::new(options.stop"
    } fails "lifecycle::subreaper::the_server_inherits_what_hinit_inherited_and_nothing_of_hinits";

    only_the_server_gets_it: "run/server.rs" {
        "_ if self.signals_group || to_job =>" => "_ if to_job =>"
    } fails "signals::subreaper::the_group_gets_them_if_asked_for";

    descriptors_are_kept: "run/main_loop.rs" {
        "if let Err(errno) = sys::close_all_but(kept) {" => "if let Err(errno) = Ok::<_, nix::errno::Errno>(kept) {"
    } fails "lifecycle::subreaper::hinit_lets_go_of_where_it_started_and_of_what_it_was_given";

    the_working_directory_is_kept: "run/main_loop.rs" {
        "chdir(c\"/\")" => "chdir(c\".\")"
    } fails "lifecycle::pid_1::hinit_lets_go_of_where_it_started_and_of_what_it_was_given";

    the_lock_is_let_go_of: "pidfile/claim.rs" {
        "        keep(self.locked.file.as_fd());" => ""
    } fails "lifecycle::subreaper::hinit_lets_go_of_where_it_started_and_of_what_it_was_given";

    the_sockets_stay_hinits: "run/launch/start.rs" {
        "variable(LISTEN_PID, inherited.listens.is_some())?" => "variable(LISTEN_PID, false)?"
    } fails "lifecycle::subreaper::sockets_that_were_passed_are_the_servers";

    the_servers_pidfd_is_anothers: "sys/child.rs" {
        "Ok(number) => variable.set(number)," => "Ok(number) => variable.set(number ^ 1),"
    } fails "lifecycle::pid_1::sockets_that_were_passed_name_the_server_by_its_pidfd_as_well";

    the_parent_is_not_followed: "run/launch/mod.rs" {
        "    set_pdeathsig(signal).map_err(fail)?;" => ""
    } fails "signals::the_parents_death_is_a_signal";

    the_server_survives_hinit: "run/launch/start.rs" {
        "options.parent_death == Some(Signal::SIGKILL)" => "options.parent_death == Some(Signal::SIGKILL) && false"
    } fails "signals::the_parents_death_can_kill_hinit_and_server";

    no_subreaper: "run/mod.rs" {
        "= set_child_subreaper(true)" => "= set_child_subreaper(false)"
    } fails "lifecycle::hinit_becomes_a_subreaper_only_where_it_must";

    orphans_stay_zombies: "run/main_loop.rs" {
        "== SIGCHLD => return self.reap()," =>
        "== SIGCHLD => return match nix::sys::wait::waitid(nix::sys::wait::Id::Pid(self.server.pid()), \
             nix::sys::wait::WaitPidFlag::WEXITED | nix::sys::wait::WaitPidFlag::WNOWAIT \
             | nix::sys::wait::WaitPidFlag::WNOHANG) {
                 Ok(status) if status != nix::sys::wait::WaitStatus::StillAlive => self.reap(),
                 _ => Ok(None),
             },"
    } fails "lifecycle::pid_1::orphans_are_reaped_and_do_not_end_hinit";

    sigchld_stays_ignored: "run/launch/mod.rs" {
        "sigchld_ignored: sys::ignore_sigchld(false)," => "sigchld_ignored: true,"
    } fails "lifecycle::subreaper::sigchld_ignored_by_the_caller_hides_no_end_and_stays_ignored_for_the_server";

    sigchld_is_not_put_back: "sys/child.rs" {
        "if self.ignores_sigchld {" => "if false {"
    } fails "lifecycle::subreaper::sigchld_ignored_by_the_caller_hides_no_end_and_stays_ignored_for_the_server";

    the_mask_is_not_put_back: "sys/child.rs" {
        "super::set_signal_mask(self.signal_mask);" => ""
    } fails "lifecycle::subreaper::the_server_inherits_what_hinit_inherited_and_nothing_of_hinits";

    options_behind_the_command: "cli/invocation/words.rs" {
        "if topic.mixed {" => "if topic.mixed || true {"
    } fails "lifecycle::subreaper::the_servers_own_options_are_not_hinits";

    a_log_line_on_a_closed_descriptor: "sys.rs" {
        "if fd.revents & libc::POLLNVAL != 0" => "if fd.revents & libc::POLLNVAL == 99"
    } fails "lifecycle::subreaper::closed_standard_descriptors_stay_closed_and_get_no_file_of_hinits";

    its_own_sigpipe: "run/signals.rs" {
        "Ok(Some(info)) if is_own_write_error(&info) => None," =>
        "Ok(Some(info)) if is_own_write_error(&info) && false => None,"
    } fails "log::subreaper::a_reader_that_is_gone_does_no_harm";

    a_full_log_stops_everything: "output.rs" {
        "if poll(&mut ready, patience) == Ok(0) {" => "if poll(&mut ready, patience) == Ok(9) {"
    } fails "log::subreaper::a_log_that_nobody_reads_stops_nothing";

    the_server_may_not_read_the_terminal: "sys/child.rs" {
        "if let Some(terminal) = self.terminal" => "if let Some(terminal) = self.terminal.filter(|_| false)"
    } fails "terminal::pid_1::a_reader_of_the_terminal_is_never_stopped_at_its_start";

    the_terminal_is_stolen: "run/launch/start.rs" {
        "terminal.filter(|terminal| terminal.is_ours())" => "terminal"
    } fails "terminal::a_job_in_the_background_steals_nothing_until_it_is_put_into_the_foreground";

    the_shell_sees_no_stop: "run/terminal.rs" {
        "&& sys::stop_own_group(like)" => "&& like != signal"
    } fails "terminal::ctrl_z_stops_both_and_fg_and_bg_continue_both";

    hinit_stops_alone: "sys/signals.rs" {
        "kill(Pid::from_raw(0), signal)" => "kill(nix::unistd::getpid(), signal)"
    } fails "terminal::a_pipeline_stops_and_goes_on_as_a_whole";

    the_foreground_is_not_handed_on: "run/main_loop/signals.rs" {
        "&& terminal.is_ours()\n" => "&& false\n"
    } fails "terminal::ctrl_z_stops_both_and_fg_and_bg_continue_both";

    ctrl_z_stops_a_pid_1_for_ever: "run/terminal.rs" {
        "(Signal::SIGTSTP, _) => Stop::ContinueAlone," => "(Signal::SIGTSTP, _) => Stop::Leave,"
    } fails "terminal::pid_1::where_nobody_could_continue_it_a_server_goes_on_after_ctrl_z";

    the_terminal_is_lost: "run/main_loop.rs" {
        "            terminal.take_back(group);" => "            let _ = (terminal, group);"
    } fails "terminal::a_caller_without_job_control_gets_the_terminal_back";

    a_daemon_goes_unnoticed: "run/ending.rs" {
        "status.success()\n            && since_stop_request.is_none()" => "!status.success() && since_stop_request.is_none()"
    } fails "lifecycle::pid_1::a_server_that_went_to_the_background_is_found_out";
}

// How a stop goes. (The timetable itself has its own tests, without a clock.)
mutants! {
    nobody_is_told: "run/leftovers.rs" {
        "        self.sweep.sweep();\n" => ""
    } fails "shutdown::pid_1::whoever_is_left_gets_term_and_is_waited_for";

    who_cannot_be_seen_is_not_killed: "run/leftovers.rs" {
        "server.is_some_and(kills)" => "server.filter(|_| false).is_some_and(kills)"
    } fails "limits::descriptors::subreaper::without_any_the_server_is_killed_all_the_same";

    nobody_is_waited_for: "run/main_loop/children.rs" {
        "sys::ended_child() == Err(Errno::ECHILD)" => "true"
    } fails "shutdown::subreaper::whoever_is_left_gets_term_and_is_waited_for";

    the_stopped_stay_stopped: "run/leftovers.rs" {
        "let _ignored = handle.signal(SIGCONT);" => ""
    } fails "shutdown::pid_1::a_daemon_in_a_session_of_its_own_is_no_exception_nor_is_one_that_is_stopped";

    latecomers_are_not_told: "run/shutdown.rs" {
        "TERM_INTERVAL: Duration = Duration::from_millis(250);" => "LOOK_AGAIN: Duration = Duration::from_hours(1);",
        "None if readers_are_due || is_due(self.again) => {" => "None if is_due(self.again) => {"
    } fails "shutdown::pid_1::one_that_comes_only_during_the_drain_is_told_as_well";

    strangers_are_told: "run/descendants.rs" {
        "found = tree_below(getpid(), process::all()?)?;" =>
        "found = process::all()?.into_iter().filter(|p| p.pid != getpid()).collect();"
    } fails "shutdown::a_stranger_in_the_same_pid_namespace_is_left_alone";

    the_lock_goes_before_the_drain: "run/main_loop/children.rs" {
        "                self.update_pid_file(&Claim::clear);" =>
        "                self.update_pid_file(&Claim::clear); drop(self.claim.take());"
    } fails "shutdown::pid_1::meanwhile_the_pid_file_is_empty_but_held";

    the_health_turns_too_late: "run/main_loop.rs" {
        "self.update_pid_file(&Claim::mark_stopping);" => ""
    } fails "shutdown::pid_1::a_stop_signal_waits_for_the_delay_and_the_health_turns_at_once";

    the_stop_takes_as_long_as_the_server_was_up: "run/main_loop/children.rs" {
        "|request| request.at.elapsed()" => "|_| self.server.age()"
    } fails "log::subreaper::the_time_of_the_stop_is_not_that_of_the_server";

    a_delay_is_not_told: "run/main_loop.rs" {
        "                self.log_delay(&signal);" => "                let _ = signal;"
    } fails "shutdown::pid_1::a_stop_signal_waits_for_the_delay_and_the_health_turns_at_once";

    rules_do_not_count: "run/main_loop/signals.rs" {
        "StopEvent::Signal(signal.rewritten(number))" => "StopEvent::Signal(signal.rewritten(number.min(0) + signal.number()))"
    } fails "shutdown::pid_1::signals_are_rewritten_or_dropped";

    any_death_is_a_clean_stop: "run/ending.rs" {
        "if exit.clean_stop && passed_on.contains(signal) =>" => "if exit.clean_stop && !passed_on.contains(0) =>"
    } fails "shutdown::pid_1::a_normal_stop_need_not_look_like_a_failure";
}

// In another init's place.
mutants! {
    dumb_init_tells_nobody: "run/main_loop/children.rs" {
        "self.options.stop.leftovers == Leftovers::Tell" => "self.options.stop.leftovers == Leftovers::Drain"
    } fails "compat::ends::what_is_told_those_whom_the_command_leaves";

    a_session_is_not_made: "run/launch/start.rs" {
        "let _cannot_fail = setsid();" => "let _ = setsid;"
    } fails "compat::terminal::pid_1::without_a_terminal";

    the_terminal_is_not_taken: "run/launch/start.rs" {
        "sys::take_terminal();" => "let _ = sys::take_terminal;"
    } fails "compat::terminal::pid_1::leading_the_terminals_session";

    the_terminals_farewell_is_passed_on: "sys/signals.rs" {
        "if !before.contains(signal) {" => "if false && !before.contains(signal) {"
    } fails "compat::terminal::pid_1::the_terminals_farewell_is_dropped";

    tinis_codes_are_forgotten: "cli/compat.rs" {
        "invocation.values(&EXPECTED, &EXIT_CODE);" => "invocation.values(&EXPECTED, &EXIT_CODE).split_off(1);"
    } fails "compat::ends::pid_1::tini_takes_codes_for_0";

    catatonit_is_no_subreaper: "cli/compat.rs" {
        "run.profile.subreaper = true;" => "run.profile.subreaper = false;"
    } fails "compat::orphans::who_becomes_their_parent";

    a_command_not_found_is_127: "cli/compat.rs" {
        "FailureCodes([1, 2, 2])" => "FailureCodes([1, 126, 127])"
    } fails "compat::command_line::what_each_exits_with";

    a_script_is_refused: "run/launch/start.rs" {
        "&& errno == Errno::ENOEXEC" => "&& errno == Errno::ENOEXEC && !options.profile.shell"
    } fails "compat::command_line::a_script_without_an_interpreter_is_the_shells";

    a_pause_reaps_nobody: "run/mod.rs" {
        "while let Ok(Some(pid)) = sys::ended_child() {" =>
        "while let (Ok(Some(pid)), false) = (sys::ended_child(), true) {"
    } fails "compat::orphans::pid_1::catatonit_can_pause";

    dumb_init_never_stops: "run/disposition.rs" {
        "&& options.profile.stops &&" => "&& !options.profile.stops &&"
    } fails "compat::signals::subreaper::dumb_init_stops_whatever_becomes_of_the_signal";
}

// Why a command cannot be run.
mutants! {
    a_carriage_return_goes_unsaid: "run/launch/exec_error.rs" {
        "let has_return = interpreter.ends_with(b\"\\r\");" => "let has_return = false;"
    } fails "exec_errors::subreaper::scripts";

    any_machine_is_this_one: "run/launch/exec_error.rs" {
        "let is_foreign = machine != ARCH;" => "let is_foreign = false;"
    } fails "exec_errors::subreaper::binaries";

    noexec_goes_unnoticed: "run/launch/exec_error.rs" {
        "mount.flags().contains(FsFlags::ST_NOEXEC)" => "mount.flags().contains(FsFlags::all())"
    } fails "exec_errors::a_file_system_that_is_mounted_noexec";

    the_first_file_of_path_is_blamed: "run/launch/exec_error.rs" {
        "let is_other = errno == Errno::ENOENT;" => "let is_other = true;"
    } fails "exec_errors::subreaper::a_command_is_found_along_path";
}

// The verdict.
mutants! {
    a_leader_that_left_is_a_zombie: "process.rs" {
        "self.state == State::Ended && self.threads <= 1" => "self.state == State::Ended",
        "        process.state = state_of_threads(pid)?;" => ""
    } fails "lifecycle::pid_1::a_server_whose_first_thread_has_left_lives";

    who_cannot_be_seen_is_alive: "process.rs" {
        "Look::Unseen(errno)\n    }" => "Look::Exists\n    }"
    } fails "limits::descriptors::no_health_check_takes_the_dead_for_the_living";

    a_zombie_is_alive: "process.rs" {
        "self.state == State::Ended && self.threads <= 1" => "self.state == State::Ended && self.threads < 1"
    } fails "pid_file::pid_1::the_server_is_a_zombie_as_long_as_the_file_names_it";

    a_stale_file_is_believed: "pidfile/read.rs" {
        "if !held && !is_foreign" => "if !held && !is_foreign && false"
    } fails "verdicts::a_pid_that_no_hinit_vouches_for_is_stale";

    a_fifo_is_opened: "pidfile/read.rs" {
        "kind(&named).map_or(Ok(()), |kind| Err(Fault::NotRegular(kind)))?;" => ""
    } fails "verdicts::what_is_not_a_regular_file";

    anyones_file_is_trusted: "pidfile/read.rs" {
        "if !is_foreign {" => "if false {"
    } fails "verdicts::an_own_file_that_others_had_a_hand_in";

    root_trusts_anyone_who_was_there_first: "pidfile/read.rs" {
        "Whose::User(user) => owner == user && !is_ambiguous(user)," => "Whose::User(user) => !is_ambiguous(user),"
    } fails "attacks::default_files::root_believes_no_file_that_another_user_has_put_there";

    root_believes_it_of_any_process: "lookup.rs" {
        "|| parent == Some(PID_1);" => "|| parent.is_some();"
    } fails "attacks::default_files::root_believes_no_file_that_another_user_has_put_there";

    root_signals_by_it: "signal.rs" {
        "use crate::lookup::{Found, find};" => "use crate::lookup::{Found, inspect as find};"
    } fails "other_user::root_finds_the_default_file_of_pid_1s_user_and_the_others_are_told";

    anothers_proc_is_believed: "lookup.rs" {
        "_ if !process::is_proc_ours()" => "_ if false"
    } fails "verdicts::another_namespaces_proc_is_not_believed";

    no_deadline: "healthcheck/mod.rs" {
        ".without(SIGALRM)" => ".with(SIGALRM)"
    } fails "verdicts::the_deadline_bounds_the_check";

    sigpipe_is_an_exit_code: "healthcheck/mod.rs" {
        "inherited.with(SIGPIPE)" => "inherited.without(SIGPIPE)"
    } fails "verdicts::the_exit_code_is_0_or_1_whatever_becomes_of_stdout";
}

// What a health check asks.
mutants! {
    a_head_without_end_is_kept: "healthcheck/probe/http.rs" {
        "Ok(None) if self.unread.len() < MAX_HEAD => return None," => "Ok(None) => return None,"
    } fails "hostile::whoever_sends_too_much";

    a_body_without_end_is_kept: "healthcheck/probe/http.rs" {
        "const MAX_BODY: usize = 64 * 1024;" => "const MAX_BODY: usize = 64 * 1024 * 1024;"
    } fails "hostile::whoever_sends_too_much";

    any_code_will_do: "healthcheck/probe/http.rs" {
        "if expected.any(|codes| codes.contains(&code)) {" => "if expected.next().is_some() {"
    } fails "probes::answers";

    the_rest_of_an_answer_is_not_read: "healthcheck/probe/stream.rs" {
        "Progress::Decided => {" => "Progress::Decided if rest.is_none() => return Ok(()),\nProgress::Decided => {"
    } fails "odd_answers::an_answer_in_steps_is_read_to_its_end";

    the_rest_of_an_answer_may_take_any_time: "healthcheck/probe/stream.rs" {
        "REST_TIMEOUT.min(left / REST_PART)" => "left.max(REST_TIMEOUT / REST_PART)"
    } fails "odd_answers::an_answer_without_end";

    one_text_is_enough: "healthcheck/probe/http.rs" {
        "let texts = self.http.contains.iter();" => "let texts = self.http.contains.iter().take(1);"
    } fails "probes::answers";

    not_serving_will_do: "healthcheck/probe/grpc.rs" {
        "Some(1) => self.said" => "Some(1 | 2) => self.said"
    } fails "probes::grpc";

    localhost_is_one_address: "cli/probes.rs" {
        "at(Ipv6Addr::LOCALHOST.into(), \"[::1]\"),\n        ]));" => "]));"
    } fails "probes::localhost_is_both_addresses";

    the_future_is_fresh: "healthcheck/probe/heartbeat.rs" {
        "if touched.saturating_sub(now) > MAX_CLOCK_SKEW {" => "if touched > now && touched < now {"
    } fails "probes::heartbeats";

    clocks_never_differ: "healthcheck/probe/heartbeat.rs" {
        "MAX_CLOCK_SKEW: Duration = Duration::from_secs(2);" => "MAX_CLOCK_SKEW: Duration = Duration::ZERO;"
    } fails "probes::heartbeats";

    one_probe_is_enough: "healthcheck/mod.rs" {
        "for probe in &options.probes {" => "for probe in options.probes.iter().take(1) {"
    } fails "probes::all_must_be_well";

    a_dead_server_that_answers_is_healthy: "healthcheck/report.rs" {
        "self.process.as_ref().is_none_or(Verdict::is_healthy)" => "true"
    } fails "probes::all_must_be_well";
}

mod small;
mod user;
