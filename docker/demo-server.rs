//! The server that `docker/demo` and the Docker tests put under hinit.
//!
//!     demo-server                 answer every request on 0.0.0.0:PORT (8000) until a TERM
//!     demo-server kill SIGNAL     does what `kill -SIGNAL $(cat FILE)` does, in an image without a shell
//!
//! A HUP "reloads" it: it counts the reloads, and every answer contains the count. With `NOTIFY_SOCKET` it reports
//! that it is ready (`sd_notify(3)`), after `READY_AFTER` (default 0) reloads.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixStream};
use std::path::PathBuf;
use std::process::{self, ExitCode};
use std::time::Duration;
use std::{env, fs};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use signal_hook::consts::{SIGHUP, SIGTERM};
use signal_hook::low_level::pipe;

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let done = match &args[..] {
        [] => serve(),
        [kill, signal] if kill == "kill" => kill_server(signal),
        _ => Err(io::Error::other("usage: demo-server [kill SIGNAL]")),
    };
    let Err(error) = done else {
        return ExitCode::SUCCESS;
    };
    let _ = writeln!(io::stderr(), "demo-server: {error}");
    ExitCode::FAILURE
}

fn serve() -> io::Result<()> {
    let mut hups = pipe_of(SIGHUP)?;
    let terms = pipe_of(SIGTERM)?;
    let port = env::var("PORT").unwrap_or_else(|_| "8000".into());
    let listener = TcpListener::bind(format!("0.0.0.0:{port}"))?;
    say(&format!("listening on {}", listener.local_addr()?))?;

    let ready_after = env::var("READY_AFTER").unwrap_or_else(|_| "0".into());
    let ready_after = ready_after.parse().map_err(io::Error::other)?;
    let mut is_ready = false;
    let mut reloads = 0;
    loop {
        if !is_ready && reloads >= ready_after {
            notify("READY=1")?;
            is_ready = true;
        }
        let [hup, term, request] = wait([hups.as_fd(), terms.as_fd(), listener.as_fd()])?;
        if hup {
            reloads += hups.read(&mut [0; 64])?;
            say(&format!("reloaded ({reloads})"))?;
        }
        if request {
            // If the client disconnects early, its answer is lost and the server continues.
            let _ = listener.accept().map(|(client, _)| answer(client, reloads));
        }
        if term {
            return say("stopping");
        }
    }
}

/// Sends a message to the `NOTIFY_SOCKET`, if there is one.
fn notify(message: &str) -> io::Result<()> {
    let Some(path) = env::var_os("NOTIFY_SOCKET") else {
        return Ok(());
    };
    let address = match path.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(&path)?,
    };
    UnixDatagram::unbound()?.send_to_addr(message.as_bytes(), &address)?;
    Ok(())
}

/// A socket that receives one byte for each `signal`.
fn pipe_of(signal: i32) -> io::Result<UnixStream> {
    let (reader, writer) = UnixStream::pair()?;
    pipe::register(signal, writer)?;
    Ok(reader)
}

/// Waits until at least one of them is readable, and returns which are.
fn wait<const N: usize>(fds: [BorrowedFd; N]) -> io::Result<[bool; N]> {
    let mut fds = fds.map(|fd| PollFd::new(fd, PollFlags::POLLIN));
    match poll(&mut fds, PollTimeout::NONE) {
        Ok(_) => Ok(fds.map(|fd| fd.any() == Some(true))),
        Err(Errno::EINTR) => Ok([false; N]), // the signal's byte is in its socket: poll again
        Err(errno) => Err(errno.into()),
    }
}

fn answer(mut client: TcpStream, reloads: usize) -> io::Result<()> {
    client.set_read_timeout(Some(Duration::from_secs(1)))?;
    for line in BufReader::new(&client).lines() {
        if line?.is_empty() {
            break; // the end of the request; every request gets the same answer
        }
    }
    let body = format!("demo-server: PID {}, {reloads} reloads\n", process::id());
    write!(
        client,
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// Sends `signal` to the PID in hinit's PID file.
fn kill_server(signal: &str) -> io::Result<()> {
    let signal: Signal = signal.parse()?;
    let file = pid_file().ok_or_else(|| io::Error::other("hinit has no PID file here"))?;
    let pid = fs::read_to_string(&file)?;
    let pid = pid.trim_end().parse().map_err(io::Error::other)?;
    kill(Pid::from_raw(pid), signal)?;
    say(&format!("{} says {pid}: sent it {signal}", file.display()))
}

/// hinit's PID file by its default name, wherever hinit could write it.
fn pid_file() -> Option<PathBuf> {
    ["/run", "/tmp", "/dev/shm"]
        .iter()
        .flat_map(fs::read_dir)
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .find(|path| {
            let stem = path.file_stem().unwrap_or_default();
            stem.as_bytes().starts_with(b"hinit") && path.extension() == Some("pid".as_ref())
        })
}

fn say(line: &str) -> io::Result<()> {
    writeln!(io::stdout(), "demo-server: {line}")
}
