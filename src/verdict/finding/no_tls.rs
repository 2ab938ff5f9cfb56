//! The builds without TLS: nothing can go wrong with it.

use std::fmt;

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum TlsFault {}

impl TlsFault {
    pub(crate) fn is_timeout(&self) -> bool {
        match *self {}
    }
}

impl fmt::Display for TlsFault {
    fn fmt(&self, _: &mut fmt::Formatter) -> fmt::Result {
        match *self {}
    }
}
