//! The probes of a health check, from their texts.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::values::{Expected, Parse, ParseError, ValueParser, Written, require};

pub(super) mod address;
mod http;
pub(super) mod transport;
mod url;

pub(crate) use address::Address;
use address::{refuse_scheme, tcp, without_prefix};
pub(super) use http::{codes, header, reserved_by_grpc};
pub(crate) use transport::Transport;
pub(super) use url::hex_byte;
use url::{socket_and_target, url};

/// What a health check asks for besides the PID file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Probe {
    /// A file, and its maximum age.
    Heartbeat(PathBuf, Duration),
    /// A socket that accepts connections.
    Unix(PathBuf),
    Tcp(Endpoint),
    Http(Url),
    Fastcgi(Endpoint),
    Grpc(Endpoint),
}

/// What is sent to every web server, and what is expected of its answer. (gRPC servers get the fields as well, and of
/// FastCGI servers the same answers are expected.)
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Http {
    pub(crate) method: String,
    pub(crate) headers: Vec<Header>,
    /// What the request contains; it may be empty.
    pub(crate) body: String,
    pub(crate) expect: Vec<Codes>,
    /// Texts that the body must contain, all of them.
    pub(crate) contains: Vec<Written<String>>,
    /// Texts of which it must contain none.
    pub(crate) lacks: Vec<Written<String>>,
}

impl Http {
    /// A GET request, whose answer must have one of these codes.
    pub(crate) fn get(expect: Vec<Codes>) -> Self {
        Self {
            method: "GET".to_owned(),
            headers: Vec::new(),
            body: String::new(),
            expect,
            contains: Vec::new(),
            lacks: Vec::new(),
        }
    }
}

/// What is sent to the servers of `--tcp` and `--unix`, and how their answers must begin.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Exchange {
    pub(crate) send: Vec<u8>,
    /// Empty: a connection is enough.
    pub(crate) reply: Vec<u8>,
    pub(crate) transport: Transport,
}

/// A URL, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Url {
    pub(crate) transport: Transport,
    pub(crate) address: Address,
    /// For the `Host` field.
    pub(crate) host: String,
    /// Path and query, from the slash on.
    pub(crate) target: String,
}

/// An address; for gRPC with the service to ask for, which is empty for the whole server; for FastCGI with the path and
/// query, from the slash on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// For the `:authority` field.
    pub(crate) host: String,
    pub(crate) transport: Transport,
    pub(crate) address: Address,
    pub(crate) service: String,
}

/// A field of the request: its name and its value.
pub(crate) type Header = (String, String);

/// Status codes of an answer.
pub(crate) type Codes = RangeInclusive<u16>;

/// A path, or `@NAME` for an abstract socket (unix(7)).
pub(super) const UNIX: Parse<Written<Probe>> =
    |text, written, probes| match text.strip_prefix("unix:") {
        None if text != "@" => add(Ok(Probe::Unix(text.into())), written, probes),
        _ => Err(ParseError::Because(
            "not a path, or @NAME for an abstract socket",
            "",
        )),
    };
pub(super) const HTTP: Parse<Written<Probe>> =
    |text, written, probes| add(url(text).map(Probe::Http), written, probes);
pub(super) const TCP: Parse<Written<Probe>> = |text, written, probes| {
    add(
        endpoint(text, Target::Nothing).map(Probe::Tcp),
        written,
        probes,
    )
};
pub(super) const GRPC: Parse<Written<Probe>> =
    |text, written, probes| add(grpc(text).map(Probe::Grpc), written, probes);
