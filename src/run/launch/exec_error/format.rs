//! The format of an executable file, from its first bytes. Pure; no bytes make it panic.

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

/// The fields of a binary's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Elf {
    machine: u64,
    is_wide: bool,
    is_little_endian: bool,
    pub(super) program_headers: Range,
    program_header_size: usize,
}

/// A part of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) start: u64,
    pub(super) length: u64,
}

impl Elf {
    fn parse(head: &[u8]) -> Option<Self> {
        let is_wide = match head.get(4)? {
            1 => false,
            2 => true,
            _ => return None,
        };
        let is_little_endian = match head.get(5)? {
            1 => true,
            2 => false,
            _ => return None,
        };
        let field = |location| number(head, location, is_little_endian);
        let [start, size, count] = if is_wide {
            [(32, 8), (54, 2), (56, 2)]
        } else {
            [(28, 4), (42, 2), (44, 2)]
        };
        let size = field(size)?;
        Some(Self {
            machine: field((18, 2))?,
            is_wide,
            is_little_endian,
            program_headers: Range {
                start: field(start)?,
                length: size * field(count)?,
            },
            program_header_size: usize::try_from(size).ok()?,
        })
    }

    /// The machine that it is built for; std's name of it, where std has one.
    pub(super) fn machine(&self) -> &'static str {
        match self.machine {
            3 => "32-bit x86",
            21 if self.is_little_endian => "powerpc64le",
            21 => "powerpc64",
            22 => "s390x",
            40 => "32-bit arm",
            62 => "x86_64",
            183 => "aarch64",
            243 => "riscv64",
            258 => "loongarch64",
            _ => "another machine",
        }
    }

    /// The range of the file that contains the path of its loader (`PT_INTERP`) and a NUL.
    pub(super) fn loader(&self, program_headers: &[u8]) -> Option<Range> {
        const PT_INTERP: u64 = 3;
        // chunks_exact(0) would panic.
        let mut headers = program_headers.chunks_exact(self.program_header_size.max(1));
        let [start, length] = if self.is_wide {
            [(8, 8), (32, 8)]
        } else {
            [(4, 4), (16, 4)]
        };
        headers.find_map(|header| {
            let field = |location| number(header, location, self.is_little_endian);
            (field((0, 4))? == PT_INTERP).then_some(Range {
                start: field(start)?,
                length: field(length)?,
            })
        })
    }
}

/// The number of `size` bytes at offset `at`.
fn number(bytes: &[u8], (at, size): (usize, usize), is_little_endian: bool) -> Option<u64> {
    let field = bytes.get(at..)?.get(..size)?;
    let append = |number, &byte| number << 8 | u64::from(byte);
    Some(if is_little_endian {
        field.iter().rev().fold(0, append)
    } else {
        field.iter().fold(0, append)
    })
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

    /// A header, then one program header of another kind and that of the loader.
    fn elf(machine: u16, is_wide: bool, is_little_endian: bool) -> Vec<u8> {
        let mut bytes = vec![0; if is_wide { 64 + 2 * 56 } else { 52 + 2 * 32 }];
        let mut put = |at: usize, size: usize, number: u8| {
            bytes[if is_little_endian { at } else { at + size - 1 }] = number;
        };
        if is_wide {
            for (at, size, number) in [(32, 8, 64), (54, 2, 56), (56, 2, 2)] {
                put(at, size, number);
            }
            for (at, size, number) in [(64, 4, 6), (120, 4, 3), (128, 8, 200), (152, 8, 20)] {
                put(at, size, number);
            }
        } else {
            for (at, size, number) in [(28, 4, 52), (42, 2, 32), (44, 2, 2)] {
                put(at, size, number);
            }
            for (at, size, number) in [(52, 4, 6), (84, 4, 3), (88, 4, 200), (100, 4, 20)] {
                put(at, size, number);
            }
        }
        let machine = if is_little_endian {
            machine.to_le_bytes()
        } else {
            machine.to_be_bytes()
        };
        bytes[18..20].copy_from_slice(&machine);
        let ident = [1 + u8::from(is_wide), 2 - u8::from(is_little_endian)];
        bytes[..4].copy_from_slice(b"\x7fELF");
        bytes[4..6].copy_from_slice(&ident);
        bytes
    }

    fn parsed(bytes: &[u8]) -> Elf {
        match Format::of(bytes) {
            Format::Elf(elf) => elf,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_machine_and_the_loader_of_a_binary() {
        for (machine, is_wide, is_little_endian, name) in [
            (62, true, true, "x86_64"),
            (183, true, true, "aarch64"),
            (3, false, true, "32-bit x86"),
            (40, false, true, "32-bit arm"),
            (22, true, false, "s390x"),
            (21, true, false, "powerpc64"),
            (21, true, true, "powerpc64le"),
            (243, true, true, "riscv64"),
            (258, true, true, "loongarch64"),
            (99, true, true, "another machine"),
        ] {
            let bytes = elf(machine, is_wide, is_little_endian);
            let elf = parsed(&bytes);
            let Range { start, length } = elf.program_headers;
            assert_eq!(start + length, bytes.len() as u64);
            assert_eq!(elf.machine(), name);
            let headers = &bytes[usize::try_from(start).unwrap()..];
            let expected = Range {
                start: 200,
                length: 20,
            };
            assert_eq!(elf.loader(headers), Some(expected), "{name}");
            assert_eq!(elf.loader(&headers[..headers.len() - 1]), None, "{name}");
        }
    }

    #[test]
    fn no_bytes_make_it_panic() {
        for is_wide in [false, true] {
            let whole = elf(62, is_wide, true);
            for length in 0..whole.len() {
                let _any = Format::of(&whole[..length]);
            }
            for at in 6..whole.len() {
                for byte in [0, 1, 0xff] {
                    let mut bytes = whole.clone();
                    bytes[at] = byte;
                    let _any = parsed(&bytes).loader(&bytes);
                }
            }
        }
    }
}
