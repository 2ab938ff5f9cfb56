//! Parses the output of `hinit status`, as text and as JSON.

use std::collections::BTreeMap;

/// The name of a fact in the text, and in JSON.
pub const FACTS: [(&str, &str); 13] = [
    ("verdict", "verdict"),
    ("PID", "pid"),
    ("command", "command"),
    ("state", "state"),
    ("up time", "seconds"),
    ("memory", "memory_bytes"),
    ("threads", "threads"),
    ("open files", "open_files"),
    ("children", "children"),
    ("PID file", "pid_file"),
    ("lock", "lock"),
    ("cgroup", "cgroup_memory_bytes"),
    ("cgroup limit", "cgroup_limit_bytes"),
];

/// The rows of the table, which must be complete and aligned.
#[track_caller]
pub fn rows(text: &str) -> BTreeMap<&str, &str> {
    let rows = text.lines().map(|line| {
        let (name, value) = line.split_at(14);
        assert!(name.ends_with(' ') && !value.starts_with(' '), "{line}");
        assert!(!value.is_empty(), "{line}");
        (name.trim_end(), value)
    });
    let rows: Vec<_> = rows.collect();
    let names = rows.iter().map(|row| row.0);
    assert!(names.eq(FACTS.map(|fact| fact.0)), "{text}");
    rows.into_iter().collect()
}

/// The members of a flat JSON object; strings as JSON text.
#[track_caller]
pub fn members(json: &str) -> BTreeMap<String, String> {
    let bytes = json.as_bytes();
    assert!(json.starts_with('{') && json.ends_with('}'), "{json}");
    let (mut cuts, mut quoted, mut at) = (vec![0], false, 1);
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if quoted => at += 1,
            b'"' => quoted = !quoted,
            byte => assert!(!quoted || byte >= b' ', "a raw control character: {json}"),
        }
        if !quoted && (bytes[at] == b',' || bytes[at] == b'}') {
            cuts.push(at);
        }
        at += 1;
    }
    assert!(!quoted && cuts.last() == Some(&(json.len() - 1)), "{json}");
    let members = cuts.windows(2).map(|cut| {
        let member = json.get(cut[0] + 1..cut[1]).unwrap();
        let (key, value) = member.split_once("\":").unwrap();
        let is_value = value.starts_with('"') || value == "null" || value.parse::<u64>().is_ok();
        assert!(is_value, "{value}");
        (key.strip_prefix('"').unwrap().to_owned(), value.to_owned())
    });
    members.collect()
}
