//! PostgreSQL: TERM is its smart shutdown, which waits for the clients; INT its fast one.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::chown;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

use nix::libc::SIGTERM;
use nix::unistd::User;

use crate::home::*;
use crate::support::*;

/// What PostgreSQL logs at a start after a proper shutdown, and after another end.
const WAS_SHUT_DOWN: &str = "database system was shut down at ";
const RECOVERY: &str = "database system was not properly shut down; automatic recovery in progress";

/// Changes to the user that Debian's package creates, because PostgreSQL refuses to run as root.
const AS_POSTGRES: [&str; 4] = [
    "setpriv",
    "--reuid=postgres",
    "--regid=postgres",
    "--clear-groups",
];

/// A new database cluster, with its socket beside it.
pub(crate) struct Cluster {
    pub(crate) home: Home,
    mode: Mode,
    programs: PathBuf,
}

impl Cluster {
    /// None if PostgreSQL cannot run here.
    pub(crate) fn new(mode: Mode) -> Option<Self> {
        if !is_root() {
            cannot_run("must be root, to be the user postgres");
            return None;
        }
        let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
        let servers = versions
            .flatten()
            .map(|dir| dir.path().join("bin/postgres"));
        let server = installed("PostgreSQL", servers.max())?;
        let home = Home::new();
        let user = User::from_name("postgres").unwrap().unwrap();
        chown(&home, Some(user.uid.as_raw()), Some(user.gid.as_raw())).unwrap();
        let programs = server.with_file_name("");
        let cluster = Self {
            home,
            mode,
            programs,
        };
        cluster.initialise();
        Some(cluster)
    }

    fn initialise(&self) {
        let mut initdb = Command::new(AS_POSTGRES[0]);
        initdb.args(&AS_POSTGRES[1..]).arg(self.program("initdb"));
        initdb.args(["--no-sync", "--auth=trust", "--locale=C"]);
        initdb.arg("--pgdata").arg(self.data());
        let output = initdb.current_dir(&self.home).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }

    fn data(&self) -> PathBuf {
        self.home.join("data")
    }

    /// A hinit that will start PostgreSQL, with its socket and its shared memory in the directory, so that it writes
    /// nothing outside of it.
    pub(crate) fn prepare(&self, options: &[&str], listen: &[&str]) -> Start {
        let start = self.home.start(self.mode, options).args(AS_POSTGRES);
        let start = start.args([self.program("postgres")]);
        let start = start.args(["-c", "dynamic_shared_memory_type=mmap"]);
        let start = start.args([OsStr::new("-D"), self.data().as_os_str()]);
        let start = start.args([OsStr::new("-k"), self.home.as_ref().as_os_str()]);
        start.args(listen)
    }

    /// The same, started, and without TCP.
    fn launch(&self, options: &[&str]) -> Running {
        self.prepare(options, &["-h", ""]).start()
    }

    /// The same, once it is ready, and the log until then.
    #[track_caller]
    fn start(&self, options: &[&str]) -> (Running, String) {
        let hinit = self.launch(options);
        let log = log_until(&hinit, "database system is ready to accept connections");
        (hinit, log)
    }

    /// Starts it once more, stops it, and returns the log of the start.
    #[track_caller]
    fn start_again(&self) -> String {
        let (hinit, log) = self.start(&["--rewrite", "TERM=INT"]);
        hinit.signal(SIGTERM);
        assert_eq!(self.home.end(hinit).code, 0);
        log
    }

    fn psql(&self) -> Command {
        let mut psql = Command::new(self.program("psql"));
        psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"]);
        psql.args(["--username=postgres", "--host"])
            .arg(self.home.as_ref());
        psql
    }

    /// A client that is connected.
    #[track_caller]
    pub(crate) fn session(&self) -> Session {
        let mut psql = self.psql();
        psql.stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut psql = psql.spawn().unwrap();
        let answers = BufReader::new(psql.stdout.take().unwrap());
        let mut session = Session { psql, answers };
        session.send("select 'connected';");
        assert_eq!(session.answer(), "connected");
        session
    }

    /// The message with which a new client is refused.
    pub(crate) fn refusal(&self) -> String {
        let mut psql = self.psql();
        Ended::of(&psql.args(["-c", "select 1"]).output().unwrap()).log
    }

    /// A client whose query computes without waiting, so that its backend does not notice that the server died.
    #[track_caller]
    fn busy_session(&self, hinit: &Running) -> Session {
        let mut session = self.session();
        session.send("do $$ begin raise warning 'computing'; loop end loop; end $$;");
        log_until(hinit, "WARNING:  computing");
        session
    }
}

