//! The socket beside the PID file, at which an init answers whether its server is well: both sides.

use std::ffi::CStr;

use nix::libc;

use crate::call::{Entry, NONE, Text, address, call, outcome};

/// The length of the write lock of an init that answers.
pub(crate) const LOCK_LENGTH: i64 = 2;

const ENDING: &[u8] = b".sock";
const REQUEST: &[u8] = b"GET /livez HTTP/1.0\r\n\r\n";
const ANSWER: &[u8] = b"HTTP/1.1 200 healthy\r\n\r\n";
const HEALTHY: &[u8] = b"HTTP/1.1 200 ";

/// Listens beside the PID file. (By its path: only what a check takes is measured.)
pub(crate) fn listen(pid_file: &CStr) -> Option<usize> {
    let (path, length) = name(pid_file);
    let socket = open(libc::SOCK_NONBLOCK)?;
    // SAFETY: the kernel reads the path.
    unsafe {
        outcome(call(libc::SYS_bind, [socket, path.address(), length]))?;
        outcome(call(libc::SYS_listen, [socket, 128]))?;
    }
    Some(socket)
}

/// Waits for a signal. Meanwhile answers whether the server is well, which it is.
pub(crate) fn answer_until_signal(socket: usize, queue: usize) {
    let source = |fd: usize| libc::pollfd {
        fd: fd as libc::c_int,
        events: libc::POLLIN,
        revents: 0,
    };
    loop {
        let mut sources = [source(queue), source(socket)];
        // SAFETY: the array has that many elements.
        unsafe { libc::poll(sources.as_mut_ptr(), sources.len() as libc::nfds_t, -1) };
        let [has_signal, has_client] = sources.map(|source| source.revents != 0);
        if has_client {
            answer(socket);
        }
        if has_signal {
            return;
        }
    }
}

fn answer(socket: usize) -> Option<()> {
    let mut request = [0_u8; 128];
    let (bytes, room) = (address(request.as_mut_ptr()), request.len());
    let (text, length) = (address(ANSWER.as_ptr()), ANSWER.len());
    let flags = libc::MSG_NOSIGNAL.cast_unsigned() as usize;
    // SAFETY: the kernel writes at most that many bytes to the request, and reads the answer.
    unsafe {
        let no_address = NONE;
        let client = [
            socket,
            no_address,
            no_address,
            libc::SOCK_CLOEXEC.cast_unsigned() as usize,
        ];
        let client = outcome(call(libc::SYS_accept4, client))?;
        call(libc::SYS_recvfrom, [client, bytes, room]);
        call(libc::SYS_sendto, [client, text, length, flags]);
        call(libc::SYS_close, [client]);
    }
    Some(())
}

/// Whether the process that listens beside the PID file is this one, and says that the server is well.
pub(crate) fn ask(pid_file: Entry, listener: usize) -> Option<bool> {
    let (name, length) = name(pid_file.name());
    // "queries sockets in the directory that it has open": no other call takes a directory for an address.
    pid_file.enter_directory()?;
    let socket = open(0)?;
    let mut peer = [0_u32; 3];
    let mut answer = [0_u8; 128];
    let (text, text_length) = (address(REQUEST.as_ptr()), REQUEST.len());
    let flags = libc::MSG_NOSIGNAL.cast_unsigned() as usize;
    // SAFETY: the kernel reads the name and the request, and writes the peer and at most that many bytes of the answer.
    unsafe {
        outcome(call(libc::SYS_connect, [socket, name.address(), length]))?;
        // "The answer counts only if it comes from the parent of the process in the file"
        let mut peer_length = size_of_val(&peer) as u32;
        let option = [
            socket,
            libc::SOL_SOCKET.cast_unsigned() as usize,
            libc::SO_PEERCRED.cast_unsigned() as usize,
            address(peer.as_mut_ptr()),
            address(&raw mut peer_length),
        ];
        outcome(call(libc::SYS_getsockopt, option))?;
        outcome(call(libc::SYS_sendto, [socket, text, text_length, flags]))?;
        // The deadline of the whole check bounds it.
        let room = [socket, address(answer.as_mut_ptr()), answer.len()];
        outcome(call(libc::SYS_recvfrom, room))?;
    }
    let [peer, ..] = peer;
    Some(peer as usize == listener && answer.starts_with(HEALTHY))
}

fn open(flags: libc::c_int) -> Option<usize> {
    let kind = (libc::SOCK_STREAM | libc::SOCK_CLOEXEC | flags).cast_unsigned() as usize;
    let family = libc::AF_UNIX.cast_unsigned() as usize;
    // SAFETY: no address is passed.
    outcome(unsafe { call(libc::SYS_socket, [family, kind, 0]) })
}

/// The address of the socket beside this file, as a `sockaddr_un`, and its length.
fn name(pid_file: &CStr) -> (Text<110>, usize) {
    let family = (libc::AF_UNIX as u16).to_ne_bytes();
    let mut name = Text::of(&family);
    name.push(pid_file.to_bytes());
    name.push(ENDING);
    let length = name.length + 1;
    (name, length)
}
