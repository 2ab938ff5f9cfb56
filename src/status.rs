//! `hinit status`: what the server is and does, for people or as JSON.

use std::fmt::Write;

use nix::unistd::isatty;

use crate::cli::Status;
use crate::error::exit_code;
use crate::lookup::inspect;
use crate::output::print_text;
use crate::sys::STDOUT;
use crate::text::Quoted;

mod facts;

use facts::{Fact, Value, facts};

/// Long enough for any command line that somebody reads.
const MAX: usize = 4096;

/// Shows it; returns the exit code: 1 if it is not healthy, or not all could be shown.
#[inline(never)]
pub(crate) fn status(options: &Status) -> u8 {
    let found = inspect(&options.pid_file, options.foreign);
    let (verdict, file) = match found {
        Ok(found) => (found.verdict, Some(found.file)),
        Err(verdict) => (verdict, None),
    };
    let facts = file.map(|file| facts(&file)).unwrap_or_default();
    let (is_well, verdict) = (verdict.is_healthy(), verdict.to_string());
    let text = if options.json {
        json(&verdict, &facts)
    } else {
        let in_colour = !options.plain && isatty(STDOUT) == Ok(true);
        table(&verdict, is_well, &facts, in_colour)
    };
    if print_text(&text) && is_well {
        0
    } else {
        exit_code::REFUSED
    }
}

/// One line for each fact, with the values below each other.
fn table(verdict: &str, is_well: bool, facts: &[Fact], in_colour: bool) -> String {
    const WIDTH: usize = 14;
    let (colour, end) = match (in_colour, is_well) {
        (false, _) => ("", ""),
        (true, true) => ("\x1b[32m", "\x1b[0m"),
        (true, false) => ("\x1b[31m", "\x1b[0m"),
    };
    let verdict = in_one_row(verdict);
    let mut text = format!("{:WIDTH$}{colour}{verdict}{end}\n", "verdict");
    for Fact { name, value, .. } in facts {
        let value = match value {
            Ok(value) => value.to_string(),
            Err(why) => format!("({why})"),
        };
        // Writing to a String cannot fail.
        let _ok = writeln!(text, "{name:WIDTH$}{}", in_one_row(&value));
    }
    text
}

/// A path or a command may hold anything.
fn in_one_row(text: &str) -> String {
    text.replace(char::is_control, "?")
}

/// One object; what could not be found out is null, with the reason beside it.
fn json(verdict: &str, facts: &[Fact]) -> String {
    let mut json = format!("{{\"verdict\":{}", Quoted(verdict, MAX));
    for Fact { key, value, .. } in facts {
        let _ok = match value {
            Ok(Value::Text(text)) => write!(json, ",\"{key}\":{}", Quoted(text, MAX)),
            Ok(Value::Number(number) | Value::Bytes(number)) => {
                write!(json, ",\"{key}\":{number}")
            }
            Ok(Value::Time(time)) => write!(json, ",\"{key}\":{}", time.as_secs()),
            Err(why) => write!(
                json,
                ",\"{key}\":null,\"{key}_reason\":{}",
                Quoted(why, MAX)
            ),
        };
    }
    json.push_str("}\n");
    json
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

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
            fact("open files", "open_files", Err("Permission denied".into())),
        ]
    }

    #[test]
    fn for_people() {
        let plain = "\
verdict       healthy: process 7 is alive
command       a \"b\"
up time       2m05s
memory        1.5 MiB
open files    (Permission denied)
";
        let verdict = "healthy: process 7 is alive";
        assert_eq!(table(verdict, true, &some_facts(), false), plain);
        let green = plain.replacen(verdict, "\x1b[32mhealthy: process 7 is alive\x1b[0m", 1);
        assert_eq!(table(verdict, true, &some_facts(), true), green);
        assert_eq!(
            table("x", false, &[], true),
            "verdict       \x1b[31mx\x1b[0m\n"
        );
    }

    #[test]
    fn for_programs() {
        assert_eq!(
            json("x \"y\"", &some_facts()),
            "{\"verdict\":\"x \\\"y\\\"\",\"command\":\"a \\\"b\\\"\",\"seconds\":125,\
             \"memory_bytes\":1572864,\"open_files\":null,\
             \"open_files_reason\":\"Permission denied\"}\n"
        );
    }
}
