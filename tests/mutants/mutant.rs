//! One negative control: how a mutant is built, and how its test is run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Condvar, LazyLock, Mutex, PoisonError};

use nix::unistd::geteuid;

/// How long a test of a mutant waits for what does not happen; see `bound` in tests/it/support. A mutant
/// that can no longer end is noticed by that, and not by the timeout, which would also end a slow machine's.
const BOUND_SECONDS: u32 = 6;

/// A test of `tests/it` must fail once this text of the source stands for that.
pub struct Mutant {
    pub test: &'static str,
    pub file: &'static str,
    pub edits: &'static [(&'static str, &'static str)],
}

impl Mutant {
    pub fn is_noticed(&self) {
        let tree = Tree::take();
        let home = self.plant(tree.0);
        let mut build = cargo(&home, "build");
        // Apart from all else that is built, wherever that is.
        build
            .args(["--bin", "hinit"])
            .env_remove("CARGO_TARGET_DIR");
        let mutant = executable(&mut build, "hinit");
        let (code, said) = test(&mutant, &[self.test], BOUND_SECONDS);
        assert!(
            said.contains("running 1 test\n"),
            "no such test: {}",
            self.test
        );
        // What a test binary exits with when a test fails; `timeout` exits with 124 or 137.
        assert_eq!(code, Some(101), "{} has not failed:\n{said}", self.test);
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
        let mut source = fs::read_to_string(&path).unwrap();
        for (from, to) in self.edits {
            assert_eq!(source.matches(from).count(), 1, "{}: {from}", self.file);
            source = source.replace(from, to);
        }
        fs::write(&path, source).unwrap();
        tree
    }
}

/// A test that fails anyway notices nothing.
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
    // All at once, while mutants are built: what happens may take its time.
    let (code, said) = test(&HINIT, &tests, 10 * BOUND_SECONDS);
    assert!(said.contains(&format!("running {} tests\n", tests.len())));
    let failures = said
        .split_once("failures:")
        .map_or("", |(_, failures)| failures);
    assert_eq!(code, Some(0), "{failures}");
}

/// The binary of tests/it. It is built once: a mutant is another hinit, but its tests are the same.
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

/// Builds, and finds the path of what was built under this name.
fn executable(build: &mut Command, name: &str) -> PathBuf {
    let output = build.output().unwrap();
    assert!(
        output.status.success(),
        "{build:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let messages = String::from_utf8(output.stdout).unwrap();
    let is_its = |line: &&str| line.contains(&format!("\"name\":\"{name}\""));
    let path = messages.lines().filter(is_its).find_map(|line| {
        let (_, rest) = line.split_once("\"executable\":\"")?;
        rest.split('"').next()
    });
    path.unwrap().into()
}

/// Runs these tests of tests/it with that hinit: the exit code and what they say. In a PID namespace, whose init
/// is another hinit: some mutants cannot end, or leave processes behind, which end with it.
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
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.code(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

/// A place for a mutant, built again and again. There are few of them, for each has all to build once.
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
