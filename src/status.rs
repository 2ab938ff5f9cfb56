//! `hinit status`: facts about the server, as a table or as JSON.

use std::fmt::{Display, Write};

use nix::unistd::isatty;

use crate::cli::Status;
use crate::error::exit_code;
use crate::json::write_object;
use crate::lookup::{Purpose, find_server};
use crate::output::print_text;
use crate::sys::STDOUT;

mod facts;

use facts::{Fact, Value, facts};

/// The maximum length of a text in JSON, which is enough for most command lines.
const MAX_TEXT: usize = 4096;

/// Prints the status, and returns the exit code: 1 if the server is not healthy, or if printing failed.
#[inline(never)]
pub(crate) fn status(options: &Status) -> u8 {
    let (verdict, facts) = match find_server(&options.pid_file, options.foreign, Purpose::Report) {
        Ok(server) => (server.verdict, facts(&server.file)),
        Err(verdict) => (verdict, Vec::new()),
    };
    let is_healthy = verdict.is_healthy();
    let text = if options.json {
        json(&verdict, &facts)
    } else {
        let in_colour = !options.plain && isatty(STDOUT) == Ok(true);
        table(&verdict, is_healthy, &facts, in_colour)
    };
    if print_text(&text) && is_healthy {
        0
    } else {
        exit_code::REFUSED
    }
}

/// One line for each fact, with the values in one column.
fn table(verdict: &dyn Display, is_healthy: bool, facts: &[Fact], in_colour: bool) -> String {
    let colour = match (in_colour, is_healthy) {
        (false, _) => ["", ""],
        (true, true) => ["\x1b[32m", "\x1b[0m"],
        (true, false) => ["\x1b[31m", "\x1b[0m"],
    };
    let mut text = String::new();
    push_row(&mut text, "verdict", colour, verdict);
    for Fact { name, value, .. } in facts {
        match value {
            Ok(value) => push_row(&mut text, name, ["", ""], value),
            Err(why) => push_row(&mut text, name, ["(", ")"], why),
        }
    }
    text
}

fn push_row(text: &mut String, name: &str, [start, end]: [&str; 2], value: &dyn Display) {
    // A path or a command may contain control characters.
    let value = value.to_string().replace(char::is_control, "?");
    // Writing to a String cannot fail.
    let _ok = writeln!(text, "{name:14}{start}{value}{end}");
}

/// One object. A fact that is not known is null, with the reason beside it.
fn json(verdict: &dyn Display, facts: &[Fact]) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ok = write_object(&mut text, |json| {
        json.key("verdict").string(verdict, MAX_TEXT);
        for Fact { key, value, .. } in facts {
            json.key(key);
            match value {
                Ok(Value::Text(text)) => json.string(text, MAX_TEXT),
                Ok(Value::Number(number) | Value::Bytes(number)) => json.number(Some(*number)),
                Ok(Value::Time(time)) => json.number(Some(time.as_secs())),
                Err(why) => {
                    json.number(None);
                    json.key(&format!("{key}_reason")).string(why, MAX_TEXT);
                }
            }
        }
    });
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use nix::errno::Errno;

    use super::*;
    use facts::Unknown;

    fn some_facts() -> [Fact; 4] {
        let fact = |name, key, value| Fact { name, key, value };
        [
            fact("command", "command", Ok(Value::Text("a \"b\"".into()))),
            fact(
                "up time",
                "seconds",
                Ok(Value::Time(Duration::from_secs(125))),
            ),
            fact("memory", "memory_bytes", Ok(Value::Bytes(1_572_864))),
            fact(
                "open files",
                "open_files",
                Err(Unknown::Errno(Errno::EACCES)),
            ),
        ]
    }

    #[test]
    fn a_table() {
        let plain = "\
verdict       healthy: process 7 is alive
command       a \"b\"
up time       2m05s
memory        1.5 MiB
open files    (Permission denied)
";
        let verdict = "healthy: process 7 is alive";
        assert_eq!(table(&verdict, true, &some_facts(), false), plain);
        let green = plain.replacen(verdict, "\x1b[32mhealthy: process 7 is alive\x1b[0m", 1);
        assert_eq!(table(&verdict, true, &some_facts(), true), green);
        assert_eq!(
            table(&"x", false, &[], true),
            "verdict       \x1b[31mx\x1b[0m\n"
        );
    }

    #[test]
    fn json_has_null_and_a_reason_for_an_unknown_fact() {
        assert_eq!(
            json(&"x \"y\"", &some_facts()),
            "{\"verdict\":\"x \\\"y\\\"\",\"command\":\"a \\\"b\\\"\",\"seconds\":125,\
             \"memory_bytes\":1572864,\"open_files\":null,\
             \"open_files_reason\":\"Permission denied\"}\n"
        );
    }
}
