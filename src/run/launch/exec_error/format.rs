//! The format of an executable file, from its first bytes. Pure; no bytes make it panic.

use super::elf::Elf;
use crate::error::BadFormat;

/// The formats that the kernel tells apart by the first bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Format<'a> {
    /// With the interpreter after `#!`.
    Script(&'a [u8]),
    Elf(Elf),
    /// None of them.
    Bad(BadFormat),
}

impl<'a> Format<'a> {
    /// `head` is the whole file, or at least its first [`FIRST_LINE`] bytes.
    pub(super) fn of(head: &'a [u8]) -> Self {
        if let Some(line) = head.strip_prefix(b"#!") {
            return script(line);
        }
        match head {
            [] => Self::Bad(BadFormat::Empty),
            [0x7f, b'E', b'L', b'F', ..] => {
                Elf::parse(head).map_or(Self::Bad(BadFormat::DamagedElf), Self::Elf)
            }
            [0xef, 0xbb, 0xbf, b'#', b'!', ..] => Self::Bad(BadFormat::ByteOrderMark),
            [0xcf, 0xfa, 0xed, 0xfe, ..] => Self::Bad(BadFormat::MacOs),
            [b'M', b'Z', ..] => Self::Bad(BadFormat::Windows),
            _ => Self::Bad(BadFormat::Unknown),
        }
    }
}

/// How many bytes of a script the kernel reads (`BINPRM_BUF_SIZE`).
const FIRST_LINE: usize = 256;

/// A script, from the bytes after its `#!`. As in the kernel, the interpreter ends at a blank, a NUL, the newline or
/// the end of the file. A carriage return is a part of it.
fn script(rest: &[u8]) -> Format<'_> {
    let (seen, is_cut) = match rest.get(..FIRST_LINE - 2) {
        Some(seen) => (seen, true),
        None => (rest, false),
    };
    let (line, is_whole) = match seen.iter().position(|&byte| byte == b'\n') {
        Some(end) => (seen.get(..end).unwrap_or_default(), true),
        None => (seen, !is_cut),
    };
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let name = line.iter().position(|byte| !is_blank(byte));
    let name = name.and_then(|start| line.get(start..)).unwrap_or_default();
    let end = name.iter().position(|byte| is_blank(byte) || *byte == 0);
    match end.map_or(name, |end| name.get(..end).unwrap_or_default()) {
        [] => Format::Bad(BadFormat::NoInterpreter),
        _ if !is_whole && end.is_none() => Format::Bad(BadFormat::LongFirstLine),
        interpreter => Format::Script(interpreter),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ExecFault;

    const DAMAGED: &str = "it is an ELF file, but damaged or not a program";

    #[test]
    fn the_interpreter_of_a_script() {
        let no_name = Format::Bad(BadFormat::NoInterpreter);
        for (head, expected) in [
            ("#!/bin/sh\necho\n", Some("/bin/sh")),
            ("#! \t/bin/sh -e x\n", Some("/bin/sh")),
            ("#!/bin/sh", Some("/bin/sh")),
            ("#!/bin/sh\0x\n", Some("/bin/sh")),
            ("#!/bin/sh\r\necho\r\n", Some("/bin/sh\r")),
            ("#!/bin/sh -e\r\n", Some("/bin/sh")),
            ("#!\r\n", Some("\r")),
            ("#!\n/bin/sh\n", None),
            ("#! \t", None),
            ("#!", None),
        ] {
            let format = Format::of(head.as_bytes());
            let expected = expected.map(|name| Format::Script(name.as_bytes()));
            assert_eq!(&format, expected.as_ref().unwrap_or(&no_name), "{head:?}");
        }
    }

    #[test]
    fn a_first_line_may_be_too_long() {
        for (more, is_found) in [(253, true), (254, false), (5000, false)] {
            let name = format!("/{}", "x".repeat(more - 1));
            let head = format!("#!{name}\n");
            assert_eq!(
                Format::of(head.as_bytes()) == Format::Script(name.as_bytes()),
                is_found,
                "{more}"
            );
        }
        // The interpreter counts as soon as something ends it.
        let head = format!("#!/bin/sh {}", "x".repeat(5000));
        assert_eq!(Format::of(head.as_bytes()), Format::Script(b"/bin/sh"));
    }

    #[test]
    fn other_formats_are_not_executable() {
        for (head, text) in [
            (&b""[..], "it is empty"),
            (b"echo\n", "it is neither a binary nor a script with `#!`"),
            (b"#", "it is neither a binary nor a script with `#!`"),
            (
                b"\xef\xbb\xbf#!/bin/sh\n",
                "it starts with a byte order mark, not with `#!`",
            ),
            (
                b"\xcf\xfa\xed\xfe\x07",
                "it is built for macOS, this is Linux",
            ),
            (b"MZ\x90", "it is built for Windows, this is Linux"),
            (b"\x7fELF", DAMAGED),
            (b"\x7fELF\x03\x01", DAMAGED),
        ] {
            match Format::of(head) {
                Format::Bad(format) => assert_eq!(ExecFault::Format(format).to_string(), text),
                other => panic!("{other:?}"),
            }
        }
    }
}
