//! What takes the place of TLS in the builds without it: types that have no values, so that no code is compiled for them.

use super::Finding;
use super::connection::Connection;
use crate::cli::{Header, Transport};

pub(super) enum Settings {}

impl Settings {
    pub(super) fn of(
        transport: Transport,
        _headers: &[Header],
        _protocol: &'static str,
    ) -> Option<Self> {
        match transport {
            Transport::Plain => None,
        }
    }
}

pub(super) enum Session {}

impl Session {
    pub(super) fn start(_: &mut Connection, settings: &Settings) -> Result<Self, Finding> {
        match *settings {}
    }

    pub(super) fn send(&mut self, _: &Connection, _: &[u8]) -> Result<(), Finding> {
        match *self {}
    }

    pub(super) fn receive(&mut self, _: &Connection, _: &mut [u8]) -> Result<usize, Finding> {
        match *self {}
    }

    pub(super) fn close(&mut self, _: &Connection) {
        match *self {}
    }
}
