//! The probes of a health check, from their texts.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::values::{Expected, Parse, ParseError, ValueParser};

pub(super) mod address;
mod http;
mod url;

pub(crate) use address::{Address, TcpAddress};
use address::{refuse_scheme, tcp};
pub(super) use http::{codes, header, is_reserved_by_grpc};
use url::url;

/// What a health check asks for besides the PID file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Probe {
    /// A file, and its maximum age.
    Heartbeat(PathBuf, Duration),
    /// A socket that accepts connections.
    Unix(PathBuf),
    Tcp(Endpoint),
    Http(Url),
    Grpc(Endpoint),
}

/// What is sent to every web server, and what is expected of its answer. (gRPC servers get the fields as well.)
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Http {
    /// HEAD in place of GET.
    pub(crate) head: bool,
    pub(crate) headers: Vec<Header>,
    pub(crate) expect: Vec<Codes>,
    /// Texts that the body must contain, all of them.
    pub(crate) contains: Vec<String>,
}

/// A URL, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Url {
    /// As it was given: the name of the probe.
    pub(crate) text: String,
    pub(crate) address: Address,
    /// For the `Host` field.
    pub(crate) host: String,
    /// Path and query, from the slash on.
    pub(crate) target: String,
}

/// A TCP address; for gRPC with the service to ask for, which is empty for the whole server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// As it was given: the name of the probe.
    pub(crate) text: String,
    pub(crate) host: String,
    pub(crate) address: Address,
    pub(crate) service: String,
}

/// A field of the request: its name and its value.
pub(crate) type Header = (String, String);

/// Status codes of an answer.
pub(crate) type Codes = RangeInclusive<u16>;

/// A path, or `@NAME` for an abstract socket (unix(7)).
pub(super) const UNIX: Parse<Probe> = |text, probes| match text.strip_prefix("unix:") {
    None if text != "@" => add(Ok(Probe::Unix(text.into())), probes),
    _ => Err(ParseError::Because(
        "not a path, or @NAME for an abstract socket",
        "",
    )),
};
pub(super) const HTTP: Parse<Probe> = |text, probes| add(url(text).map(Probe::Http), probes);
pub(super) const TCP: Parse<Probe> =
    |text, probes| add(endpoint(text, false).map(Probe::Tcp), probes);
pub(super) const GRPC: Parse<Probe> =
    |text, probes| add(endpoint(text, true).map(Probe::Grpc), probes);
/// Where hinit itself answers.
pub(super) const LISTEN: Parse<Address> = |text, addresses| {
    addresses.push(address::listen(text)?);
    Ok(())
};
pub(super) const PATH: ValueParser<PathBuf> = ValueParser {
    parse: |text| Some(text.into()),
    // Every text is one.
    expected: Expected::plain(""),
};
pub(super) const TEXT: ValueParser<String> = ValueParser {
    // Every text is one. An empty value is no value.
    parse: |text| Some(text.into()),
    expected: Expected::plain(""),
};
/// Whether it is HEAD.
pub(super) const METHOD: ValueParser<bool> = ValueParser {
    parse: |text| match text {
        "GET" => Some(false),
        "HEAD" => Some(true),
        _ => None,
    },
    expected: Expected::plain("GET or HEAD"),
};

#[inline(never)]
fn add<'t>(
    probe: Result<Probe, ParseError<'t>>,
    probes: &mut Vec<Probe>,
) -> Result<(), ParseError<'t>> {
    probes.push(probe?);
    Ok(())
}

fn endpoint(text: &str, with_service: bool) -> Result<Endpoint, ParseError<'_>> {
    refuse_scheme(text)?;
    let (host, service) = match text.split_once('/') {
        Some(_) if !with_service => {
            return Err(ParseError::Because(
                "an address has no path: did you mean `--http http://|`?",
                text,
            ));
        }
        Some(parts) => parts,
        None => (text, ""),
    };
    Ok(Endpoint {
        address: tcp(host, None)?,
        text: text.to_owned(),
        host: host.to_owned(),
        service: service.to_owned(),
    })
}

#[cfg(test)]
mod tests;
