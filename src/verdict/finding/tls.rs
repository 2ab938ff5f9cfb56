//! Why TLS with a server failed, and the texts.

use std::fmt;
use std::time::Duration;

use crate::time::ExactDuration;

/// Why TLS failed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum TlsFault {
    /// The server sent this alert (RFC 8446, 6).
    Alert(u8),
    /// The handshake was not complete within this `--timeout`.
    Timeout(Duration),
    /// The server closed the connection before the handshake was complete.
    Closed,
    NothingInCommon,
    /// A message that TLS does not allow there, or that was not encrypted with the right key.
    Violation,
    /// The kernel gives no random bytes.
    NoRandomBytes,
}

impl TlsFault {
    /// Whether its text contains the time.
    pub(crate) fn is_timeout(&self) -> bool {
        matches!(self, Self::Timeout(_))
    }
}

impl fmt::Display for TlsFault {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Alert(number) => {
                write!(f, "sent TLS alert {number} ({})", alert_name(*number))
            }
            Self::Timeout(timeout) => {
                let timeout = ExactDuration(*timeout);
                write!(
                    f,
                    "did not complete the TLS handshake within --timeout {timeout}"
                )
            }
            Self::Closed => f.write_str("closed the connection during the TLS handshake"),
            Self::NothingInCommon => {
                f.write_str("has no TLS version or cipher in common with hinit")
            }
            Self::Violation => f.write_str("sent a message that breaks the TLS protocol"),
            Self::NoRandomBytes => {
                f.write_str("was not asked: the kernel gives no random bytes for TLS")
            }
        }
    }
}

/// The name of an alert.
fn alert_name(number: u8) -> &'static str {
    // One string, because each pointer in a table costs a relocation at each start.
    const NAMES: &str = "0=close_notify,10=unexpected_message,20=bad_record_mac,22=record_overflow,\
        40=handshake_failure,42=bad_certificate,43=unsupported_certificate,44=certificate_revoked,\
        45=certificate_expired,46=certificate_unknown,47=illegal_parameter,48=unknown_ca,49=access_denied,\
        50=decode_error,51=decrypt_error,70=protocol_version,71=insufficient_security,80=internal_error,\
        86=inappropriate_fallback,90=user_canceled,109=missing_extension,110=unsupported_extension,\
        112=unrecognized_name,113=bad_certificate_status_response,115=unknown_psk_identity,\
        116=certificate_required,120=no_application_protocol";
    let mut names = NAMES.split(',').filter_map(|entry| entry.split_once('='));
    let name = names.find(|(of, _)| of.parse() == Ok(number));
    name.map_or("unknown", |(_, name)| name)
}
