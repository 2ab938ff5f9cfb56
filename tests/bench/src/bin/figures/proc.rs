//! Values of a process from /proc.

use std::fs;

use nix::unistd::Pid;

use crate::program::Result;

/// Its proportional share of memory, in KB.
pub(crate) fn pss(pid: Pid) -> Result<u64> {
    sum(pid, "smaps_rollup", &["Pss:"])
}

/// Its resident memory, in KB.
pub(crate) fn rss(pid: Pid) -> Result<u64> {
    sum(pid, "smaps_rollup", &["Rss:"])
}

/// The maximum of its resident memory so far, in KB.
pub(crate) fn peak_rss(pid: Pid) -> Result<u64> {
    sum(pid, "status", &["VmHWM:"])
}

/// The memory that it does not share, in KB.
pub(crate) fn private(pid: Pid) -> Result<u64> {
    sum(pid, "smaps_rollup", &["Private_Clean:", "Private_Dirty:"])
}

/// Its anonymous memory, in KB: the pages that it has written to. (`Private_Dirty` would also count pages of a file
/// that was copied a moment ago.)
pub(crate) fn anonymous(pid: Pid) -> Result<u64> {
    sum(pid, "status", &["RssAnon:"])
}

/// The number of its context switches so far, voluntary or not.
pub(crate) fn switches(pid: Pid) -> Result<u64> {
    sum(
        pid,
        "status",
        &["voluntary_ctxt_switches:", "nonvoluntary_ctxt_switches:"],
    )
}

/// The processor time of a process with one thread so far, in nanoseconds.
pub(crate) fn cpu(pid: Pid) -> Result<u64> {
    let times = fs::read_to_string(format!("/proc/{pid}/schedstat"))?;
    let run = times.split_whitespace().next().unwrap_or_default();
    Ok(run.parse()?)
}

/// Its state, as `/proc/PID/stat` shows it.
pub(crate) fn state(pid: Pid) -> Result<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, fields) = stat.rsplit_once(") ").ok_or("no state")?;
    Ok(fields.chars().next().ok_or("no state")?)
}

pub(crate) fn children(pid: Pid) -> Result<Vec<Pid>> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
    let pids = children.split_whitespace();
    pids.map(|pid| Ok(Pid::from_raw(pid.parse()?))).collect()
}

/// Whether its first child is `sleep`, which is then its server.
pub(crate) fn runs_sleep(pid: Pid) -> Result<bool> {
    let children = children(pid)?;
    let server = children.first().ok_or("no child")?;
    Ok(fs::read_to_string(format!("/proc/{server}/comm"))? == "sleep\n")
}

fn sum(pid: Pid, file: &str, fields: &[&str]) -> Result<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/{file}"))?;
    let mut sum = 0;
    for line in text.lines() {
        let mut words = line.split_whitespace();
        if words.next().is_some_and(|name| fields.contains(&name)) {
            sum += words.next().unwrap_or_default().parse::<u64>()?;
        }
    }
    Ok(sum)
}
