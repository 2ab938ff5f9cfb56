use super::Finding::{ClosedEarly, GrpcStatus, NotServing, Refused, Serving, UnexpectedStatus};
use super::*;
use crate::cli::{Address, Transport};
use crate::healthcheck::probe::fuzz;

fn refused(code: u32) -> Finding {
    Refused("HTTP/2", code)
}

fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    push_frame(&mut bytes, kind, flags, stream, payload);
    bytes
}

/// A message, with its length before it.
fn response(message: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 0, 0, u8::try_from(message.len()).unwrap()];
    bytes.extend(message);
    bytes
}

/// The finding of an answer, wherever it is cut. The answer begins with the server's settings.
#[track_caller]
fn finding_of(frames: &[Vec<u8>]) -> Finding {
    let settings = frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 100]);
    raw_finding_of(&[vec![settings], frames.to_vec()].concat().concat())
}

#[track_caller]
fn raw_finding_of(bytes: &[u8]) -> Finding {
    fuzz::finding(Answer::default, bytes, &[1, 2, 5, 9, 10])
}

const OK: u8 = 0x88;
/// `grpc-status` as a plain literal.
fn grpc_status(value: &str) -> Vec<u8> {
    let mut block = vec![0, 11];
    block.extend(b"grpc-status");
    block.push(u8::try_from(value.len()).unwrap());
    block.extend(value.bytes());
    block
}