impl Drop for Cluster {
    /// Removes the segment of System V shared memory that a killed server leaves. Its identifier is the last word of
    /// line 7 of postmaster.pid.
    fn drop(&mut self) {
        let lock = fs::read_to_string(self.data().join("postmaster.pid")).unwrap_or_default();
        if let Some(id) = lock
            .lines()
            .nth(6)
            .and_then(|line| line.split_whitespace().last())
        {
            let _best_effort = Command::new("ipcrm").args(["--shmem-id", id]).output();
        }
    }
}

/// A connected client, which is killed when it is dropped.
pub(crate) struct Session {
    psql: Child,
    answers: BufReader<ChildStdout>,
}

impl Session {
    fn send(&mut self, statement: &str) {
        writeln!(self.psql.stdin.as_ref().unwrap(), "{statement}").unwrap();
    }

    /// The next line that it prints.
    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Ends the client, and returns its standard error.
    fn end(mut self) -> String {
        drop(self.psql.stdin.take());
        let mut errors = String::new();
        let mut stderr = self.psql.stderr.take().unwrap();
        stderr.read_to_string(&mut errors).unwrap();
        errors
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ignored = self.psql.kill();
        let _reaped = self.psql.wait();
    }
}

in_both_modes!(
    with_term_rewritten_to_int_it_ends_despite_a_busy_client_and_needs_no_recovery,
    without_the_rewrite_it_waits_for_its_clients,
    killed_with_a_query_that_does_not_notice_it_recovers_at_the_next_start
);

fn with_term_rewritten_to_int_it_ends_despite_a_busy_client_and_needs_no_recovery(mode: Mode) {
    let Some(cluster) = Cluster::new(mode) else {
        return;
    };
    let (hinit, _) = cluster.start(&["--rewrite", "TERM=INT"]);
    let mut session = cluster.session();
    session.send("select 'asleep'; select pg_sleep(100000);");
    assert_eq!(session.answer(), "asleep");
    hinit.signal(SIGTERM);
    let ended = cluster.home.end(hinit);
    assert_eq!(ended.code, 0, "{}", ended.log);
    assert!(!ended.log.contains("; killed "), "{}", ended.log);
    let errors = session.end();
    assert!(
        errors.contains("terminating connection due to administrator command"),
        "{errors}"
    );
    let log = cluster.start_again();
    assert!(
        log.contains(WAS_SHUT_DOWN) && !log.contains(RECOVERY),
        "{log}"
    );
}

// The negative control to the first, and a clean stop as well.
fn without_the_rewrite_it_waits_for_its_clients(mode: Mode) {
    let Some(cluster) = Cluster::new(mode) else {
        return;
    };
    let (hinit, _) = cluster.start(&[]);
    let mut session = cluster.session();
    hinit.signal(SIGTERM);
    eventually("new clients are refused", || {
        let refused = cluster.refusal();
        refused
            .contains("the database system is shutting down")
            .then_some(())
    });
    session.send("select 'still here';");
    assert_eq!(session.answer(), "still here");
    assert_eq!(session.end(), "");
    let ended = cluster.home.end(hinit);
    assert_eq!(ended.code, 0, "{}", ended.log);
    let log = cluster.start_again();
    assert!(
        log.contains(WAS_SHUT_DOWN) && !log.contains(RECOVERY),
        "{log}"
    );
}

// The negative control to both: the log of a start shows how the server ended before.
fn killed_with_a_query_that_does_not_notice_it_recovers_at_the_next_start(mode: Mode) {
    let Some(cluster) = Cluster::new(mode) else {
        return;
    };
    let (hinit, _) = cluster.start(&["--rewrite", "TERM=KILL"]);
    let _session = cluster.busy_session(&hinit);
    hinit.signal(SIGTERM);
    let ended = cluster.home.end(hinit);
    assert_eq!(ended.code, 137, "{}", ended.log);
    let log = cluster.start_again();
    assert!(
        !log.contains(WAS_SHUT_DOWN) && log.contains(RECOVERY),
        "{log}"
    );
}

/// The negative control: without a drain the query continues without its server, and blocks the next start.
#[test]
fn without_a_drain_a_query_that_continues_prevents_the_next_start() {
    let Some(cluster) = Cluster::new(Mode::Subreaper) else {
        return;
    };
    let (mut hinit, _) = cluster.start(&["--rewrite", "TERM=KILL", "--no-drain"]);
    let _session = cluster.busy_session(&hinit);
    hinit.signal(SIGTERM);
    assert_eq!(hinit.code(), 137);
    let next = cluster.launch(&[]).end();
    let reason = "pre-existing shared memory block";
    assert!(next.code == 1 && next.log.contains(reason), "{}", next.log);
}
