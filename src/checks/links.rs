//! Checks that every link in the documentation leads to a file, and to a heading of it.

use std::fs;
use std::path::{Path, PathBuf};

use super::tidy::{files_below, name, root};

/// The pages of the documentation.
pub(super) fn pages() -> Vec<PathBuf> {
    let mut pages = vec![root().join("README.md"), root().join("CHANGELOG.md")];
    let others = ["docker", "tests", ".github"].into_iter();
    let others = others.filter(|directory| root().join(directory).is_dir());
    pages.extend(others.flat_map(files_below).filter(|path| {
        path.extension().is_some_and(|extension| extension == "md")
            // What a build has put there.
            && !path.components().any(|part| part.as_os_str() == "target")
    }));
    pages
}

/// The text without blocks of code.
fn prose(page: &str) -> String {
    let blocks = page.split("```").step_by(2);
    let lines = blocks.flat_map(str::lines);
    let lines = lines.filter(|line| !line.starts_with("    "));
    lines.collect::<Vec<_>>().join("\n")
}

/// The targets of the links.
fn links(page: &str) -> Vec<String> {
    let prose = prose(page);
    let targets = prose.split("](").skip(1);
    let targets = targets.filter_map(|rest| Some(rest.split_once(')')?.0));
    targets.map(str::to_owned).collect()
}

/// The names that GitHub gives the headings.
fn anchors(page: &str) -> Vec<String> {
    let prose = prose(page);
    let headings = prose.lines().filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| {
        let text = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = text
            .chars()
            .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.collect::<String>().replace(' ', "-")
    };
    headings.map(anchor).collect()
}

/// Why this link of this page leads nowhere.
fn fault(page: &Path, link: &str) -> Option<String> {
    if link.starts_with("http://") || link.starts_with("https://") {
        return None;
    }
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = match file {
        "" => page.to_owned(),
        file => page.parent().unwrap().join(file),
    };
    if !target.exists() {
        return Some(format!("{}: no file {link}", name(page)));
    }
    let has_anchor = || anchors(&fs::read_to_string(&target).unwrap()).contains(&anchor.to_owned());
    (!anchor.is_empty() && !has_anchor()).then(|| format!("{}: no heading {link}", name(page)))
}

#[test]
fn every_link_leads_somewhere() {
    let mut count = 0;
    for page in pages() {
        for link in links(&fs::read_to_string(&page).unwrap()) {
            assert_eq!(fault(&page, &link), None);
            count += 1;
        }
    }
    assert!(count > 60, "{count}");
}

#[test]
fn a_link_that_leads_nowhere_is_found() {
    let page = root().join("README.md");
    for link in ["LICENSE", "#hinit", "docker/guide/stopping.md#what-to-set"] {
        assert_eq!(fault(&page, link), None, "{link}");
    }
    for link in ["LICENCE", "#no", "docker/guide/stopping.md#no"] {
        assert!(fault(&page, link).is_some(), "{link}");
    }
    let text = "[a](b) `c`\n```\n[d](e)\n```\n# F g: `h`!\n    [i](j)\n";
    assert_eq!(links(text), ["b"]);
    assert_eq!(anchors(text), ["f-g-h"]);
}
