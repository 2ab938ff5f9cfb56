//! What `--version` prints. It is put together at compile time, which makes the binary smaller.

/// Which build this is: docker/build sets `HINIT_BUILD`.
const BUILD: &str = match option_env!("HINIT_BUILD") {
    Some(build) => build,
    None => "cargo",
};

/// docker/build sets it.
const COMMIT: &str = match option_env!("HINIT_COMMIT") {
    Some(commit) => commit,
    None => "unknown",
};

/// The name that docker/machines has for it.
const MACHINE: &str = match option_env!("HINIT_MACHINE") {
    Some(machine) => machine,
    None => std::env::consts::ARCH,
};

const LIBC: &str = if cfg!(target_env = "musl") {
    "musl"
} else {
    "glibc"
};

const FEATURES: &str = if cfg!(feature = "tls") { "tls" } else { "none" };

macro_rules! version {
    ($build:literal) => {
        concat!("hinit ", env!("CARGO_PKG_VERSION"), " (", $build, ")\n")
    };
}

const LINE: &str = match BUILD.as_bytes() {
    _ if !cfg!(target_feature = "crt-static") => version!("dynamically linked, built by cargo"),
    b"stable" => version!("static, stable build"),
    b"tiny" => version!("static, tiny build"),
    b"tls" => version!("static, TLS build"),
    _ => version!("static, built by cargo"),
};

/// With what a report of a fault needs.
const PARTS: [&str; 13] = [
    LINE,
    concat!("version: ", env!("CARGO_PKG_VERSION")),
    "\ncommit: ",
    COMMIT,
    "\nbuild: ",
    BUILD,
    "\nmachine: ",
    MACHINE,
    "\nlibc: ",
    LIBC,
    "\nfeatures: ",
    FEATURES,
    "\n",
];

const fn length() -> usize {
    let (mut length, mut parts) = (0, PARTS.as_slice());
    while let [part, rest @ ..] = parts {
        length += part.len();
        parts = rest;
    }
    length
}

const fn joined() -> [u8; length()] {
    let mut joined = [0; length()];
    let (mut left, mut parts) = (joined.as_mut_slice(), PARTS.as_slice());
    while let [part, rest @ ..] = parts {
        let (space, after) = left.split_at_mut(part.len());
        space.copy_from_slice(part.as_bytes());
        (left, parts) = (after, rest);
    }
    joined
}

const LONG: &str = match str::from_utf8(&joined()) {
    Ok(text) => text,
    Err(_) => LINE,
};

pub(super) fn text(is_long: bool) -> &'static str {
    if is_long { LONG } else { LINE }
}
