//! HTTP/1.1, as far as a health check needs it (RFC 9112): one request, one answer, no redirects.

use super::{Finding, Progress, Reader};
use crate::cli::Http;

mod body;
mod head;

use body::Body;
use head::read_head;

const NOT_HTTP: Finding = Finding::WrongProtocol("HTTP");

pub(super) fn request(target: &str, host: &str, http: &Http) -> Vec<u8> {
    let method = http.method.as_str();
    let mut request = [method, " ", target, " HTTP/1.1\r\n"].concat();
    let mut push_field = |name: &str, value: &str| {
        for part in [name, ": ", value, "\r\n"] {
            request.push_str(part);
        }
    };
    let given = &http.headers;
    for (name, value) in [
        ("Host", host),
        ("User-Agent", concat!("hinit/", env!("CARGO_PKG_VERSION"))),
        ("Accept", "*/*"),
        ("Connection", "close"),
    ] {
        if !given
            .iter()
            .any(|(given, _)| given.eq_ignore_ascii_case(name))
        {
            push_field(name, value);
        }
    }
    for (name, value) in given {
        push_field(name, value);
    }
    // Other methods need it even without a body: some servers answer 411 (RFC 9110, 8.6).
    if !http.body.is_empty() || !matches!(method, "GET" | "HEAD") {
        push_field("Content-Length", &http.body.len().to_string());
    }
    request.push_str("\r\n");
    request.push_str(&http.body);
    request.into_bytes()
}

/// An answer that is being read.
pub(super) struct Answer<'a> {
    http: &'a Http,
    /// To a CGI request: another status, and no framing.
    is_cgi: bool,
    /// None: the head is not complete.
    body: Option<Body<'a>>,
    finding: Option<Finding>,
}

impl<'a> Answer<'a> {
    pub(super) fn new(http: &'a Http) -> Self {
        Self {
            http,
            is_cgi: false,
            body: None,
            finding: None,
        }
    }

    /// The answer of a CGI script to a GET request, after a status line.
    pub(super) fn of_cgi(http: &'a Http) -> Self {
        Self {
            is_cgi: true,
            ..Self::new(http)
        }
    }
}

impl Reader for Answer<'_> {
    fn read(&mut self, unread: &mut &[u8]) -> Progress {
        let body = match &mut self.body {
            Some(body) => body,
            none => match read_head(unread, self.is_cgi) {
                Ok(Some(head)) => none.insert(Body::new(self.http, head, self.is_cgi)),
                Ok(None) => return Progress::Undecided,
                Err(finding) => {
                    self.finding = Some(finding);
                    return Progress::Complete;
                }
            },
        };
        let read = body.read(unread);
        let is_complete = read != Ok(false);
        if self.finding.is_none() {
            self.finding = body.judge(read);
        }
        match self.finding {
            _ if is_complete => Progress::Complete,
            Some(_) => Progress::Decided,
            None => Progress::Undecided,
        }
    }

    fn finish(&mut self) -> Finding {
        let finding = self.finding.take();
        let finding = finding.or_else(|| self.body.as_mut()?.judge_end());
        finding.unwrap_or(Finding::ClosedEarly)
    }
}

#[cfg(test)]
mod tests;
