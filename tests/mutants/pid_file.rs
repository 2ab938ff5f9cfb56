//! The negative controls of the PID file: its lock, its contents, its mode, and files that are in its way.

use super::Mutant;

mutants! {
    launched_without_a_claim: "run/launch/mod.rs" {
        "let claim = claim(options, log)?;" => "let claim = claim(options, log).ok().flatten();"
    } fails "bad_input::a_pid_file_that_is_something_else";

    two_hinits_own_one_file: "pidfile/lock.rs" {
        "let is_exclusive = try_lock(fs2::FileExt::try_lock_exclusive(file)).map_err(cannot_lock)?;" => "let is_exclusive = true;",
        "writer_lock::take(file, marks).map_err(cannot_lock)?" => "writer_lock::take(file, marks).map_or(LockOutcome::Locked, |_| LockOutcome::Locked)"
    } fails "races::two_hinits_never_own_one_path";

    the_pid_is_written_in_parts: "pidfile/claim.rs" {
        "self.locked.file.write_all_at(line.bytes(), 0)" =>
        "(0_u64..).zip(line.bytes()).try_for_each(|(i, b)| self.locked.file.write_all_at(&[*b], i))"
    } fails "readers::a_recorded_pid_is_whole_and_not_reused";

    the_file_is_locked_before_it_is_emptied: "pidfile/lock.rs" {
        "try_lock(fs2::FileExt::try_lock_shared(file))" =>
        "try_lock(fs2::FileExt::try_lock_exclusive(file))"
    } fails "readers::an_old_pid_is_never_seen_under_a_held_lock";

    the_server_is_reaped_before_the_file_is_emptied: "run/main_loop/children.rs" {
        "                self.update_pid_file(&Claim::clear);" => "",
        "sys::reap(pid).map(|status| {" => "sys::reap(pid).map(|status| { self.update_pid_file(&Claim::clear);"
    } fails "readers::a_recorded_pid_is_whole_and_not_reused";

    the_server_is_reaped_as_an_orphan: "run/main_loop/children.rs" {
        "            if self.is_unreaped_server(pid) {\n                break;" => "            if false {\n                break;"
    } fails "readers::a_recorded_pid_is_whole_and_not_reused";

    the_server_inherits_the_lock: "file/entry.rs" {
        "flags | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC" =>
        "flags | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK"
    } fails "pid_file::subreaper::only_hinit_keeps_the_lock";

    a_readers_lock_stops_a_start: "pidfile/claim.rs" {
        "ATTEMPTS: u32 = 500;" => "ATTEMPTS: u32 = 1;"
    } fails "readers::eight_readers_of_the_lock_stop_no_start";

    a_readers_lock_counts_as_hinits: "pidfile/writer_lock.rs" {
        "Ok(_) if i32::from(lock.l_type) == F_UNLCK => Ok(WriterLock::Free)," =>
        "Ok(_) if i32::from(lock.l_type) == F_UNLCK => has_flock(file),"
    } fails "attacks::locks::a_lock_of_another_process_does_not_make_a_file_healthy";

    the_state_is_read_from_the_mode_alone: "pidfile/writer_lock.rs" {
        "Marks::of_length(lock.l_len).map_or(WriterLock::HeldMarksInMode, WriterLock::Held)" => "WriterLock::HeldMarksInMode"
    } fails "pid_file::modes::the_lock_shows_the_state_where_the_mode_cannot";

    a_file_that_others_may_write_is_claimed: "pidfile/lock.rs" {
        "LockOutcome::Locked if actual.intersects(Mode::S_IWGRP | Mode::S_IWOTH) => {" => "LockOutcome::Locked if false => {"
    } fails "pid_file::modes::a_file_that_health_checks_distrust_is_a_warning_at_the_start";

    the_size_is_read_before_and_the_writer_lock_taken_before_the_last_look: "pidfile/lock.rs" {
        "        let is_shared = lock_shared(&file);
        // After the lock: before it, another hinit can write its server's PID and be killed.
        let stat = fstat(file.as_fd())?;
        let identity = FileId::of(&stat);
        let locked = self.lock_exclusively(&file, is_shared, &stat);
" => "        let stat = fstat(file.as_fd())?;
        let is_shared = lock_shared(&file);
        let identity = FileId::of(&stat);
        let locked = self.lock_exclusively(&file, is_shared, &stat);
        let _early = writer_lock::take(&file, marks);
"
    } fails "crash::boundaries::the_pid_of_a_killed_hinits_server_is_not_healthy_while_another_starts";

    a_file_whose_locks_were_released_is_emptied: "run/main_loop.rs" {
        ".filter(|claim| !claim.is_released())" => ""
    } fails "limits::disk::a_file_whose_locks_were_released_is_not_changed";

    a_check_does_not_look_at_the_lock_again: "pidfile/read.rs" {
        "        if !self.is_foreign
            && writer_lock" => "        if false
            && writer_lock"
    } fails "signal::reuse::a_pid_reused_after_any_system_call_is_not_healthy";

    a_refused_lock_leaves_the_new_file: "pidfile/lock.rs" {
        "                    self.remove_new(&file, identity);" => ""
    } fails "pid_file::modes::refused_locks_are_named_and_the_new_file_is_removed";

    hinit_closes_its_lock: "pidfile/claim.rs" {
        "        keep(self.locked.file.as_fd());" => ""
    } fails "lifecycle::inheritance::subreaper::hinit_leaves_its_working_directory_and_closes_inherited_descriptors";

    a_pid_left_by_a_crash_stops_the_next_start: "pidfile/lock.rs" {
        "(Contents::Empty | Contents::Pid(_), _)" => "(Contents::Empty, _)"
    } fails "crash::subreaper::killed_at_any_instant_of_a_start_the_next_one_works";

    a_file_of_another_hinit_is_unlinked: "pidfile/claim.rs" {
        "self.is_abandoned.get() || self.location.entry.is(self.locked.identity)" => "true"
    } fails "pid_file::changes::subreaper::a_file_that_replaces_the_pid_file_stays";

    a_reaped_pid_stays_under_a_held_lock: "pidfile/claim.rs" {
        "writer_lock::release(file).and(" => "Ok::<_, Errno>(()).and("
    } fails "limits::disk::a_pid_that_cannot_be_erased_is_stale_at_once";

    a_configuration_file_is_overwritten: "pidfile/lock.rs" {
        "check_contents(file)?;" => ""
    } fails "bad_input::a_file_that_is_no_pid_file_keeps_its_contents";

    a_full_disk_shows_after_the_launch: "pidfile/claim.rs" {
        "FallocateFlags::FALLOC_FL_KEEP_SIZE, 0, 1)" => "FallocateFlags::FALLOC_FL_PUNCH_HOLE, 0, 1)",
        "Err(Errno::EOPNOTSUPP | Errno::ENOSYS) => Ok(())," => "Err(_) => Ok(()),"
    } fails "bad_input::a_file_system_that_is_read_only_or_full";

    the_umask_decides_the_mode: "pidfile/lock.rs" {
        "let _ignored = fchmod(file, mode);" => "let _ = fchmod::<&File>;"
    } fails "pid_file::subreaper::the_umask_does_not_change_the_mode";

    a_locked_stale_file_is_removed: "run/launch/stale.rs" {
        "    check_locks(&file)?;" => "    let _ = check_locks;"
    } fails "stale::kept::subreaper::a_locked_file_is_kept";

    pid_1_keeps_a_stale_file_for_a_reused_pid: "run/launch/stale.rs" {
        "if getpid() == Pid::from_raw(1) || has_ended(pid) =>" => "if getpid() != getpid() || has_ended(pid) =>"
    } fails "stale::pid_1::a_file_with_a_living_pid_is_kept_except_by_pid_1";

    a_file_that_names_a_living_process_is_removed: "run/launch/stale.rs" {
        "if getpid() == Pid::from_raw(1) || has_ended(pid) =>" => "if getpid() == getpid() || has_ended(pid) =>"
    } fails "stale::subreaper::a_file_with_a_living_pid_is_kept_except_by_pid_1";
}
