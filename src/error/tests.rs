use std::ffi::OsString;
use std::path::PathBuf;

use nix::errno::Errno;
use nix::unistd::Pid;

use super::*;
use crate::file::{Kind, RefusedLink};

const EACCES: Reason = Reason::Errno(Errno::EACCES);
const PID: Pid = Pid::from_raw(7);
const OTHER_PID_FILE: &str =
    "name another with --pid-file or HINIT_PID_FILE, or keep none with --no-pid-file";

fn not_executable(fault: ExecFault) -> Error {
    Error::NotExecutable {
        file: "x".into(),
        fault,
    }
}

fn not_found(reason: NotFound, hint: Option<[&'static str; 3]>) -> Error {
    Error::NotFound {
        command: "x".into(),
        reason,
        hint,
    }
}

fn absence(target: Option<&str>) -> Absence {
    Absence(target.map(OsString::from))
}

#[test]
fn each_error_has_its_text_and_its_exit_code() {
    for (error, code, text) in [
        (
            *Error::failed(Verb::Open, "t", Errno::EACCES),
            125,
            "cannot open `t`: Permission denied".to_owned(),
        ),
        (
            *Error::failed(Verb::ClaimPidFile, "t", Reason::IsA(Kind::Fifo)),
            125,
            format!("cannot claim the PID file `t`: it is a FIFO; {OTHER_PID_FILE}"),
        ),
        (
            not_executable(ExecFault::Directory),
            126,
            "cannot run `x`: it is a directory".into(),
        ),
        (
            not_found(NotFound::InPath, None),
            127,
            "cannot run `x`: not found in PATH".into(),
        ),
        (
            not_found(NotFound::InPath, Some(["did you mean `hinit ", "y", "`?"])),
            127,
            "cannot run `x`: not found in PATH; did you mean `hinit y`?".into(),
        ),
    ] {
        assert_eq!(
            (FailureCodes::OWN.of(&error), error.to_string()),
            (code, text)
        );
    }
}

#[test]
fn each_verb_has_its_text() {
    let plain = |verb: &str| format!("cannot {verb} `t`: Permission denied");
    for (verb, text) in [
        (
            Verb::ClaimPidFileIn,
            plain("claim a PID file in")
                + "; mount one (--tmpfs /tmp, or an emptyDir), name a file with HINIT_PID_FILE, or keep \
                   none with --no-pid-file",
        ),
        (
            Verb::ClaimPidFile,
            plain("claim the PID file") + "; " + OTHER_PID_FILE,
        ),
        (Verb::WritePidFile, plain("write the PID file")),
        (Verb::MarkPidFile, plain("show the stop in the PID file")),
        (Verb::EmptyPidFile, plain("empty the PID file")),
        (Verb::RemovePidFile, plain("remove the PID file")),
        (Verb::EnterDirectory, plain("enter the directory")),
        (Verb::WatchParent, plain("watch the parent process")),
        (Verb::Open, plain("open")),
        (Verb::OpenSocket, plain("open the socket")),
        (Verb::Allocate, plain("allocate")),
        (Verb::ListenAt, plain("listen at")),
        (Verb::LookUpUserIn, plain("look up the user in")),
        (Verb::RunAs, plain("run as")),
        (Verb::RunWithGroup, plain("run with the group")),
        (Verb::Start, plain("start")),
        (Verb::Run, plain("run")),
        (Verb::Install, plain("install")),
        (Verb::ReadSelf, plain("read") + "; mount /proc"),
    ] {
        assert_eq!(Error::failed(verb, "t", EACCES).to_string(), text);
    }
}

#[track_caller]
fn check_reasons(reasons: &mut dyn Iterator<Item = (Reason, &str)>) {
    for (reason, text) in reasons {
        let error = Error::failed(Verb::Install, "t", reason);
        assert_eq!(error.to_string(), format!("cannot install `t`: {text}"));
    }
}

#[test]
fn each_reason_of_a_file_has_its_text() {
    let link = |owner| {
        let path = PathBuf::from("/l");
        Reason::RefusedLink(Box::new(RefusedLink { path, owner }))
    };
    let reasons = [
        (EACCES, "Permission denied"),
        (Reason::IsA(Kind::Fifo), "it is a FIFO"),
        (Reason::BelongsTo(42), "it belongs to UID 42"),
        (Reason::HardLinks(2), "it has 2 hard links, not one"),
        (Reason::WritableByOthers, "it is writable by others"),
        (Reason::Replaced, "it was replaced meanwhile"),
        (
            Reason::RemovedOrReplaced,
            "it was removed or replaced meanwhile",
        ),
        (
            link(42),
            "`/l` is a symlink that belongs to UID 42; hinit follows only those of root and of its own user",
        ),
        (
            link(65534),
            "`/l` is a symlink that belongs to UID 65534 (as root's do where a user namespace does not map \
             root); hinit follows only those of root and of its own user",
        ),
        (
            Reason::NoDirectory("/d".into()),
            "the directory `/d` does not exist; create it or mount it first",
        ),
        (Reason::NoneWritable, "none is writable"),
        (Reason::NotAPid, "it does not contain a PID"),
        (Reason::FirstLineNotAPid, "its first line is not a PID"),
        (
            Reason::OtherContents,
            "it contains something other than a PID",
        ),
        (Reason::Locked, "it is locked"),
        (Reason::LockedBy(PID), "process 7 has locked it"),
        (
            Reason::LockedFor(PID),
            "another hinit has locked it, for process 7",
        ),
        (
            Reason::LockedWithoutServer,
            "another hinit has locked it, and has no running server",
        ),
        (Reason::StaysLocked, "another process keeps it locked"),
        (
            Reason::KeepsBeingReplaced,
            "another process keeps replacing it",
        ),
        (
            Reason::LocksRefused,
            "its file system refuses locks (CIFS allows them if it is mounted with `nobrl`)",
        ),
        (
            Reason::NoLocksNorModes,
            "its file system keeps neither fcntl(2) locks nor permissions, and health checks need one of them",
        ),
        (
            Reason::MadeWritableByOthers,
            "its file system makes it writable by others, so no health check would trust it",
        ),
        (
            Reason::StillLocked(Errno::EIO, Errno::ENOLCK),
            "I/O error; its locks cannot be released either, so health checks still trust it: No locks available",
        ),
        (Reason::IsAlive(PID), "process 7 is alive"),
        (
            Reason::NotAChild(PID),
            "process 7 is not a running child of hinit",
        ),
        (
            Reason::OfAnotherUser(PID),
            "process 7 runs as another user than the server",
        ),
    ];
    check_reasons(&mut reasons.into_iter());
}

#[test]
fn each_other_reason_has_its_text() {
    let limit = Reason::ProcessLimitOfUser { uid: 42, limit: 9 };
    let reasons = [
        (Reason::NameTooLong, "the name is too long"),
        (Reason::InUse, "another process listens there"),
        (
            Reason::NoIpv6(80),
            "Address family not supported by protocol; this system has no IPv6: listen at 0.0.0.0:80",
        ),
        (Reason::NoSuchUser, "there is no such user in /etc/passwd"),
        (Reason::NoSuchGroup, "there is no such group in /etc/group"),
        (
            Reason::NotMapped,
            "the user namespace does not map that user or group",
        ),
        (
            Reason::ProcessLimit,
            "the limit of processes is reached; raise it (--pids-limit, pids.max, ulimit -u)",
        ),
        (
            limit,
            "UID 42 has more processes than its limit allows (RLIMIT_NPROC is 9); raise it (--ulimit nproc=N, \
             ulimit -u)",
        ),
    ];
    check_reasons(&mut reasons.into_iter());
}

#[test]
fn each_reason_for_a_missing_command_has_its_text() {
    for (reason, text) in [
        (NotFound::Errno(Errno::ENOTDIR), "Not a directory"),
        (
            NotFound::BrokenSymlink(absence(Some("/t"))),
            "it is a symlink to `/t`, which is not there",
        ),
        (NotFound::EmptyName, "the command is empty"),
        (NotFound::InPath, "not found in PATH"),
        (NotFound::InEmptyPath, "not found in PATH, which is empty"),
        (
            NotFound::InDefaultPath("/bin"),
            "not found in /bin: PATH is not set",
        ),
    ] {
        assert_eq!(reason.to_string(), text);
    }
}

#[test]
fn each_fault_of_a_file_that_is_executed_has_its_text() {
    let needs = |role, fault| {
        let path = c"/i\r".to_owned();
        ExecFault::Needs(Box::new(NeededFile { role, path, fault }))
    };
    let libc = |wanted, present| ExecFault::OtherLibc { wanted, present };
    let machine = |wanted| format!("it is built for {wanted}, this is {THIS_MACHINE}");
    for (fault, text) in [
        (ExecFault::Errno(Errno::E2BIG), "Argument list too long"),
        (ExecFault::NoPermissionFor(42), "no permission for UID 42"),
        (
            ExecFault::NoSearchPermission,
            "no permission to search a directory on the way to it",
        ),
        (ExecFault::Directory, "it is a directory"),
        (ExecFault::NotRegular, "it is not a regular file"),
        (ExecFault::NoExecutePermission, "no execute permission"),
        (
            ExecFault::NoExecutePermissionFor(42),
            "no execute permission for UID 42",
        ),
        (
            ExecFault::NoexecMount,
            "it lies on a file system that is mounted noexec",
        ),
        (
            ExecFault::OpenForWriting,
            "it is open for writing (text file busy)",
        ),
        (
            ExecFault::TooManyInterpreters,
            "its chain of interpreters is too long",
        ),
        (
            ExecFault::OtherMachine("32-bit arm"),
            &machine("32-bit arm"),
        ),
        (
            ExecFault::OtherMachine("32-bit x86"),
            &machine("32-bit x86"),
        ),
        (
            libc(Libc::Musl, Some(Libc::Glibc)),
            "it is built for musl, this image has glibc",
        ),
        (
            libc(Libc::Glibc, None),
            "it is built for glibc, this image has no libc",
        ),
        (ExecFault::CrlfLineEnds, "the script has CRLF line ends"),
        (
            ExecFault::NeedsUnknownFile,
            "its interpreter or loader is not there",
        ),
        (
            needs(
                Role::Interpreter,
                NeededFault::Missing(absence(None), Some(ExecFault::CrlfLineEnds)),
            ),
            r"its interpreter `/i\r` is not there: the script has CRLF line ends",
        ),
        (
            needs(
                Role::Loader,
                NeededFault::Missing(absence(Some("/t")), None),
            ),
            r"its loader `/i\r` is a symlink to `/t`, which is not there",
        ),
        (
            needs(
                Role::Interpreter,
                NeededFault::CannotRun(ExecFault::NoExecutePermission),
            ),
            r"its interpreter `/i\r` cannot run: no execute permission",
        ),
    ] {
        assert_eq!(fault.to_string(), text);
    }
}

#[test]
fn each_bad_format_has_its_text() {
    for (format, text) in [
        (BadFormat::Empty, "it is empty"),
        (
            BadFormat::ByteOrderMark,
            "it starts with a byte order mark, not with `#!`",
        ),
        (BadFormat::MacOs, "it is built for macOS, this is Linux"),
        (BadFormat::Windows, "it is built for Windows, this is Linux"),
        (
            BadFormat::Unknown,
            "it is neither a binary nor a script with `#!`",
        ),
        (
            BadFormat::NoInterpreter,
            "its first line names no interpreter behind `#!`",
        ),
        (BadFormat::LongFirstLine, "its first line is too long"),
        (
            BadFormat::DamagedElf,
            "it is an ELF file, but damaged or not a program",
        ),
    ] {
        assert_eq!(ExecFault::Format(format).to_string(), text);
    }
}
