//! The parts of an ELF file that say what it is built for (elf(5)). Pure; no bytes make it panic.

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
    pub(super) fn parse(head: &[u8]) -> Option<Self> {
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

    /// The machine that it is built for. hinit's own is [`crate::error::THIS_MACHINE`].
    pub(super) fn machine(&self) -> &'static str {
        match self.machine {
            3 => "32-bit x86",
            21 if self.is_little_endian => "powerpc64le",
            21 => "powerpc64",
            22 => "s390x",
            40 => "32-bit arm",
            62 => "x86_64",
            183 => "aarch64",
            243 if self.is_wide => "riscv64",
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
    use std::fs::File;
    use std::io::Read;

    use super::super::format::Format;
    use super::*;

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
            (243, false, true, "another machine"),
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
    fn this_binary_is_for_this_machine() {
        let mut head = [0; 64];
        let path = std::env::current_exe().unwrap();
        File::open(path).unwrap().read_exact(&mut head).unwrap();
        assert_eq!(parsed(&head).machine(), crate::error::THIS_MACHINE);
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
