//! `${NAME}` in a value: hinit itself replaces it from the environment, because an exec form has no shell. In the same
//! pass it replaces escapes, so that what comes from a variable is never searched for them.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use super::Env;
use super::escape::escape;

const UNKNOWN_ESCAPE: &str = r"a backslash begins one of the escapes \r, \n, \t, \\ and \xNN";

const MALFORMED: &str = "write `${NAME}` or `${NAME:-DEFAULT}`, and `$$` for a dollar";

/// The text with each `${NAME}` and `${NAME:-DEFAULT}` replaced, and a dollar for each `$$`. What replaces a name is not
/// searched again. An empty variable counts as unset, as hinit's own do. An error is what is wrong.
#[inline(never)]
pub(super) fn expanded(text: &OsStr, env: Env, has_escapes: bool) -> Result<OsString, String> {
    let (mut value, mut rest) = (Vec::new(), text.as_bytes());
    while let [first, after @ ..] = rest {
        rest = after;
        match (first, after) {
            (b'\\', after) if has_escapes => {
                let byte;
                (byte, rest) = escape(after).ok_or(UNKNOWN_ESCAPE)?;
                value.push(byte);
                continue;
            }
            (b'$', [b'$', after @ ..]) => rest = after,
            (b'$', [b'{', after @ ..]) => {
                let end = after.iter().position(|&byte| byte == b'}');
                let (inside, after) = after.split_at(end.ok_or(MALFORMED)?);
                rest = after.get(1..).unwrap_or_default();
                let is_of_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
                let end = inside.iter().position(|byte| !is_of_name(byte));
                let (name, default) = match inside.split_at(end.unwrap_or(inside.len())) {
                    ([], _) => return Err(MALFORMED.into()),
                    (name, []) => (name, None),
                    (name, [b':', b'-', default @ ..]) => (name, Some(default)),
                    _ => return Err(MALFORMED.into()),
                };
                let found = (env.other)(name).filter(|found| !found.is_empty());
                let found = found.as_deref().map(OsStr::as_bytes).or(default);
                value.extend_from_slice(found.ok_or_else(|| {
                    let name = str::from_utf8(name).unwrap_or_default();
                    ["the variable ", name, " is not set"].concat()
                })?);
                continue;
            }
            _ => {}
        }
        value.push(*first);
    }
    Ok(OsString::from_vec(value))
}

#[cfg(any(fuzzing, test))]
pub(in crate::cli) fn fuzz(text: &[u8]) {
    let of = |text: &OsStr, value: &[u8]| {
        let other = |_: &[u8]| Some(OsString::from_vec(value.to_vec()));
        expanded(
            text,
            Env {
                own: &[],
                other: &other,
            },
            false,
        )
    };
    let text = OsStr::from_bytes(text);
    let dollars = |text: &OsStr| text.to_string_lossy().matches('$').count();
    // What is put in stays as it is, and changes nothing else.
    let (plain, hostile) = (of(text, b"x"), of(text, b"${A}$$"));
    assert_eq!(plain.is_ok(), hostile.is_ok());
    if let (Ok(plain), Ok(hostile)) = (&plain, &hostile) {
        assert!(dollars(plain) <= dollars(text));
        let added = dollars(hostile) - dollars(plain);
        assert_eq!(hostile.len() - plain.len(), added / 3 * 5);
    }
    // Twice the dollars are the text again.
    let doubled: Vec<u8> = text
        .as_bytes()
        .iter()
        .flat_map(|byte| std::iter::repeat_n(*byte, 1 + usize::from(*byte == b'$')))
        .collect();
    assert_eq!(of(OsStr::from_bytes(&doubled), b"x").as_deref(), Ok(text));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_replaced_once() {
        let other = |name: &[u8]| match str::from_utf8(name).unwrap() {
            "PORT" => Some("8000".into()),
            "_a1" => Some("${PORT} $$ $PORT \\n".into()),
            "EMPTY" => Some("".into()),
            "BYTES" => Some(OsString::from_vec(b"\xff".into())),
            _ => None,
        };
        let env = Env {
            own: &[b"HINIT_PORT=1"],
            other: &other,
        };
        let unset = |name: &str| Err(format!("the variable {name} is not set"));
        let malformed = || Err(MALFORMED.to_owned());
        for (text, value) in [
            ("", Ok(&b""[..])),
            ("a b", Ok(b"a b")),
            ("a:${PORT}/b", Ok(b"a:8000/b")),
            ("${PORT}${PORT}", Ok(b"80008000")),
            ("${PORT:-80}", Ok(b"8000")),
            ("${NO:-80}", Ok(b"80")),
            ("${NO:-}", Ok(b"")),
            ("${EMPTY:-80}", Ok(b"80")),
            ("${BYTES}", Ok(b"\xff")),
            // The value is not expanded again, and neither is the default, which ends at the first brace.
            ("${_a1}", Ok(b"${PORT} $$ $PORT \\n")),
            ("${NO:-$$}", Ok(b"$$")),
            ("${NO:-${PORT}}", Ok(b"${PORT}")),
            ("${NO:-a:-b}", Ok(b"a:-b")),
            // Dollars of their own.
            ("$", Ok(b"$")),
            ("a$", Ok(b"a$")),
            ("$PORT $(x) $1", Ok(b"$PORT $(x) $1")),
            ("$$", Ok(b"$")),
            ("$$$", Ok(b"$$")),
            ("$${PORT}", Ok(b"${PORT}")),
            ("$$${PORT}", Ok(b"$8000")),
            ("{PORT}}", Ok(b"{PORT}}")),
            ("${NO}", unset("NO")),
            ("${EMPTY}", unset("EMPTY")),
            // Names are in no other case, and no part of another.
            ("${port}", unset("port")),
            ("${POR}", unset("POR")),
            ("${}", malformed()),
            ("${:-x}", malformed()),
            ("${PORT-80}", malformed()),
            ("${PORT:80}", malformed()),
            ("${PORT:?why}", malformed()),
            ("${a b}", malformed()),
            ("${ü}", malformed()),
            ("${PORT", malformed()),
            ("${", malformed()),
        ] {
            let found = expanded(OsStr::new(text), env, false).map(OsString::into_vec);
            assert_eq!(found, value.map(<[u8]>::to_vec), "{text}");
        }
        for (text, value) in [
            (r"GET ${PORT}\r\n", Ok(&b"GET 8000\r\n"[..])),
            // No escape makes a variable, and no variable or default an escape.
            (r"\x24{PORT}", Ok(b"${PORT}")),
            (r"\\${_a1}", Ok(b"\\${PORT} $$ $PORT \\n")),
            (r"${NO:-\n}", Ok(br"\n")),
            (r"$$\xff", Ok(b"$\xff")),
            (r"${PORT}\", Err(UNKNOWN_ESCAPE.to_owned())),
            (r"\0${PORT}", Err(UNKNOWN_ESCAPE.to_owned())),
        ] {
            let found = expanded(OsStr::new(text), env, true).map(OsString::into_vec);
            assert_eq!(found, value.map(<[u8]>::to_vec), "{text}");
        }
    }
}