#[test]
fn the_request() {
    let endpoint = Endpoint {
        host: "h:1".into(),
        transport: Transport::Plain,
        address: Address::Tcp(Vec::new()),
        service: "my.Service".into(),
    };
    let bytes = request(&endpoint, &[]);
    let rest = bytes
        .strip_prefix(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        .unwrap();
    let settings = [
        0, 0, 12, SETTINGS, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0,
    ];
    let rest = rest.strip_prefix(&settings).unwrap();
    let headers = usize::from(rest[2]);
    assert_eq!(&rest[3..9], [HEADERS, END_HEADERS, 0, 0, 0, 1]);
    let data = &rest[9 + headers..];
    assert_eq!(&data[..9], [0, 0, 17, DATA, END_STREAM, 0, 0, 0, 1]);
    assert_eq!(&data[9..], b"\0\0\0\0\x0c\x0a\x0amy.Service");
    // The whole server has no service name.
    assert_eq!(message(""), [0; 5]);
}

#[test]
fn the_answers() {
    let headers = |flags, block: &[u8]| frame(HEADERS, flags | END_HEADERS, 1, block);
    let data = |flags, bytes: &[u8]| frame(DATA, flags, 1, bytes);
    let ok = || headers(0, &[OK]);
    let trailers = |status| headers(END_STREAM, &grpc_status(status));
    let serving = response(&[8, 1]);
    for (frames, finding) in [
        (vec![ok(), data(0, &serving)], Serving),
        (vec![ok(), data(0, &response(&[8, 2]))], NotServing(2)),
        (vec![ok(), data(0, &response(&[8, 3]))], NotServing(3)),
        (vec![ok(), data(0, &response(&[]))], NotServing(0)),
        // Unknown fields; of a field that comes twice, the last counts.
        (
            vec![ok(), data(0, &response(&[0x12, 2, 9, 9, 8, 2, 8, 1]))],
            Serving,
        ),
        (
            vec![
                ok(),
                data(
                    0,
                    &response(&[0x19, 1, 2, 3, 4, 5, 6, 7, 8, 0x25, 1, 2, 3, 4, 8, 1]),
                ),
            ],
            Serving,
        ),
        // In two frames, the second padded.
        (
            vec![
                ok(),
                data(0, &serving[..3]),
                data(PADDED, &[&[2], &serving[3..], &[0, 0]].concat()),
            ],
            Serving,
        ),
        (
            vec![headers(
                END_STREAM,
                &[&[OK], &grpc_status("5")[..]].concat(),
            )],
            GrpcStatus(5),
        ),
        (
            vec![headers(
                END_STREAM,
                &[&[OK], &grpc_status("12")[..]].concat(),
            )],
            GrpcStatus(12),
        ),
        // A block in two frames.
        (
            vec![
                frame(HEADERS, END_STREAM, 1, &grpc_status("16")[..5]),
                frame(CONTINUATION, END_HEADERS, 1, &grpc_status("16")[5..]),
            ],
            GrpcStatus(16),
        ),
        (
            vec![headers(
                PRIORITY | END_STREAM,
                &[&[0; 5], &grpc_status("1")[..]].concat(),
            )],
            GrpcStatus(1),
        ),
        (
            vec![headers(END_STREAM, &[0x8d])],
            UnexpectedStatus(404, String::new()),
        ),
        (vec![headers(END_STREAM, &[OK])], ClosedEarly),
        (vec![ok(), data(END_STREAM, &[])], ClosedEarly),
        (vec![ok(), trailers("0")], ClosedEarly),
        (vec![], ClosedEarly),
        (
            vec![frame(GOAWAY, 0, 0, &[0, 0, 0, 1, 0, 0, 0, 11])],
            refused(11),
        ),
        (vec![frame(RST_STREAM, 0, 1, &[0, 0, 0, 7])], refused(7)),
        // Frames of no importance: a ping, a window update, another stream.
        (
            vec![
                frame(6, 0, 0, &[0; 8]),
                frame(8, 0, 0, &[0; 4]),
                data(0, &serving),
            ],
            Serving,
        ),
        (
            vec![frame(DATA, 0, 3, &response(&[8, 2])), data(0, &serving)],
            Serving,
        ),
        (vec![data(0, &[1, 0, 0, 0, 2, 8, 1])], NOT_GRPC),
        (vec![data(0, &[0, 0xff, 0, 0, 0, 8])], NOT_GRPC),
        (vec![data(0, &response(&[0xff]))], NOT_GRPC),
        (vec![data(0, &response(&[0x0a, 0x7f]))], NOT_GRPC),
        (vec![data(PADDED, &[9, 0])], NOT_GRPC),
        (vec![data(PADDED, &[])], NOT_GRPC),
        (vec![headers(0, &[0xff, 0xff, 0xff, 0xff, 0xff])], NOT_GRPC),
    ] {
        // The message counts once the trailers report success.
        let mut frames = frames;
        if matches!(finding, Serving | NotServing(_)) {
            frames.push(trailers("0"));
        }
        assert_eq!(finding_of(&frames), finding, "{frames:x?}");
    }
}

#[test]
fn a_graceful_end_and_interim_answers_are_not_final() {
    let headers = |flags, block: &[u8]| frame(HEADERS, flags | END_HEADERS, 1, block);
    let goaway = |last: u32| frame(GOAWAY, 0, 0, &[last.to_be_bytes(), [0; 4]].concat());
    let interim = |flags| headers(flags, b"\x08\x03103\0\x04link\x01x");
    let message = || frame(DATA, 0, 1, &response(&[8, 1]));
    let trailers = || headers(END_STREAM, &grpc_status("0"));
    for (before, between, finding) in [
        // The server answers on the streams that it has seen, and on no others.
        (goaway(u32::MAX), goaway(1), Serving),
        (goaway(1), vec![], Serving),
        (goaway(0), vec![], refused(0)),
        (goaway(1 << 31), vec![], refused(0)),
        (vec![], goaway(0), refused(0)),
        (interim(0), vec![], Serving),
        (
            interim(END_STREAM),
            vec![],
            UnexpectedStatus(103, String::new()),
        ),
    ] {
        let frames = [before, headers(0, &[OK]), between, message(), trailers()];
        assert_eq!(finding_of(&frames), finding, "{frames:x?}");
    }
}

#[test]
fn a_message_counts_only_if_the_call_succeeded() {
    let headers = |flags, block: &[u8]| frame(HEADERS, flags | END_HEADERS, 1, block);
    let message = || frame(DATA, 0, 1, &response(&[8, 1]));
    for (end, finding) in [
        (headers(END_STREAM, &grpc_status("0")), Serving),
        (headers(END_STREAM, &grpc_status("13")), GrpcStatus(13)),
        (headers(END_STREAM, &[OK]), ClosedEarly),
        (frame(DATA, END_STREAM, 1, &[]), ClosedEarly),
        (frame(RST_STREAM, 0, 1, &[0, 0, 0, 2]), refused(2)),
        (vec![], ClosedEarly),
    ] {
        let frames = [headers(0, &[OK]), message(), end];
        assert_eq!(finding_of(&frames), finding, "{frames:x?}");
    }
}

#[test]
fn an_answer_is_kept_within_bounds() {
    let many = vec![frame(HEADERS, 0, 1, &[0; 10_000]); 2];
    assert_eq!(finding_of(&many), Finding::HeadersTooLong);
    assert_eq!(finding_of(&[frame(DATA, 0, 1, &[0; 1025])]), NOT_GRPC);
    let endless_number = response(&[&[8][..], &[0xff; 10]].concat());
    assert_eq!(finding_of(&[frame(DATA, 0, 1, &endless_number)]), NOT_GRPC);
    let long = [0xff, 0xff, 0xff, DATA, 0, 0, 0, 0, 1];
    assert_eq!(finding_of(&[long.to_vec()]), NOT_GRPC);
}

#[test]
fn other_protocols() {
    for bytes in [
        &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
        b"SSH-2.0-OpenSSH_9.2\r\n",
        &frame(DATA, 0, 1, &[]),
        &[0xff; 100],
    ] {
        assert_eq!(raw_finding_of(bytes), NOT_GRPC, "{bytes:x?}");
    }
}
