//! Binaries for another machine or libc, and damaged ones.

use std::env::consts::ARCH;
use std::fs::{self};

use super::{Field, assert_refused, binary, file, loader, set, with_loader};
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
