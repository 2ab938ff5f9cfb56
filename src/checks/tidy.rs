//! Rules for the whole source: only `sys` contains unsafe code, and every call of cargo uses the versions in the
//! lock file.

use std::fs;
use std::path::{Path, PathBuf};

/// The cargo commands that would write a new lock file.
const RESOLVING: [&str; 12] = [
    "bench", "build", "check", "clippy", "doc", "fetch", "install", "metadata", "run", "rustc",
    "test", "tree",
];

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files below a directory, sorted by name.
pub(crate) fn files_below(directory: &str) -> Vec<PathBuf> {
    let (mut found, mut left) = (Vec::new(), vec![root().join(directory)]);
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The path of a file from the top of the repository.
pub(crate) fn name(path: &Path) -> String {
    let name = path.strip_prefix(root()).unwrap();
    name.to_str().unwrap().to_owned()
}

/// The code of a file, without comments and tests.
pub(super) fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let shipped = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let lines = shipped
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn only_sys_allows_unsafe_code() {
    let manifest = include_str!("../../Cargo.toml");
    assert!(manifest.contains("\nunsafe_code = \"deny\""));
    for path in files_below("src") {
        let allows = code(&path).contains("unsafe_code");
        let may = ["src/sys.rs", "src/checks/tidy.rs"].contains(&name(&path).as_str());
        assert!(!allows || may, "{}", path.display());
    }
}

/// The lines of a script that call cargo without `--locked`.
fn unlocked(script: &str) -> Vec<String> {
    // docker/build sets the arguments for all of its calls once.
    let passes_it_on = script.contains("\nset -- --release --locked ");
    let joined = script.replace("\\\n", " ");
    let lines = joined
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'));
    lines
        .filter(|line| {
            let words: Vec<&str> = line
                .split(|byte: char| byte.is_whitespace() || "`\"'()$;[]".contains(byte))
                .filter(|word| !word.is_empty() && !word.starts_with('+') && *word != "miri")
                .collect();
            let resolves = words
                .windows(2)
                .any(|pair| pair[0] == "cargo" && RESOLVING.contains(&pair[1]));
            let is_locked =
                words.contains(&"--locked") || (passes_it_on && line.contains("\"$@\""));
            resolves && !is_locked
        })
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_call_of_cargo_uses_the_lock_file() {
    let mut calls = 0;
    for path in [".ci", "docker", "tests"].into_iter().flat_map(files_below) {
        // A file that is not text is not a script; sources do not call cargo.
        let Ok(text) = fs::read_to_string(&path) else {
            continue;
        };
        if path.extension().is_some_and(|extension| extension == "rs") {
            continue;
        }
        let script = text.starts_with("#!") || name(&path).contains("Dockerfile");
        if script {
            assert_eq!(unlocked(&text), [""; 0], "{}", path.display());
            calls += text.matches("cargo ").count();
        }
    }
    assert!(calls > 10, "no script was read");
    let example = include_str!("../../Dockerfile.example");
    assert_eq!(unlocked(example), [""; 0]);
}

#[test]
fn a_call_without_the_lock_file_is_found() {
    for script in [
        "cargo build --release",
        "exec cargo test \\\n    --bins",
        "x=$(cargo +nightly miri test)",
        "PATH=a cargo install cargo-deny",
    ] {
        assert_eq!(unlocked(script).len(), 1, "{script}");
    }
    for script in [
        "cargo fmt --check",
        "cargo +nightly miri setup",
        "# ARGUMENTS OF cargo test",
        "cargo test \\\n    --locked",
        "\nset -- --release --locked a\ncargo build \"$@\"",
    ] {
        assert_eq!(unlocked(script), [""; 0], "{script}");
    }
}

/// The example builds with the compiler of which the sizes and the bytes of a release are known.
#[test]
fn the_example_builds_with_the_pinned_compiler() {
    let pinned = include_str!("../../rust-toolchain.toml");
    let (_, version) = pinned.split_once("channel = \"").unwrap();
    let version = version.split('"').next().unwrap();
    let stage = format!("\nFROM rust:{version}-slim-bookworm AS hinit\n");
    assert!(
        include_str!("../../Dockerfile.example").contains(&stage),
        "{stage}"
    );
}
