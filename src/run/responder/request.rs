//! The requests that hinit answers (RFC 9112), from their bytes; pure.

use httparse::{EMPTY_HEADER, Error, Header, Request as Head, Status};

/// The most bytes and fields that the head of a request may have.
pub(super) const MAX_BYTES: usize = 4096;
const MAX_FIELDS: usize = 64;

/// A whole request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) asks: Result<Page, Refusal>,
    /// Only the head of the answer is wanted.
    pub(super) is_head: bool,
    pub(super) then: Then,
    /// How many bytes it has.
    pub(super) length: usize,
}

/// What becomes of a connection that was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// Another request may follow.
    Keep,
    Close,
    /// The client may not be through yet, and would not see the answer if the connection was closed.
    Linger,
}

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    Liveness,
    Readiness,
    Status,
}

/// Why a request gets nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Malformed,
    NotFound,
    NotAllowed,
    TookTooLong,
    TooLarge,
}

impl Refusal {
    /// The status code and what it means (RFC 9110, 15.5; RFC 6585, 5).
    pub(super) fn status(self) -> &'static str {
        match self {
            Self::Malformed => "400 Bad Request",
            Self::NotFound => "404 Not Found",
            Self::NotAllowed => "405 Method Not Allowed",
            Self::TookTooLong => "408 Request Timeout",
            Self::TooLarge => "431 Request Header Fields Too Large",
        }
    }
}

impl Request {
    /// One that gets nothing, and nothing may follow.
    pub(super) fn refused(refusal: Refusal, length: usize) -> Self {
        Self {
            asks: Err(refusal),
            is_head: false,
            then: Then::Linger,
            length,
        }
    }

    /// The request that these bytes begin with. None: more of them are needed.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut fields = [EMPTY_HEADER; MAX_FIELDS];
        let mut head = Head::new(&mut fields);
        match head.parse(bytes) {
            Ok(Status::Complete(length)) => Some(Self::of(&head, length)),
            Ok(Status::Partial) if bytes.len() < MAX_BYTES => None,
            Ok(Status::Partial) | Err(Error::TooManyHeaders) => {
                Some(Self::refused(Refusal::TooLarge, bytes.len()))
            }
            Err(_) => Some(Self::refused(Refusal::Malformed, bytes.len())),
        }
    }

    fn of(head: &Head, length: usize) -> Self {
        let (method, target) = (
            head.method.unwrap_or_default(),
            head.path.unwrap_or_default(),
        );
        let is_newest = head.version == Some(1);
        let has = |name: &str| fields(head, name).next().is_some();
        // From version 1.1 on each request names its host, and only one.
        if is_newest && fields(head, "Host").count() != 1 {
            return Self::refused(Refusal::Malformed, length);
        }
        let asks = match method {
            "GET" | "HEAD" => page(target).ok_or(Refusal::NotFound),
            _ => Err(Refusal::NotAllowed),
        };
        // What has a body is not read on: nobody here wants one.
        let has_body = has("Content-Length") || has("Transfer-Encoding");
        let wants_end = fields(head, "Connection").any(|value| {
            let mut options = value.split(|&byte| byte == b',');
            options.any(|option| option.trim_ascii().eq_ignore_ascii_case(b"close"))
        });
        let then = if has_body || asks == Err(Refusal::NotAllowed) {
            Then::Linger
        } else if !is_newest || wants_end {
            Then::Close
        } else {
            Then::Keep
        };
        Self {
            asks,
            is_head: method == "HEAD",
            then,
            length,
        }
    }
}

fn fields<'a>(head: &'a Head, name: &str) -> impl Iterator<Item = &'a [u8]> {
    let is_named = move |field: &&Header| field.name.eq_ignore_ascii_case(name);
    head.headers
        .iter()
        .filter(is_named)
        .map(|field| field.value)
}

/// From the target's path: alone, or behind a scheme and a host (RFC 9112, 3.2).
fn page(target: &str) -> Option<Page> {
    let mut path = target.as_bytes();
    if !path.starts_with(b"/") {
        let scheme = path.windows(3).position(|part| part == b"://")?;
        let host = path.get(scheme + 3..)?;
        path = host.get(host.iter().position(|&byte| byte == b'/')?..)?;
    }
    match path.split(|&byte| byte == b'?').next()? {
        b"/livez" => Some(Page::Liveness),
        b"/readyz" => Some(Page::Readiness),
        b"/status" => Some(Page::Status),
        _ => None,
    }
}

