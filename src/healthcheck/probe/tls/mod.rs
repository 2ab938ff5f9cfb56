//! TLS between a connection and what reads and writes its plain bytes. Certificates are not verified, as in the HTTPS
//! probes of the kubelet: a health check asks a server on this machine whether it works, sends it no secret that it does
//! not have, and must not fail because a certificate names another host.

use std::io::{self, ErrorKind, Read, Write};
use std::net::Ipv4Addr;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, Error};

use super::Finding;
use super::connection::Connection;
use crate::cli::{Header, Transport};
use crate::verdict::TlsFault;

mod provider;
mod verifier;

use verifier::AnyCertificate;

/// What the handshake names.
pub(super) struct Settings<'a> {
    host: &'a str,
    /// The protocol inside of TLS (ALPN). Empty: any.
    protocol: &'static str,
}

impl<'a> Settings<'a> {
    /// The host is that of the request. None: there is no TLS.
    pub(super) fn of(
        transport: Transport,
        headers: &'a [Header],
        protocol: &'static str,
    ) -> Option<Self> {
        let mut headers = headers.iter();
        let host = headers.find(|(name, _)| name.eq_ignore_ascii_case("host"));
        transport.is_tls().then_some(Self {
            host: host.map_or("localhost", |(_, value)| value),
            protocol,
        })
    }

    /// The name for the handshake (RFC 6066, 3), which has no port and is not sent if it is an IP address.
    fn server_name(&self) -> ServerName<'static> {
        let host = match self.host.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => host,
            _ => self.host,
        };
        let name = ServerName::try_from(host.to_owned());
        // An IPv6 address in brackets, or a name that DNS does not allow: none is sent either.
        name.unwrap_or_else(|_| Ipv4Addr::LOCALHOST.into())
    }

    fn client(&self) -> Result<ClientConnection, Error> {
        let builder = ClientConfig::builder_with_provider(Arc::new(provider::provider()));
        let mut config = builder
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate))
            .with_no_client_auth();
        config.resumption = Resumption::disabled();
        if !self.protocol.is_empty() {
            config.alpn_protocols.push(self.protocol.into());
        }
        ClientConnection::new(Arc::new(config), self.server_name())
    }
}

pub(super) struct Session(Box<ClientConnection>);

impl Session {
    /// The handshake.
    pub(super) fn start(connection: &mut Connection, settings: &Settings) -> Result<Self, Finding> {
        connection.on_timeout = |timeout| Finding::Tls(TlsFault::Timeout(timeout));
        let tls = settings.client().map_err(|error| finding(&error))?;
        let mut session = Self(Box::new(tls));
        while session.0.is_handshaking() {
            session.flush(connection)?;
            if !session.read_records(connection)? {
                return Err(Finding::Tls(TlsFault::Closed));
            }
        }
        session.flush(connection)?;
        Ok(session)
    }

    pub(super) fn send(&mut self, connection: &Connection, bytes: &[u8]) -> Result<(), Finding> {
        // A request may be longer than the 64 KiB that rustls keeps by default. Without a limit it takes all bytes.
        self.0.set_buffer_limit(None);
        let _buffered = self.0.writer().write(bytes);
        self.flush(connection)
    }

    /// The next plain bytes; 0 at the end. A server that closes the connection without the alert `close_notify` ends
    /// its answer too, as without TLS: many do, and an answer that is cut is found by its own length.
    pub(super) fn receive(
        &mut self,
        connection: &Connection,
        bytes: &mut [u8],
    ) -> Result<usize, Finding> {
        loop {
            match self.0.reader().read(bytes) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_without_alert) => return Ok(0),
                Ok(length) => return Ok(length),
            }
            self.read_records(connection)?;
            // An answer to a message about keys.
            self.flush(connection)?;
        }
    }

    /// Says that this is the end, so that the server does not log an error.
    pub(super) fn close(&mut self, connection: &Connection) {
        self.0.send_close_notify();
        // The finding is known, and does not depend on this.
        let _ignored = self.flush(connection);
    }

    fn flush(&mut self, connection: &Connection) -> Result<(), Finding> {
        let mut records = Vec::new();
        while self.0.wants_write() {
            // A Vec takes all bytes.
            let _written = self.0.write_tls(&mut records);
        }
        connection.send(&records)
    }

    /// Waits for bytes, and processes the records that are complete. False: there are no more bytes.
    fn read_records(&mut self, connection: &Connection) -> Result<bool, Finding> {
        let mut incoming = Incoming {
            connection,
            finding: None,
        };
        let length = self.0.read_tls(&mut incoming);
        if let Some(finding) = incoming.finding {
            return Err(finding);
        }
        let is_open = match length {
            Ok(length) => length > 0,
            // More than rustls may keep.
            Err(_) => return Err(Finding::Tls(TlsFault::Violation)),
        };
        match self.0.process_new_packets() {
            Ok(_) => Ok(is_open),
            Err(error) => {
                // The alert that says why.
                let _ignored = self.flush(connection);
                Err(finding(&error))
            }
        }
    }
}

/// Feeds the bytes of a server to a new session, as if it had sent them at once.
#[cfg(any(fuzzing, test))]
pub(super) fn fuzz(mut answer: &[u8]) {
    let settings = Settings {
        host: "localhost",
        protocol: "h2",
    };
    let Ok(mut tls) = settings.client() else {
        return;
    };
    while !answer.is_empty() {
        if tls.read_tls(&mut answer).is_err() {
            break;
        }
        if let Err(error) = tls.process_new_packets() {
            let _finding = finding(&error);
            break;
        }
        assert!(tls.is_handshaking(), "without any key");
    }
}

/// The bytes of the connection for rustls. It knows only errors of its own kind, so the finding is kept here.
struct Incoming<'a> {
    connection: &'a Connection,
    finding: Option<Finding>,
}

impl Read for Incoming<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.connection.receive(bytes).map_err(|finding| {
            self.finding = Some(finding);
            ErrorKind::Other.into()
        })
    }
}

/// The kind of an error of rustls, whose own texts are long and name its types.
fn finding(error: &Error) -> Finding {
    Finding::Tls(match error {
        Error::InvalidMessage(_) => return Finding::WrongProtocol("TLS"),
        Error::AlertReceived(alert) => TlsFault::Alert((*alert).into()),
        Error::PeerIncompatible(_) => TlsFault::NothingInCommon,
        Error::FailedToGetRandomBytes => TlsFault::NoRandomBytes,
        _ => TlsFault::Violation,
    })
}
