//! hinit's descendants.

use nix::errno::Errno;
use nix::unistd::{Pid, getpid};

use crate::process::{self, Process};
use crate::sys::{self, is_child};

/// hinit's children that have not ended, with the orphans that were reparented to it.
pub(super) fn children() -> Vec<Process> {
    let own = getpid();
    let mut processes = descendants().unwrap_or_default();
    processes.retain(|process| process.parent == own);
    processes
}

/// Whether this process descends from hinit.
pub(super) fn is_descendant(pid: Pid) -> bool {
    /// How often to try again where an ancestor has ended meanwhile, because its children have another parent then.
    const MAX_CLIMBS: usize = 10;
    is_child(pid)
        || process::is_proc_ours() && (0..MAX_CLIMBS).find_map(|_| climb(pid)).unwrap_or(false)
}

/// Whether hinit is an ancestor of this process. None: an ancestor in between has just ended.
fn climb(pid: Pid) -> Option<bool> {
    /// No real tree is as deep. It bounds a tree that changes meanwhile.
    const MAX_DEPTH: usize = 1000;
    let (own, mut at) = (getpid(), pid);
    for _ in 0..MAX_DEPTH {
        at = match process::read(at) {
            Some(process) if process.parent == own => return Some(true),
            // Its parent is outside of this PID namespace.
            Some(process) if process.parent.as_raw() == 0 => return Some(false),
            Some(process) => process.parent,
            None if at == pid => return Some(false),
            None => return None,
        }
    }
    Some(false)
}

/// All descendants of hinit that have not ended, as far as hinit can find them, ordered by PID. An error: hinit
/// has no memory or no descriptor to look for them.
pub(super) fn descendants() -> nix::Result<Vec<Process>> {
    // One call tells whether there is any child. Without one there is no need to read /proc.
    if sys::ended_child() == Err(Errno::ECHILD) {
        return Ok(Vec::new());
    }
    let is_proc_ours = process::is_proc_ours();
    let mut found = Vec::new();
    if is_proc_ours {
        found = tree_below(getpid(), process::all()?)?;
        found.retain(|process| !process.has_ended());
    }
    if !is_proc_ours || process::may_be_hidden() || has_only_unseen_children(&found) {
        add_hidden_children(&mut found)?;
    }
    Ok(found)
}

/// Whether hinit has a child that has not ended, and none was seen.
pub(super) fn has_only_unseen_children(seen: &[Process]) -> bool {
    seen.is_empty() && sys::ended_child() == Ok(None)
}

/// Adds hinit's own children that /proc does not show: waitid(2) finds them by their PIDs. (Their own children are
/// reparented to hinit when they end.)
fn add_hidden_children(seen: &mut Vec<Process>) -> nix::Result<()> {
    /// How far from hinit's own PID to try: 32,768 is the default number of PIDs on small machines, and far more
    /// than most containers use. To try all of them takes some milliseconds.
    const MAX_DISTANCE: i32 = 32_768;
    let own = getpid().as_raw();
    let pids = own.saturating_sub(MAX_DISTANCE).max(1)..=own.saturating_add(MAX_DISTANCE);
    for pid in pids.map(Pid::from_raw) {
        if sys::is_running_child(pid) && seen.iter().all(|process| process.pid != pid) {
            sys::try_reserve(seen, 1)?;
            seen.push(Process::hidden_child(pid));
        }
    }
    sort(seen);
    Ok(())
}

/// Sorts by PID. /proc lists processes in this order, so hardly any has to move. (std's sort is 200 bytes larger.)
fn sort(processes: &mut [Process]) {
    for end in 2..=processes.len() {
        let mut sorted = processes.get_mut(..end).unwrap_or_default();
        while let Some((last, others)) = sorted.split_last_mut()
            && let Some(before) = others.last_mut()
            && before.pid > last.pid
        {
            std::mem::swap(before, last);
            sorted = others;
        }
    }
}

/// Those processes that descend from `root`.
fn tree_below(root: Pid, mut all: Vec<Process>) -> nix::Result<Vec<Process>> {
    sort(&mut all);
    let index = |pid: Pid| all.binary_search_by_key(&pid, |process| process.pid).ok();
    let mut is_below: Vec<bool> = Vec::new();
    sys::try_reserve(&mut is_below, all.len())?;
    is_below.extend(all.iter().map(|process| process.parent == root));
    // Mostly a child has a greater PID than its parent, so that few rounds are enough.
    loop {
        let mut has_grown = false;
        for (at, process) in all.iter().enumerate() {
            let parent = index(process.parent).and_then(|parent| is_below.get(parent));
            let adds = parent == Some(&true);
            if let Some(is_below) = is_below.get_mut(at).filter(|is_below| adds && !**is_below) {
                *is_below = true;
                has_grown = true;
            }
        }
        if !has_grown {
            break;
        }
    }
    let mut is_below = is_below.into_iter();
    all.retain(|_| is_below.next() == Some(true));
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_below_a_process() {
        let process = |(pid, parent)| Process {
            pid: Pid::from_raw(pid),
            parent: Pid::from_raw(parent),
            ..process::read(getpid()).unwrap()
        };
        let below = |root, tree: &[(i32, i32)]| -> Vec<i32> {
            let tree = tree.iter().copied().map(process).collect();
            let below = tree_below(Pid::from_raw(root), tree).unwrap();
            below.iter().map(|process| process.pid.as_raw()).collect()
        };
        for (root, tree, expected) in [
            (1, &[][..], &[][..]),
            (1, &[(1, 0)], &[]),
            (1, &[(1, 0), (7, 1), (8, 7), (9, 8)], &[7, 8, 9]),
            // In any order, and with PIDs that have wrapped around.
            (9, &[(2, 3), (3, 8), (8, 9), (9, 1), (1, 0)], &[2, 3, 8]),
            // `docker exec` starts processes whose parent is outside of the namespace.
            (1, &[(1, 0), (7, 1), (20, 0), (21, 20)], &[7]),
            // Not the parent, not the siblings.
            (5, &[(1, 0), (4, 1), (5, 4), (6, 4), (7, 5), (8, 6)], &[7]),
            // A process whose parent has just ended.
            (5, &[(5, 1), (7, 6)], &[]),
        ] {
            assert_eq!(below(root, tree), expected, "{root}: {tree:?}");
        }
    }
}