/// Whatever a client sends: each request has an end, and it is found as soon as its bytes are there.
#[cfg(any(fuzzing, test))]
pub(crate) fn fuzz(bytes: &[u8]) {
    let bytes = bytes.get(..MAX_BYTES).unwrap_or(bytes);
    let Some(request) = Request::read(bytes) else {
        assert!(bytes.len() < MAX_BYTES);
        return;
    };
    assert!((1..=bytes.len()).contains(&request.length));
    if request.asks.is_ok() {
        let whole = bytes.get(..request.length).unwrap_or_default();
        assert_eq!(Request::read(whole).as_ref(), Some(&request));
        let cut = whole.get(..whole.len() - 1).unwrap_or_default();
        assert_eq!(Request::read(cut), None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(Result<Page, Refusal>, bool, Then)> {
        let request = Request::read(text.as_bytes())?;
        Some((request.asks, request.is_head, request.then))
    }

    #[test]
    fn what_a_request_asks_for() {
        use Page::{Liveness, Readiness, Status};
        use Refusal::{Malformed, NotAllowed, NotFound};
        let (get, head) = (false, true);
        let (keeps, ends, lingers) = (Then::Keep, Then::Close, Then::Linger);
        for (line, more, expected) in [
            ("GET /livez HTTP/1.1", "", (Ok(Liveness), get, keeps)),
            ("GET /readyz HTTP/1.1", "", (Ok(Readiness), get, keeps)),
            ("HEAD /status HTTP/1.1", "", (Ok(Status), head, keeps)),
            (
                "GET /livez?verbose HTTP/1.1",
                "",
                (Ok(Liveness), get, keeps),
            ),
            (
                "GET http://a:1/livez HTTP/1.1",
                "",
                (Ok(Liveness), get, keeps),
            ),
            ("GET http://a HTTP/1.1", "", (Err(NotFound), get, keeps)),
            ("GET / HTTP/1.1", "", (Err(NotFound), get, keeps)),
            ("GET /livez/ HTTP/1.1", "", (Err(NotFound), get, keeps)),
            ("GET //livez HTTP/1.1", "", (Err(NotFound), get, keeps)),
            ("GET /LIVEZ HTTP/1.1", "", (Err(NotFound), get, keeps)),
            ("GET /x://y/livez HTTP/1.1", "", (Err(NotFound), get, keeps)),
            ("HEAD / HTTP/1.1", "", (Err(NotFound), head, keeps)),
            ("POST /livez HTTP/1.1", "", (Err(NotAllowed), get, lingers)),
            ("get /livez HTTP/1.1", "", (Err(NotAllowed), get, lingers)),
            ("OPTIONS * HTTP/1.1", "", (Err(NotAllowed), get, lingers)),
            ("GET /livez HTTP/1.0", "", (Ok(Liveness), get, ends)),
            (
                "GET /livez HTTP/1.1",
                "Connection: close\r\n",
                (Ok(Liveness), get, ends),
            ),
            (
                "GET /livez HTTP/1.1",
                "connection: x, Close\r\n",
                (Ok(Liveness), get, ends),
            ),
            (
                "GET /livez HTTP/1.1",
                "Connection: keep-alive\r\n",
                (Ok(Liveness), get, keeps),
            ),
            (
                "GET /livez HTTP/1.1",
                "Content-Length: 5\r\n",
                (Ok(Liveness), get, lingers),
            ),
            (
                "GET /livez HTTP/1.1",
                "Transfer-Encoding: chunked\r\n",
                (Ok(Liveness), get, lingers),
            ),
            (
                "GET /livez HTTP/1.1",
                "Host: b\r\n",
                (Err(Malformed), get, lingers),
            ),
            ("GET /livez HTTP/2.0", "", (Err(Malformed), get, lingers)),
            ("GET /livez", "", (Err(Malformed), get, lingers)),
            ("GET  /livez HTTP/1.1", "", (Err(Malformed), get, lingers)),
            (
                "GET /livez HTTP/1.1",
                "a b: c\r\n",
                (Err(Malformed), get, lingers),
            ),
            (
                "GET /livez HTTP/1.1",
                "a: \0\r\n",
                (Err(Malformed), get, lingers),
            ),
            ("\u{16}\u{3}\u{1}\u{2}", "", (Err(Malformed), get, lingers)),
        ] {
            let text = format!("{line}\r\nHost: a\r\n{more}\r\n");
            assert_eq!(read(&text), Some(expected), "{text:?}");
        }
        // Only since version 1.1 there must be a host.
        assert_eq!(
            read("GET /livez HTTP/1.1\r\n\r\n"),
            Some((Err(Malformed), get, lingers))
        );
        assert_eq!(
            read("GET /livez HTTP/1.0\r\n\r\n"),
            Some((Ok(Liveness), get, ends))
        );
    }

    #[test]
    fn a_request_may_come_in_pieces_and_others_behind_it() {
        let one = "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n";
        for end in 0..one.len() {
            assert_eq!(Request::read(&one.as_bytes()[..end]), None, "{end}");
        }
        let both = format!("{one}GET /readyz");
        assert_eq!(
            Request::read(both.as_bytes()).map(|request| request.length),
            Some(one.len())
        );
    }

    #[test]
    fn a_head_that_is_too_large() {
        let too_large = Some((Err(Refusal::TooLarge), false, Then::Linger));
        let head = "GET /livez HTTP/1.1\r\nHost: a\r\n";
        let many = "a: b\r\n".repeat(MAX_FIELDS);
        assert_eq!(read(&format!("{head}{many}\r\n")), too_large);
        let few = "a: b\r\n".repeat(MAX_FIELDS - 1);
        assert_ne!(read(&format!("{head}{few}\r\n")), too_large);
        let value = "b".repeat(MAX_BYTES - head.len() - 4);
        assert_eq!(read(&format!("{head}a: {value}")), None);
        assert_eq!(read(&format!("{head}a: {value}b")), too_large);
    }
}
