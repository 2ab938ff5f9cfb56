//! Binaries for another machine or libc, and damaged ones.

use std::env::consts::ARCH;
use std::fs;
use std::ops::Range;

use super::{assert_refused, file};
use crate::support::*;

/// This machine, by the name that messages have for it.
const MACHINE: &str = if cfg!(target_arch = "x86") {
    "32-bit x86"
} else {
    ARCH
};

/// The binary with the machine field of the other architecture.
fn foreign() -> (Vec<u8>, &'static str) {
    const MACHINE_FIELD: Field = (18, 2);
    let (number, name) = if ARCH == "aarch64" {
        (62, "x86_64")
    } else {
        (183, "aarch64")
    };
    let mut bytes = binary();
    set(&mut bytes, MACHINE_FIELD, number);
    (bytes, name)
}

/// A real binary of this machine, linked dynamically.
pub(super) fn binary() -> Vec<u8> {
    fs::read("/bin/true").unwrap()
}

/// The binary with another path of its loader (`PT_INTERP`, elf(5)).
pub(super) fn with_loader(loader: &str) -> Vec<u8> {
    let mut bytes = binary();
    let (start, length) = loader_fields(&bytes);
    let end = bytes.len();
    set(&mut bytes, start, end);
    // The kernel requires a NUL as the last byte of the path.
    set(&mut bytes, length, loader.len() + 1);
    bytes.extend(loader.as_bytes());
    bytes.push(0);
    bytes
}

/// The loader of the binary.
fn loader() -> String {
    let bytes = binary();
    let (start, length) = loader_fields(&bytes);
    let path = &bytes[get(&bytes, start)..][..get(&bytes, length) - 1];
    String::from_utf8(path.to_vec()).unwrap()
}

/// A field of an ELF file: where it is, and its size.
type Field = (usize, usize);

/// The fields in the file's program header of its loader: where its path is, and its length with a NUL.
fn loader_fields(bytes: &[u8]) -> (Field, Field) {
    const PT_INTERP: usize = 3;
    let (header, start, length) = if bytes[4] == 2 {
        ([(32, 8), (54, 2), (56, 2)], (8, 8), (32, 8))
    } else {
        ([(28, 4), (42, 2), (44, 2)], (4, 4), (16, 4))
    };
    let [headers, size, count] = header.map(|field| get(bytes, field));
    let mut headers = (0..count).map(|index| headers + index * size);
    let at = headers
        .find(|&at| get(bytes, (at, 4)) == PT_INTERP)
        .unwrap();
    ((at + start.0, start.1), (at + length.0, length.1))
}

fn get(bytes: &[u8], (at, size): Field) -> usize {
    let mut number = [0; size_of::<usize>()];
    number[low_bytes(size)].copy_from_slice(&bytes[at..at + size]);
    usize::from_ne_bytes(number)
}

fn set(bytes: &mut [u8], (at, size): Field, number: usize) {
    bytes[at..at + size].copy_from_slice(&number.to_ne_bytes()[low_bytes(size)]);
}

/// Where the low bytes of a number are: the binary is one of this machine, and has its byte order.
fn low_bytes(size: usize) -> Range<usize> {
    if cfg!(target_endian = "big") {
        size_of::<usize>() - size..size_of::<usize>()
    } else {
        0..size
    }
}

in_both_modes!(each_wrong_binary_is_named);

fn each_wrong_binary_is_named(mode: Mode) {
    let dir = TempDir::new();
    let path = dir.join("binary");
    let (foreign, machine) = foreign();
    file(&dir.join("plain"), binary(), 0o644);
    let no_loader = dir.join("plain").to_str().unwrap().to_owned();
    for (contents, reason) in [
        (
            foreign,
            format!("it is built for {machine}, this is {MACHINE}"),
        ),
        (
            with_loader("/no/such/ld.so"),
            "its loader `/no/such/ld.so` is not there".into(),
        ),
        (
            with_loader("/tmp"),
            "its loader `/tmp` cannot run: it is a directory".into(),
        ),
        (
            with_loader("/etc/passwd"),
            "its loader `/etc/passwd` cannot run: no execute permission".into(),
        ),
        (
            binary()[..40].to_vec(),
            "it is an ELF file, but damaged or not a program".into(),
        ),
    ] {
        file(&path, contents, 0o755);
        assert_refused(mode, &path, 126, &reason);
    }
    // The file of the interpreter is checked as well.
    file(&path, format!("#!{no_loader}\n"), 0o755);
    assert_refused(
        mode,
        &path,
        126,
        &format!("its interpreter `{no_loader}` cannot run: no execute permission"),
    );
    file(&path, binary(), 0o755);
    assert_eq!(Start::new(mode).no_pid_file().args([&path]).run().code, 0);
}

#[test]
fn a_binary_for_a_libc_that_the_image_lacks() {
    // Debian has glibc.
    let glibc = &*loader();
    let architecture = if ARCH == "x86" { "i386" } else { ARCH };
    let musl = format!("/lib/ld-musl-{architecture}.so.1");
    let for_musl = with_loader(&musl);
    for (contents, loader, present, reason) in [
        (&for_musl, &*musl, Some(glibc), "musl, this image has glibc"),
        (&binary(), glibc, Some(&*musl), "glibc, this image has musl"),
        (&binary(), glibc, None, "glibc, this image has no libc"),
    ] {
        let image = TempDir::new();
        copy_program(&hinit(), &image.join("hinit"));
        file(&image.join("app"), contents, 0o755);
        for directory in ["lib", "lib64"] {
            fs::create_dir(image.join(directory)).unwrap();
        }
        if let Some(present) = present {
            fs::write(image.join(present.trim_start_matches('/')), "").unwrap();
        }
        let script = "chroot \"$1\" /hinit --no-pid-file /app || echo $?";
        let ended = in_mount_namespace(script, &[image.as_ref().as_os_str()]);
        let line = format!(
            "hinit: cannot run `/app`: its loader `{loader}` is not there: it is built for {reason}"
        );
        assert_eq!((ended.log, ended.stdout.as_str()), (line, "126"));
    }
}
