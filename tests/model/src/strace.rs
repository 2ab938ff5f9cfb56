//! Reads what strace(1) has recorded of a real life, as the model's calls. Calls that do not concern the PID file or a
//! child's PID are left out.

use std::collections::HashMap;

use crate::kernel::{MAX_PIDS, Pid};
use crate::world::{Actor, Outcome};

/// A call as the model names it.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    pub actor: Actor,
    pub call: &'static str,
    pub pid: Option<Pid>,
    pub outcome: Outcome,
    /// The line of the record.
    pub line: String,
}

/// What is known of the processes of a record.
#[derive(Default)]
struct Reader {
    actors: HashMap<String, Actor>,
    /// The model's PIDs of the processes below hinit.
    pids: HashMap<String, Pid>,
    unfinished: HashMap<String, String>,
    /// The PID in the file.
    recorded: String,
    found: Vec<Observed>,
}

/// `file`: the name of the PID file in its directory.
pub fn read(record: &str, file: &str) -> Vec<Observed> {
    let mut reader = Reader::default();
    for line in record.lines() {
        let (thread, rest) = line.split_once(' ').unwrap();
        let rest = rest.trim_start();
        if let Some(begun) = rest.strip_suffix(" <unfinished ...>") {
            reader.unfinished.insert(thread.into(), begun.into());
        } else if let Some((_, ended)) = rest
            .strip_prefix("<... ")
            .and_then(|rest| rest.split_once(" resumed>"))
        {
            let begun = reader.unfinished.remove(thread).unwrap_or_default();
            reader.line(thread, &format!("{begun}{ended}"), file);
        } else {
            reader.line(thread, rest, file);
        }
    }
    reader.found
}

impl Reader {
    fn line(&mut self, thread: &str, line: &str, file: &str) {
        if line.starts_with("execve(") && line.ends_with(" = 0") {
            return self.executes(thread, line);
        }
        let Some(&actor) = self.actors.get(thread) else {
            return self.end_of_server(thread, line);
        };
        if line.starts_with("+++ ") {
            self.actors.remove(thread);
            if line.contains("killed") {
                self.add(actor, "is killed", None, Outcome::Done, line);
            }
            return;
        }
        if line.starts_with("exit_group(") {
            return self.exits(actor, line);
        }
        let Some((call, result)) = line.rsplit_once(" = ") else {
            return;
        };
        let words: Vec<&str> = result.split(' ').collect();
        let outcome = match words[..] {
            ["-1", errno, ..] => Outcome::Fails(known_errno(errno)),
            _ => Outcome::Done,
        };
        let Some((name, arguments)) = call.split_once('(') else {
            return;
        };
        self.call(actor, name, arguments, words[0], outcome, file, line);
    }

    /// hinit, or a server, begins.
    fn executes(&mut self, thread: &str, line: &str) {
        let is_free = |reader: &Self, actor| !reader.actors.values().any(|known| *known == actor);
        let actor = if line.contains("/hinit\", [\"hinit\", \"healthcheck\"") {
            Actor::Reader(0)
        } else if line.contains("/hinit\", [\"hinit\", \"signal\"") {
            Actor::Reader(1)
        } else if line.contains("/hinit\", [\"hinit\", \"run\"") {
            Actor::Hinit(u8::from(!is_free(self, Actor::Hinit(0))))
        } else {
            return;
        };
        self.actors.insert(thread.into(), actor);
    }

    /// One that was refused has not launched anything, and is gone in the model.
    fn exits(&mut self, actor: Actor, line: &str) {
        let calls = ["clone", "openat(O_CREAT|O_EXCL)"];
        let mut of_it = self.found.iter().rev().filter(|call| call.actor == actor);
        let last = of_it.find(|call| calls.contains(&call.call));
        if last.is_some_and(|call| call.call == "clone") {
            self.add(actor, "exit_group", None, Outcome::Done, line);
        }
    }

    /// The PID of a server whose hinit was killed is free when it ends.
    fn end_of_server(&mut self, thread: &str, line: &str) {
        let has_hinit = self
            .actors
            .values()
            .any(|actor| matches!(actor, Actor::Hinit(_)));
        if line.starts_with("+++ ") && !has_hinit {
            self.pids.remove(thread);
        }
    }

    fn pid(&mut self, number: &str) -> Pid {
        if let Some(pid) = self.pids.get(number) {
            return *pid;
        }
        let mut all = 0..MAX_PIDS;
        let free = all.find(|pid| !self.pids.values().any(|known| known == pid));
        let pid = free.expect("more processes than the model has PIDs");
        self.pids.insert(number.into(), pid);
        pid
    }

    fn add(
        &mut self,
        actor: Actor,
        call: &'static str,
        pid: Option<Pid>,
        outcome: Outcome,
        line: &str,
    ) {
        self.found.push(Observed {
            actor,
            call,
            pid,
            outcome,
            line: line.into(),
        });
    }