pub(super) const FASTCGI: Parse<Written<Probe>> = |text, written, probes| {
    add(
        endpoint(text, Target::Path).map(Probe::Fastcgi),
        written,
        probes,
    )
};
/// A file, whose maximum age another option has.
pub(super) const HEARTBEAT: Parse<Written<Probe>> = |text, written, probes| {
    let probe = Probe::Heartbeat(text.into(), Duration::ZERO);
    add(Ok(probe), written, probes)
};
/// Where hinit itself answers.
pub(super) const LISTEN: Parse<Written<Address>> = |text, written, addresses| {
    addresses.push(Written {
        text: written.to_owned(),
        value: address::listen(text)?,
    });
    Ok(())
};
pub(super) const PATH: ValueParser<PathBuf> = ValueParser {
    parse: |text| Some(text.into()),
    // Every text is one.
    expected: Expected::plain(""),
};
/// Every text is one. An empty value is no value.
pub(super) const TEXT: Parse<Written<String>> = |text, written, texts| {
    texts.push(Written {
        text: written.to_owned(),
        value: text.to_owned(),
    });
    Ok(())
};
/// A method of HTTP. Its letters are sent as they are (RFC 9110, 9.1).
pub(super) const METHOD: Parse<Written<String>> = |text, written, methods| {
    let are_letters = text.bytes().all(|byte| byte.is_ascii_alphabetic());
    require(
        are_letters,
        Expected::plain("a method such as GET, HEAD or POST"),
    )?;
    TEXT(text, written, methods)
};

#[inline(never)]
fn add<'t>(
    probe: Result<Probe, ParseError<'t>>,
    written: &str,
    probes: &mut Vec<Written<Probe>>,
) -> Result<(), ParseError<'t>> {
    probes.push(Written {
        text: written.to_owned(),
        value: probe?,
    });
    Ok(())
}

/// The endpoint of a gRPC server; `grpcs://` before it means TLS.
fn grpc(text: &str) -> Result<Endpoint, ParseError<'_>> {
    let Some(rest) = text.strip_prefix("grpcs://") else {
        return endpoint(text, Target::Service);
    };
    let transport = transport::tls()?;
    let endpoint = endpoint(rest, Target::Service)?;
    Ok(Endpoint {
        host: transport.host(&endpoint.host),
        transport,
        ..endpoint
    })
}

/// What follows an address.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Target {
    Nothing,
    /// `/my.Service`, or nothing.
    Service,
    /// `/ping`.
    Path,
}

/// A TCP address, or `unix:` and a socket as in a URL; and what follows it.
#[inline(never)]
fn endpoint(text: &str, target: Target) -> Result<Endpoint, ParseError<'_>> {
    const MAX_PATH: usize = 32 * 1024;
    let socket = text.strip_prefix("unix:");
    let is_path = socket.is_some() || text.starts_with('/');
    let (path, host, rest) = if is_path && target == Target::Nothing {
        return Err(ParseError::Because(
            "for a Unix socket write `--unix |`",
            socket.unwrap_or(text),
        ));
    } else if let Some(socket) = socket {
        let (path, rest) = socket_and_target(socket)?;
        (Some(path), "localhost", rest)
    } else if is_path {
        return Err(without_prefix(text));
    } else {
        refuse_scheme(text)?;
        let slash = text.bytes().position(|byte| byte == b'/');
        let end = slash.unwrap_or(text.len());
        let (host, rest) = text.split_at_checked(end).unwrap_or_default();
        (None, host, rest)
    };
    let has_slash = rest.starts_with('/');
    match target {
        Target::Nothing if !rest.is_empty() => {
            return Err(ParseError::Because(
                "an address has no path: did you mean `--http http://|`?",
                text,
            ));
        }
        Target::Path if !has_slash || rest.len() > MAX_PATH => {
            return Err(ParseError::Not(Expected::plain(
                "an address and a path of up to 32 KiB, such as 127.0.0.1:9000/ping",
            )));
        }
        _ => {}
    }
    let skipped = usize::from(has_slash && target == Target::Service);
    Ok(Endpoint {
        host: host.to_owned(),
        transport: Transport::Plain,
        address: match path {
            Some(path) => Address::Unix(path),
            None => tcp(host, None)?,
        },
        service: rest.get(skipped..).unwrap_or_default().to_owned(),
    })
}

#[cfg(test)]
mod tests;
