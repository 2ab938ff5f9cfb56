//! The requests that hinit answers (RFC 9112), from their bytes; pure.

use std::mem::MaybeUninit;

use httparse::{Error, Request as Head, Status};

/// How many bytes and fields the head of a request may have.
pub(super) const MAX_BYTES: usize = 4096;
const MAX_FIELDS: usize = 64;

/// A whole request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) page: Result<Page, Refusal>,
    /// The method is HEAD.
    pub(super) is_head: bool,
    pub(super) after_answer: AfterAnswer,
    /// In bytes.
    pub(super) length: usize,
}

/// What happens to a connection after the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AfterAnswer {
    /// Another request may follow.
    KeepOpen,
    Close,
    /// The client may still be sending, and would lose the answer if hinit closed the connection at once.
    Linger,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    Liveness,
    Readiness,
    Status,
}

/// Why a request gets no page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Malformed,
    NotFound,
    NotAllowed,
    TimedOut,
    TooLarge,
}

impl Refusal {
    /// The status code and its reason phrase (RFC 9110, 15.5; RFC 6585, 5).
    pub(super) fn status(self) -> &'static str {
        match self {
            Self::Malformed => "400 Bad Request",
            Self::NotFound => "404 Not Found",
            Self::NotAllowed => "405 Method Not Allowed",
            Self::TimedOut => "408 Request Timeout",
            Self::TooLarge => "431 Request Header Fields Too Large",
        }
    }
}

impl Request {
    /// A refused request, after which the connection ends.
    pub(super) fn refused(refusal: Refusal, length: usize) -> Self {
        Self {
            page: Err(refusal),
            is_head: false,
            after_answer: AfterAnswer::Linger,
            length,
        }
    }

    /// The request at the start of these bytes. None: it is not complete.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        // Not set to anything first: that would take longer than to parse a short request.
        let mut fields = [const { MaybeUninit::uninit() }; MAX_FIELDS];
        let mut head = Head::new(&mut []);
        match head.parse_with_uninit_headers(bytes, &mut fields) {
            Ok(Status::Complete(length)) => Some(Self::from_head(&head, length)),
            Ok(Status::Partial) if bytes.len() < MAX_BYTES => None,
            Ok(Status::Partial) | Err(Error::TooManyHeaders) => {
                Some(Self::refused(Refusal::TooLarge, bytes.len()))
            }
            Err(_) => Some(Self::refused(Refusal::Malformed, bytes.len())),
        }
    }

    fn from_head(head: &Head, length: usize) -> Self {
        let (method, target) = (
            head.method.unwrap_or_default(),
            head.path.unwrap_or_default(),
        );
        let is_http_1_1 = head.version == Some(1);
        let (mut hosts, mut has_body, mut asks_to_close) = (0, false, false);
        for field in &*head.headers {
            let is_named = |name: &str| field.name.eq_ignore_ascii_case(name);
            if is_named("Host") {
                hosts += 1;
            } else if is_named("Content-Length") || is_named("Transfer-Encoding") {
                has_body = true;
            } else if is_named("Connection") {
                let mut options = field.value.split(|&byte| byte == b',');
                asks_to_close |=
                    options.any(|option| option.trim_ascii().eq_ignore_ascii_case(b"close"));
            }
        }
        // Since HTTP/1.1 a request must have one Host field (RFC 9112, 3.2).
        if is_http_1_1 && hosts != 1 {
            return Self::refused(Refusal::Malformed, length);
        }
        let page = match method {
            "GET" | "HEAD" => page(target).ok_or(Refusal::NotFound),
            _ => Err(Refusal::NotAllowed),
        };
        // hinit reads no body, so it cannot find the next request behind one.
        let after_answer = if has_body || page == Err(Refusal::NotAllowed) {
            AfterAnswer::Linger
        } else if !is_http_1_1 || asks_to_close {
            AfterAnswer::Close
        } else {
            AfterAnswer::KeepOpen
        };
        Self {
            page,
            is_head: method == "HEAD",
            after_answer,
            length,
        }
    }
}

/// The page of a request's target: a path, alone or behind a scheme and a host (RFC 9112, 3.2).
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