    #[allow(clippy::too_many_arguments, reason = "the parts of one line")]
    fn call(
        &mut self,
        actor: Actor,
        name: &str,
        arguments: &str,
        result: &str,
        outcome: Outcome,
        file: &str,
        line: &str,
    ) {
        let is_file =
            arguments.contains(&format!("\"{file}\"")) || arguments.contains(&format!("/{file}>"));
        let is_hinit = matches!(actor, Actor::Hinit(_));
        let words: Vec<&str> = arguments
            .split([',', ' ', '(', ')', '|', '{', '}'])
            .filter(|word| !word.is_empty())
            .collect();
        let has = |word: &str| words.contains(&word);
        let field = |name: &str| words.iter().find_map(|word| word.strip_prefix(name));
        match name {
            "openat" if is_file && has("O_CREAT") => {
                self.add(actor, "openat(O_CREAT|O_EXCL)", None, outcome, line);
            }
            "openat" if is_file && has("O_RDWR") => {
                self.add(actor, "openat(O_RDWR)", None, outcome, line);
            }
            "openat" if is_file => self.add(actor, "openat(O_RDONLY)", None, outcome, line),
            "newfstatat" | "fstat" if is_file => {
                let size = field("st_size=").map(|size| Outcome::Size(size == "0"));
                let call = if name == "fstat" {
                    "fstat"
                } else {
                    "newfstatat"
                };
                self.add(actor, call, None, size.unwrap_or(outcome), line);
            }
            "flock" if is_file => {
                let calls = [
                    ("LOCK_SH", "flock(LOCK_SH|LOCK_NB)"),
                    ("LOCK_EX", "flock(LOCK_EX|LOCK_NB)"),
                    ("LOCK_UN", "flock(LOCK_UN)"),
                ];
                let call = calls.iter().find(|(word, _)| has(word)).unwrap().1;
                self.add(actor, call, None, outcome, line);
            }
            "fcntl" if is_file && has("F_OFD_GETLK") => {
                // With a socket the lengths are 2 and 1.
                let length: Option<u8> = field("l_len=").and_then(|length| length.parse().ok());
                let length = length
                    .filter(|_| !has("l_type=F_UNLCK"))
                    .map(|length| if length < 3 { length + 2 } else { length });
                self.add(
                    actor,
                    "fcntl(F_OFD_GETLK)",
                    None,
                    Outcome::Lock(length),
                    line,
                );
            }
            "fcntl" if is_file && has("F_OFD_SETLK") => {
                let is_all = has("l_start=0");
                let unlocks = if is_all {
                    "fcntl(F_OFD_SETLK, F_UNLCK, all)"
                } else {
                    "fcntl(F_OFD_SETLK, F_UNLCK)"
                };
                let call = if has("l_type=F_WRLCK") {
                    "fcntl(F_OFD_SETLK, F_WRLCK)"
                } else {
                    unlocks
                };
                self.add(actor, call, None, outcome, line);
            }
            "pread64" if is_file => {
                let text = arguments
                    .split('"')
                    .nth(1)
                    .unwrap_or_default()
                    .trim_end_matches("\\n");
                let bytes = (!text.is_empty()).then(|| self.pid(text));
                self.add(actor, "pread64", None, Outcome::Bytes(bytes), line);
            }
            "pwrite64" if is_file => {
                arguments
                    .split('"')
                    .nth(1)
                    .unwrap_or_default()
                    .trim_end_matches("\\n")
                    .clone_into(&mut self.recorded);
                let pid = self.pid(&self.recorded.clone());
                self.add(actor, "pwrite64", Some(pid), outcome, line);
            }
            "ftruncate" if is_file => self.add(actor, "ftruncate", None, outcome, line),
            "fchmod" if is_file => self.add(actor, "fchmod", None, outcome, line),
            "fallocate" if is_file => self.add(actor, "fallocate", None, outcome, line),
            "unlinkat" if is_file => self.add(actor, "unlinkat", None, outcome, line),
            "clone" | "clone3" | "fork" if is_hinit && outcome == Outcome::Done => {
                let pid = self.pid(result);
                self.add(actor, "clone", None, Outcome::Pid(pid), line);
            }
            "waitid" if is_hinit && has("P_ALL") => {
                if let Some(ended) = field("si_pid=") {
                    let pid = self.pid(ended);
                    self.add(actor, "waitid(P_ALL)", None, Outcome::Pid(pid), line);
                }
            }
            // Of the server itself it is for the counter of killed processes, and of other processes for a sender.
            "waitid"
                if is_hinit
                    && has("P_PID")
                    && has("WEXITED")
                    && words[1] != self.recorded
                    && outcome == Outcome::Done =>
            {
                let pid = self.pid(words[1]);
                self.add(actor, "waitid(P_PID)", Some(pid), outcome, line);
            }
            "wait4" if is_hinit && result == words[0] => {
                let pid = self.pid(result);
                self.add(actor, "wait4", Some(pid), outcome, line);
                self.pids.remove(result);
            }
            "tgkill" if !is_hinit => {
                let pid = self.pid(words[0]);
                self.add(actor, "tgkill(0)", Some(pid), outcome, line);
            }
            "pidfd_open" if !is_hinit => {
                let pid = self.pid(words[0]);
                self.add(actor, "pidfd_open", Some(pid), outcome, line);
            }
            "pidfd_send_signal" if !is_hinit => {
                let pid = self.pid(&self.recorded.clone());
                self.add(actor, "pidfd_send_signal", Some(pid), outcome, line);
            }
            _ => {}
        }
    }
}

fn known_errno(name: &str) -> &'static str {
    const KNOWN: [&str; 7] = [
        "EAGAIN", "ECHILD", "EEXIST", "ENOENT", "EROFS", "ESRCH", "EBUSY",
    ];
    KNOWN
        .iter()
        .find(|known| **known == name)
        .unwrap_or(&"another error")
}
