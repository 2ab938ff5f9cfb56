//! The top-level modules are layers: src/main.rs lists them, and no module uses one above it.

use super::tidy::{code, files_below, name};

const MAIN: &str = include_str!("../main.rs");

/// Parts of the paths of files that only tests use. These may use any module.
const TESTS: [&str; 4] = ["src/checks", "/fuzz.rs", "/tests.rs", "/tests/"];

/// The modules in the order of the list in src/main.rs, from the top to the bottom.
fn layers() -> Vec<&'static str> {
    let lines = MAIN.lines().filter_map(|line| line.strip_prefix("//! - `"));
    let names = lines.map(|line| line.split_once("`: ").unwrap().0);
    names.flat_map(|names| names.split("`, `")).collect()
}

/// The top-level modules that this code names by their full path.
fn used(code: &str) -> Vec<&str> {
    let paths = code.split("crate::").skip(1);
    let is_name = |byte: char| byte.is_ascii_lowercase() || byte == '_';
    paths
        .map(|path| path.split_once(|byte| !is_name(byte)).unwrap_or((path, "")))
        .map(|(module, _)| module)
        .collect()
}

#[test]
fn the_list_of_layers_contains_each_module() {
    let declared = MAIN.lines().filter_map(|line| line.strip_prefix("mod "));
    let declared = declared.map(|line| line.trim_end_matches(';'));
    let mut expected: Vec<&str> = declared.filter(|module| *module != "checks").collect();
    expected.push("main");
    let mut listed = layers();
    expected.sort_unstable();
    listed.sort_unstable();
    assert_eq!(listed, expected);
}

#[test]
fn no_module_uses_one_above_it() {
    let layers = layers();
    let layer_of = |module: &str| layers.iter().position(|layer| *layer == module);
    let mut uses = 0;
    for path in files_below("src") {
        let file = name(&path);
        if TESTS.iter().any(|test| file.contains(test)) {
            continue;
        }
        let module = file.trim_start_matches("src/").split(['/', '.']).next();
        let own = layer_of(module.unwrap()).unwrap();
        for module in used(&code(&path)) {
            let layer = layer_of(module);
            assert!(layer.is_some_and(|layer| layer >= own), "{file}: {module}");
            uses += 1;
        }
    }
    assert!(uses > 200, "{uses} uses were read");
}

#[test]
fn each_path_from_the_top_is_found() {
    let code = "use crate::file::{self, Entry};\ncall(crate::sys::pause)\nuse crate::{text};";
    assert_eq!(used(code), ["file", "sys", ""]);
}
