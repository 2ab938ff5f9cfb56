//! One negative control: a mutant is hinit with one property switched off, and a test must fail with it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Condvar, LazyLock, Mutex, PoisonError};

use nix::unistd::geteuid;

/// How long a test of a mutant waits for what does not happen; see `bound` in tests/it/support. A mutant that
/// cannot end fails its test by this bound, and not by the timeout, which a slow machine can reach as well.
const BOUND_SECONDS: u32 = 6;

/// A test of tests/it must fail when these edits are made in a file of src/.
pub struct Mutant {
    pub name: &'static str,
    pub test: &'static str,
    pub file: &'static str,
    /// Each text, and what it is replaced by.
    pub edits: &'static [(&'static str, &'static str)],
}

impl Mutant {
    pub fn named(name: &str, all: &'static [Self]) -> &'static Self {
        all.iter().find(|mutant| mutant.name == name).unwrap()
    }

    pub fn is_an_edit(&self) {
        let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let edited = self.edited(&src.join(self.file));
        assert_ne!(
            edited,
            fs::read_to_string(src.join(self.file)).unwrap(),
            "{}",
            self.name
        );
    }

    pub fn is_noticed(&self) {
        let tree = Tree::take();
        let home = self.plant(tree.0);
        let mut build = cargo(&home, "build");
        // In the tree's own target directory, whatever the caller has set.
        build
            .args(["--bin", "hinit"])
            .env_remove("CARGO_TARGET_DIR");
        let mutant = executable(&mut build, "hinit");
        let (code, output) = test(&mutant, &[self.test], BOUND_SECONDS);
        if let Err(why) = check(code, &output) {
            panic!("{} {why}:\n{output}", self.test);
        }
    }

    /// A copy of this source, with the edits.
    fn plant(&self, tree: &str) -> PathBuf {
        let home = Path::new(env!("CARGO_MANIFEST_DIR"));
        let tree = home.join("target/mutants").join(tree);
        fs::create_dir_all(&tree).unwrap();
        let _none_yet = fs::remove_dir_all(tree.join("src"));
        let mut copy = Command::new("cp");
        copy.arg("-r");
        for name in ["Cargo.toml", "Cargo.lock", "rust-toolchain.toml", "src"] {
            copy.arg(home.join(name));
        }
        assert!(copy.arg(&tree).status().unwrap().success());
        let path = tree.join("src").join(self.file);
        fs::write(&path, self.edited(&path)).unwrap();
        tree
    }

    fn edited(&self, path: &Path) -> String {
        let source = fs::read_to_string(path).unwrap();
        edit(source, self.edits).unwrap_or_else(|why| panic!("{}: {}: {why}", self.name, self.file))
    }
}

/// A text that is not in the source, or more than once, does not say what is switched off.
fn edit(mut source: String, edits: &[(&str, &str)]) -> Result<String, String> {
    for (from, to) in edits {
        match source.matches(from).count() {
            1 => source = source.replace(from, to),
            count => return Err(format!("found {count} times: {from}")),
        }
    }
    Ok(source)
}

/// Whether one test ran and failed; if not, why that is no proof.
fn check(code: Option<i32>, output: &str) -> Result<(), &'static str> {
    if !output.contains("running 1 test\n") {
        return Err("does not exist");
    }
    match code {
        // The exit code of a test binary of which a test failed.
        Some(101) => Ok(()),
        Some(0) => Err("passed, although what it claims is switched off"),
        // The exit codes of timeout(1), which sends TERM and then KILL.
        Some(124 | 137) => Err("timed out"),
        _ => Err("did not run to its end"),
    }
}

#[test]
fn an_edit_must_find_its_text_once() {
    let edited = |edits: &[_]| edit("one two two".into(), edits);
    assert_eq!(edited(&[("one", "1")]), Ok("1 two two".into()));
    for edits in [
        [("three", "3"), ("one", "1")],
        [("one", "1"), ("two", "2")],
        [("one", "1"), ("one", "1")],
    ] {
        assert!(edited(&edits).is_err(), "{edits:?}");
    }
}

#[test]
fn only_a_test_that_ran_and_failed_notices_a_mutant() {
    let one = "running 1 test\ntest a ... ";
    assert_eq!(check(Some(101), one), Ok(()));
    for code in [Some(0), Some(1), Some(124), Some(137), Some(143), None] {
        assert!(check(code, one).is_err(), "{code:?}");
    }
    for output in ["", "running 0 tests\n", "running 2 tests\n"] {
        assert_eq!(check(Some(101), output), Err("does not exist"), "{output}");
    }
}

