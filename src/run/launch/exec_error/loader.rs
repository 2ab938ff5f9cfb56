//! The loaders by which the kernel starts a dynamically linked binary: which libc one belongs to.

use std::ffi::CStr;

use crate::error::{ExecFault, Libc};

/// The loaders of this machine, which its ABIs define. On 32-bit arm either way to pass floating-point numbers has
/// loaders of its own, and hinit runs beside both.
const LOADERS: &[(Libc, &CStr)] = if cfg!(target_arch = "x86_64") {
    &[
        (Libc::Musl, c"/lib/ld-musl-x86_64.so.1"),
        (Libc::Glibc, c"/lib64/ld-linux-x86-64.so.2"),
    ]
} else if cfg!(target_arch = "aarch64") {
    &[
        (Libc::Musl, c"/lib/ld-musl-aarch64.so.1"),
        (Libc::Glibc, c"/lib/ld-linux-aarch64.so.1"),
    ]
} else if cfg!(target_arch = "x86") {
    &[
        (Libc::Musl, c"/lib/ld-musl-i386.so.1"),
        (Libc::Glibc, c"/lib/ld-linux.so.2"),
    ]
} else if cfg!(target_arch = "arm") {
    &[
        (Libc::Musl, c"/lib/ld-musl-armhf.so.1"),
        (Libc::Musl, c"/lib/ld-musl-arm.so.1"),
        (Libc::Glibc, c"/lib/ld-linux-armhf.so.3"),
        (Libc::Glibc, c"/lib/ld-linux.so.3"),
    ]
} else if cfg!(target_arch = "powerpc64") {
    &[
        (Libc::Musl, c"/lib/ld-musl-powerpc64le.so.1"),
        (Libc::Glibc, c"/lib64/ld64.so.2"),
    ]
} else if cfg!(target_arch = "riscv64") {
    &[
        (Libc::Musl, c"/lib/ld-musl-riscv64.so.1"),
        (Libc::Glibc, c"/lib/ld-linux-riscv64-lp64d.so.1"),
    ]
} else if cfg!(target_arch = "s390x") {
    &[
        (Libc::Musl, c"/lib/ld-musl-s390x.so.1"),
        (Libc::Glibc, c"/lib/ld64.so.1"),
    ]
} else {
    &[]
};

/// The reason, if a binary with this loader is built for a libc that the image lacks.
pub(super) fn other_libc(loader: &[u8], exists: impl Fn(&CStr) -> bool) -> Option<ExecFault> {
    // Some distributions have it in another directory, by the same name.
    let is_name = |path: &CStr| name(path.to_bytes()) == name(loader);
    let &(wanted, _) = LOADERS.iter().find(|(_, path)| is_name(path))?;
    let mut present = None;
    for &(libc, path) in LOADERS {
        if exists(path) {
            if libc == wanted {
                return None;
            }
            present = Some(libc);
        }
    }
    Some(ExecFault::OtherLibc { wanted, present })
}

fn name(path: &[u8]) -> Option<&[u8]> {
    path.rsplit(|&byte| byte == b'/').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_libc_is_named() {
        let path = |wanted| {
            let (_, path) = LOADERS.iter().find(|(libc, _)| *libc == wanted).unwrap();
            path.to_str().unwrap()
        };
        let (musl, glibc) = (path(Libc::Musl), path(Libc::Glibc));
        let elsewhere = &*format!("/nix/store/x-glibc-2.40{glibc}");
        let other_machines = "/lib/ld-linux-mips.so.1";
        for (loader, image, expected) in [
            (
                musl,
                &[glibc][..],
                Some("it is built for musl, this image has glibc"),
            ),
            (
                glibc,
                &[musl],
                Some("it is built for glibc, this image has musl"),
            ),
            (
                elsewhere,
                &[musl],
                Some("it is built for glibc, this image has musl"),
            ),
            (elsewhere, &[glibc], None),
            (
                musl,
                &[],
                Some("it is built for musl, this image has no libc"),
            ),
            (
                glibc,
                &[],
                Some("it is built for glibc, this image has no libc"),
            ),
            (musl, &[musl, glibc], None),
            (other_machines, &[glibc], None),
            ("/lib/ld.so", &[glibc], None),
            ("", &[glibc], None),
        ] {
            let found = other_libc(loader.as_bytes(), |path| {
                image
                    .iter()
                    .any(|there| there.as_bytes() == path.to_bytes())
            });
            let text = found.map(|fault| fault.to_string());
            assert_eq!(text.as_deref(), expected, "{loader}");
        }
    }
}