/// Whatever a client sends: each request has an end, which is found as soon as its last byte has arrived.
#[cfg(any(fuzzing, test))]
pub(crate) fn fuzz(bytes: &[u8]) {
    let bytes = bytes.get(..MAX_BYTES).unwrap_or(bytes);
    let Some(request) = Request::read(bytes) else {
        assert!(bytes.len() < MAX_BYTES);
        return;
    };
    assert!((1..=bytes.len()).contains(&request.length));
    if request.page.is_ok() {
        let whole = bytes.get(..request.length).unwrap_or_default();
        assert_eq!(Request::read(whole).as_ref(), Some(&request));
        let cut = whole.get(..whole.len() - 1).unwrap_or_default();
        assert_eq!(Request::read(cut), None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(Result<Page, Refusal>, bool, AfterAnswer)> {
        let request = Request::read(text.as_bytes())?;
        Some((request.page, request.is_head, request.after_answer))
    }

    #[test]
    fn the_page_of_a_request_and_what_happens_after_the_answer() {
        use AfterAnswer::{Close, KeepOpen, Linger};
        use Page::{Liveness, Readiness, Status};
        use Refusal::{Malformed, NotAllowed, NotFound};
        let (get, head) = (false, true);
        for (line, more, expected) in [
            ("GET /livez HTTP/1.1", "", (Ok(Liveness), get, KeepOpen)),
            ("GET /readyz HTTP/1.1", "", (Ok(Readiness), get, KeepOpen)),
            ("HEAD /status HTTP/1.1", "", (Ok(Status), head, KeepOpen)),
            (
                "GET /livez?verbose HTTP/1.1",
                "",
                (Ok(Liveness), get, KeepOpen),
            ),
            (
                "GET http://a:1/livez HTTP/1.1",
                "",
                (Ok(Liveness), get, KeepOpen),
            ),
            ("GET http://a HTTP/1.1", "", (Err(NotFound), get, KeepOpen)),
            ("GET / HTTP/1.1", "", (Err(NotFound), get, KeepOpen)),
            ("GET /livez/ HTTP/1.1", "", (Err(NotFound), get, KeepOpen)),
            ("GET //livez HTTP/1.1", "", (Err(NotFound), get, KeepOpen)),
            ("GET /LIVEZ HTTP/1.1", "", (Err(NotFound), get, KeepOpen)),
            (
                "GET /x://y/livez HTTP/1.1",
                "",
                (Err(NotFound), get, KeepOpen),
            ),
            ("HEAD / HTTP/1.1", "", (Err(NotFound), head, KeepOpen)),
            ("POST /livez HTTP/1.1", "", (Err(NotAllowed), get, Linger)),
            ("get /livez HTTP/1.1", "", (Err(NotAllowed), get, Linger)),
            ("OPTIONS * HTTP/1.1", "", (Err(NotAllowed), get, Linger)),
            ("GET /livez HTTP/1.0", "", (Ok(Liveness), get, Close)),
            (
                "GET /livez HTTP/1.1",
                "Connection: close\r\n",
                (Ok(Liveness), get, Close),
            ),
            (
                "GET /livez HTTP/1.1",
                "connection: x, Close\r\n",
                (Ok(Liveness), get, Close),
            ),
            (
                "GET /livez HTTP/1.1",
                "Connection: keep-alive\r\n",
                (Ok(Liveness), get, KeepOpen),
            ),
            (
                "GET /livez HTTP/1.1",
                "Content-Length: 5\r\n",
                (Ok(Liveness), get, Linger),
            ),
            (
                "GET /livez HTTP/1.1",
                "Transfer-Encoding: chunked\r\n",
                (Ok(Liveness), get, Linger),
            ),
            (
                "GET /livez HTTP/1.1",
                "Host: b\r\n",
                (Err(Malformed), get, Linger),
            ),
            ("GET /livez HTTP/2.0", "", (Err(Malformed), get, Linger)),
            ("GET /livez", "", (Err(Malformed), get, Linger)),
            ("GET  /livez HTTP/1.1", "", (Err(Malformed), get, Linger)),
            (
                "GET /livez HTTP/1.1",
                "a b: c\r\n",
                (Err(Malformed), get, Linger),
            ),
            (
                "GET /livez HTTP/1.1",
                "a: \0\r\n",
                (Err(Malformed), get, Linger),
            ),
            ("\u{16}\u{3}\u{1}\u{2}", "", (Err(Malformed), get, Linger)),
        ] {
            let text = format!("{line}\r\nHost: a\r\n{more}\r\n");
            assert_eq!(read(&text), Some(expected), "{text:?}");
        }
        // HTTP/1.0 has no Host field.
        assert_eq!(
            read("GET /livez HTTP/1.1\r\n\r\n"),
            Some((Err(Malformed), get, Linger))
        );
        assert_eq!(
            read("GET /livez HTTP/1.0\r\n\r\n"),
            Some((Ok(Liveness), get, Close))
        );
    }

    #[test]
    fn a_request_may_arrive_in_pieces_and_with_the_next_one() {
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
    fn a_head_that_is_too_large_is_refused() {
        let too_large = Some((Err(Refusal::TooLarge), false, AfterAnswer::Linger));
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
