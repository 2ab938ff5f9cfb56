//! The negative controls of signals: which reach the server, in what order and with what value; and of `hinit
//! signal`.

use super::Mutant;

mutants! {
    libcs_signals_32_to_34_are_left_out: "sys/signals.rs" {
        "pub(crate) const ALL: Self = Self(u64::MAX);" => "pub(crate) const ALL: Self = Self(!(7 << 31));"
    } fails "lifecycle::subreaper::every_signal_reaches_the_server";

    values_of_signals_are_dropped: "run/server.rs" {
        "Some(info) =>" => "Some(info) if info.ssi_signo == 99 =>",
        "None => sys::kill(self.pid, signal.number())" => "_ => sys::kill(self.pid, signal.number())"
    } fails "signals::subreaper::values_arrive_in_order_and_unmerged";

    queued_signals_without_a_value_are_merged: "run/signals/received.rs" {
        "if self.number() > libc::SIGSYS &&" => "if false &&"
    } fails "signals::subreaper::no_signal_is_lost_when_the_servers_queue_is_full";

    a_full_queue_loses_a_signal: "run/main_loop/signals.rs" {
        "Err(Errno::EAGAIN) => self.queue.put_back(signal)," => "Err(Errno::EAGAIN) => {}"
    } fails "signals::subreaper::no_signal_is_lost_when_the_servers_queue_is_full";

    the_order_is_lost_when_the_servers_queue_is_full: "run/signals.rs" {
        "        self.set_mask(SignalSet::STANDARD);" => ""
    } fails "signals::subreaper::no_signal_is_lost_when_the_servers_queue_is_full";

    senders_can_fill_the_servers_queue: "run/launch/mod.rs" {
        "            signals::halve_signal_queue_limit();" => ""
    } fails "signals::subreaper::a_full_queue_of_hinits_own_leaves_the_server_room";

    the_servers_queue_limit_is_halved: "run/launch/mod.rs" {
        "    let queue = SignalQueue::new(options.stop" => "    signals::halve_signal_queue_limit(); let queue = SignalQueue::new(options.stop"
    } fails "lifecycle::inheritance::subreaper::the_server_inherits_what_hinit_inherited_and_nothing_of_hinits";

    the_group_gets_no_signals: "run/server.rs" {
        "_ if self.signals_group || to_job =>" => "_ if to_job =>"
    } fails "signals::subreaper::with_group_the_whole_group_gets_the_signals";

    the_parents_death_sends_no_signal: "run/launch/mod.rs" {
        "    set_pdeathsig(signal).map_err(fail)?;" => ""
    } fails "signals::the_parents_death_sends_a_signal";

    a_killed_hinit_leaves_its_server: "run/launch/start.rs" {
        "options.parent_death == Some(Signal::SIGKILL)" => "options.parent_death == Some(Signal::SIGKILL) && false"
    } fails "signals::the_parents_death_can_kill_hinit_and_server";

    hinit_is_no_subreaper: "run/mod.rs" {
        "= set_child_subreaper(true)" => "= set_child_subreaper(false)"
    } fails "lifecycle::orphans::hinit_becomes_a_subreaper_only_where_it_must";

    orphans_stay_zombies: "run/main_loop.rs" {
        "return self.reap(signal.child());" =>
        "return match nix::sys::wait::waitid(nix::sys::wait::Id::Pid(self.server.pid()), \
             nix::sys::wait::WaitPidFlag::WEXITED | nix::sys::wait::WaitPidFlag::WNOWAIT \
             | nix::sys::wait::WaitPidFlag::WNOHANG) {
                 Ok(status) if status != nix::sys::wait::WaitStatus::StillAlive => self.reap(None),
                 _ => Ok(None),
             };"
    } fails "lifecycle::orphans::pid_1::orphans_are_reaped_and_do_not_end_hinit";

    sigchld_stays_ignored: "run/launch/mod.rs" {
        "sigchld_ignored: sys::ignore_sigchld(false)," => "sigchld_ignored: true,"
    } fails "lifecycle::inheritance::subreaper::sigchld_ignored_by_the_caller_stays_ignored_for_the_server_alone";

    an_ignored_sigchld_is_not_restored: "sys/child.rs" {
        "if self.plan.ignores_sigchld {" => "if false {"
    } fails "lifecycle::inheritance::subreaper::sigchld_ignored_by_the_caller_stays_ignored_for_the_server_alone";

    the_signal_mask_is_not_restored: "sys/child.rs" {
        "super::set_signal_mask(plan.signal_mask);" => ""
    } fails "lifecycle::inheritance::subreaper::the_server_inherits_what_hinit_inherited_and_nothing_of_hinits";

    hinits_own_sigpipe_is_passed_on: "run/signals.rs" {
        "Ok(Some(info)) if is_own_write_error(&info) => None," =>
        "Ok(Some(info)) if is_own_write_error(&info) && false => None,"
    } fails "log::subreaper::a_closed_log_pipe_does_no_harm";

    a_group_of_other_processes_gets_the_signal: "run/server.rs" {
        "group.filter(|group| *group == self.pid || Some(*group) == self.made_group)" => "group"
    } fails "groups::in_a_group_of_other_processes_only_the_server_gets_the_signal";

    a_group_that_hinit_made_is_used_when_it_is_gone: "run/server.rs" {
        "group.filter(|group| *group == self.pid || Some(*group) == self.made_group)" => "self.made_group",
        "self.made_group = self.made_group.filter(|made| Some(*made) == group);" => ""
    } fails "groups::subreaper::a_new_server_that_leads_another_session_gets_the_stop_signal";

    the_lock_is_checked_before_the_inode: "pidfile/read.rs" {
        "        if !self.is_foreign
            && writer_lock::query(&self.file).map_err(Fault::Unreadable)? == WriterLock::Free
        {
            return Err(Fault::Stale);
        }
        let is_same" => "        let is_same",
        "        if is_same {
            Ok(())" => "        if !self.is_foreign
            && writer_lock::query(&self.file).map_err(Fault::Unreadable)? == WriterLock::Free
        {
            return Err(Fault::Stale);
        }
        if is_same {
            Ok(())"
    } fails "signal::reuse::the_lock_of_another_hinit_does_not_confirm_a_reused_pid";

    the_lock_is_not_checked_again_before_the_signal: "pidfile/read.rs" {
        "        if !self.is_foreign
            && writer_lock" => "        if false
            && writer_lock"
    } fails "signal::reuse::without_pidfds_a_reused_pid_gets_no_signal";

    the_signal_goes_to_a_pid_that_was_reused: "sys/process_handle.rs" {
        "Err(Errno::ENOSYS | Errno::EPERM) if !ends_within(pidfd, PollTimeout::ZERO) =>" => "Err(_) =>"
    } fails "signal::reuse::a_pid_reused_after_any_system_call_gets_no_signal";

    without_a_pidfd_no_signal_is_sent: "sys/process_handle.rs" {
        "Err(Errno::ENOSYS | Errno::EPERM) | Ok(Err(_)) => None," => "Ok(Err(_)) => None,"
    } fails "signal::restrictions::without_pidfds_kill_is_used";

    a_stopped_server_gets_no_signals: "signal.rs" {
        "        | Verdict::Stopped(_) => true," => "        => true,\n        Verdict::Stopped(_) => false,"
    } fails "signal::subreaper::a_stopped_server_gets_cont_and_kill";

    a_wait_for_the_servers_end_cannot_be_interrupted: "main.rs" {
        "sys::set_signal_mask(inherited.with(SIGPIPE));" => "let _ = inherited.with(SIGPIPE);"
    } fails "signal::a_wait_can_be_interrupted";
}