/// A test that fails without a mutant as well proves nothing about mutants.
#[test]
fn without_an_edit_all_these_tests_pass() {
    let mut tests = Vec::new();
    for file in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mutants")).unwrap() {
        let source = fs::read_to_string(file.unwrap().path()).unwrap();
        let named = source.split("} fails \"").skip(1);
        tests.extend(named.map(|rest| rest.split('"').next().unwrap().to_owned()));
    }
    tests.sort_unstable();
    tests.dedup();
    let tests: Vec<&str> = tests.iter().map(String::as_str).collect();
    // All run at once, while mutants are built: each may take longer than alone.
    let (code, output) = test(&HINIT, &tests, 10 * BOUND_SECONDS);
    let running = format!("running {} tests\n", tests.len());
    assert!(output.contains(&running), "not {running}{output}");
    let failures = output
        .split_once("failures:")
        .map_or("", |(_, failures)| failures);
    assert_eq!(code, Some(0), "{failures}");
}

/// The binary of tests/it. It is built once, because a mutant changes hinit and not its tests.
static TESTS: LazyLock<PathBuf> = LazyLock::new(|| {
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    executable(
        cargo(home, "build").args(["--example", "fixture"]),
        "fixture",
    );
    executable(cargo(home, "test").args(["--no-run", "--test", "it"]), "it")
});

/// hinit without an edit.
static HINIT: LazyLock<PathBuf> = LazyLock::new(|| {
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    executable(cargo(home, "build").args(["--bin", "hinit"]), "hinit")
});

fn cargo(home: &Path, verb: &str) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.args([
        verb,
        "--locked",
        "--target",
        TARGET,
        "--message-format=json-render-diagnostics",
    ]);
    command.current_dir(home);
    command
}

/// Builds, and returns the path of the executable of this name.
fn executable(build: &mut Command, name: &str) -> PathBuf {
    let output = build.output().unwrap();
    assert!(
        output.status.success(),
        "{build:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let messages = String::from_utf8(output.stdout).unwrap();
    let is_named = |line: &&str| line.contains(&format!("\"name\":\"{name}\""));
    let path = messages.lines().filter(is_named).find_map(|line| {
        let (_, rest) = line.split_once("\"executable\":\"")?;
        rest.split('"').next()
    });
    path.unwrap().into()
}

/// Runs these tests of tests/it with this hinit; returns the exit code and the output. They run in a PID namespace,
/// of which another hinit is the init: it ends the mutants that cannot end, and the processes that they leave behind.
fn test(hinit: &Path, tests: &[&str], bound_seconds: u32) -> (Option<i32>, String) {
    let seconds = 60 + 2 * tests.len();
    let mut command = Command::new("unshare");
    if !geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    let output = command
        .args(["--pid", "--fork", "--kill-child", "--mount-proc"])
        .arg(HINIT.as_path())
        .args(["--no-pid-file", "--grace", "1s", "--"])
        .args(["timeout", "--kill-after=5", &seconds.to_string()])
        .arg(TESTS.as_path())
        .arg("--exact")
        .args(tests)
        .env("TEST_BINARY", hinit)
        .env("TEST_BOUND", bound_seconds.to_string())
        .output()
        .unwrap();
    let streams = [output.stdout, output.stderr].concat();
    (
        output.status.code(),
        String::from_utf8_lossy(&streams).into_owned(),
    )
}

/// A copy of the source in which one mutant after another is built. There are few, because each builds all
/// dependencies once.
struct Tree(&'static str);

static FREE: LazyLock<Mutex<Vec<&str>>> = LazyLock::new(|| Mutex::new(vec!["one", "other"]));
static RETURNED: Condvar = Condvar::new();

impl Tree {
    fn take() -> Self {
        let free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        let none_left = |free: &mut Vec<&str>| free.is_empty();
        let free = RETURNED.wait_while(free, none_left);
        Self(free.unwrap_or_else(PoisonError::into_inner).pop().unwrap())
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        FREE.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(self.0);
        RETURNED.notify_one();
    }
}

const TARGET: &str = if cfg!(target_arch = "aarch64") {
    "aarch64-unknown-linux-musl"
} else {
    "x86_64-unknown-linux-musl"
};
