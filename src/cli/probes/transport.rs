//! Whether the bytes of a probe go through TLS.

use crate::cli::values::ParseError;

/// How the bytes of a probe are sent. Builds without TLS have one way, which takes no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Plain,
    #[cfg(feature = "tls")]
    Tls,
}

/// TLS, if this build has it.
#[cfg(feature = "tls")]
pub(in crate::cli) const TLS: Result<Transport, &str> = Ok(Transport::Tls);
#[cfg(not(feature = "tls"))]
pub(in crate::cli) const TLS: Result<Transport, &str> =
    Err("this build has no TLS: use the build hinit-tls, or the server's plain port");

/// TLS for a value that needs it.
pub(super) fn tls() -> Result<Transport, ParseError<'static>> {
    TLS.map_err(|why| ParseError::Because(why, ""))
}

impl Transport {
    pub(crate) fn is_tls(self) -> bool {
        self != Self::Plain
    }

    /// The host for a server at this address: over TLS `localhost` in place of an IP address, as in the handshake,
    /// where an address has no place (RFC 6066, 3). Some servers refuse a host that is not that of the handshake.
    pub(super) fn host(self, address: &str) -> String {
        if !self.is_tls() {
            return address.to_owned();
        }
        let port = address.rfind(':').and_then(|colon| address.get(colon..));
        let port = port.filter(|port| !port.ends_with(']'));
        ["localhost", port.unwrap_or_default()].concat()
    }
}
