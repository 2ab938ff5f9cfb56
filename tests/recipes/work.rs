//! Work that is under way when a container is stopped, and how a test sees that it is completed.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use crate::engine::{eventually, unique};
use crate::server::Server;

/// Far more than the buffers of two sockets, so that a download is not complete before the client reads it.
const SIZE: usize = 64 << 20;

pub(crate) enum Work {
    /// None: it has nothing that a stop could interrupt or lose.
    Nothing,
    /// A request that takes two seconds.
    Request,
    /// The download of a file from this directory of the image. The client reads it once the port is closed.
    Download(&'static str),
    /// A request to the server at $APP, which answers once the port is closed.
    Proxied,
    /// Data: the first script stores it before the stop, and after the next start the second one prints the text.
    Data(&'static str, &'static str, &'static str),
}

/// What a container needs from outside for its work.
#[derive(Default)]
pub(crate) struct Outside {
    pub(crate) options: Vec<String>,
    file: Option<PathBuf>,
    backend: Option<TcpListener>,
}

impl Drop for Outside {
    fn drop(&mut self) {
        if let Some(file) = &self.file {
            fs::remove_file(file).unwrap();
        }
    }
}

impl Work {
    pub(crate) fn outside(&self) -> Outside {
        let mut outside = Outside::default();
        match self {
            Self::Download(directory) => {
                let path = env::temp_dir().join(format!("hinit-test-{}", unique()));
                File::create(&path).unwrap().set_len(SIZE as u64).unwrap();
                let volume = format!("--volume={}:{directory}/large:ro", path.display());
                outside.options = vec![volume];
                outside.file = Some(path);
            }
            Self::Proxied => {
                let backend = TcpListener::bind("0.0.0.0:0").unwrap();
                let port = backend.local_addr().unwrap().port();
                let app = format!("--env=APP=app:{port}");
                outside.options = vec!["--add-host=app:host-gateway".to_owned(), app];
                outside.backend = Some(backend);
            }
            Self::Nothing | Self::Request | Self::Data(..) => {}
        }
        outside
    }

    /// Stops the server while the work is under way, and returns the time that the stop took.
    pub(crate) fn interrupted_by_stop(&self, server: &Server, outside: &Outside) -> Duration {
        match self {
            Self::Nothing => server.stop(),
            Self::Request => request(server),
            Self::Download(_) => download(server),
            Self::Proxied => proxied(server, outside.backend.as_ref().unwrap()),
            Self::Data(write, ..) => {
                server.shell(write);
                server.stop()
            }
        }
    }

    /// Checks the data after the next start.
    pub(crate) fn is_kept(&self, server: &Server) {
        if let Self::Data(_, read, text) = self {
            let found = server.shell(read);
            assert!(found.contains(text), "the data is lost: {found}");
        }
    }

    /// What it is, for the table.
    pub(crate) fn describe(&self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::Request => "a request of two seconds is answered",
            Self::Download(_) => "a download is completed",
            Self::Proxied => "a request to the server behind it is answered",
            Self::Data(..) => "the data is kept",
        }
    }
}

fn request(server: &Server) -> Duration {
    let address = server.address();
    let client = thread::spawn(move || (get(&address, "/slow"), Instant::now()));
    eventually("the slow request begins", || {
        server.logs().contains("slow request begins").then_some(())
    });
    let requested = Instant::now();
    let took = server.stop();
    let (answer, answered) = client.join().unwrap();
    let complete = answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("worker ");
    assert!(complete, "no complete answer: {answer}");
    assert!(answered > requested, "it was answered before the stop");
    took
}

fn download(server: &Server) -> Duration {
    let mut client = TcpStream::connect(server.address()).unwrap();
    write!(client, "GET /large HTTP/1.0\r\n\r\n").unwrap();
    // The end of the connection is lost where the container's network ends before it is sent.
    let silence = Some(Duration::from_secs(10));
    client.set_read_timeout(silence).unwrap();
    let head = head(&mut client);
    assert!(head.contains(" 200 OK\r\n"), "{head}");
    let read = || {
        let mut body = Vec::new();
        let read = client.read_to_end(&mut body);
        assert_eq!(body.len(), SIZE, "the download is cut off: {read:?}");
    };
    stop_and_finish(server, read)
}

fn proxied(server: &Server, backend: &TcpListener) -> Duration {
    let address = server.address();
    let client = thread::spawn(move || get(&address, "/"));
    let (mut request, _) = backend.accept().unwrap();
    head(&mut request);
    let answer = || {
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\ndone";
        request.write_all(answer.as_bytes()).unwrap();
        let answer = client.join().unwrap();
        assert!(
            answer.ends_with("\r\n\r\ndone"),
            "no complete answer: {answer}"
        );
    };
    stop_and_finish(server, answer)
}

/// The complete answer to a request with a host name, as clients send it.
fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: app.example.com\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    // What is cut off, the caller sees.
    let _read = stream.read_to_string(&mut answer);
    answer
}

/// Stops the server, and finishes the work when its port is closed.
fn stop_and_finish(server: &Server, finish: impl FnOnce()) -> Duration {
    thread::scope(|scope| {
        let stop = scope.spawn(|| server.stop());
        let address = server.address();
        // The address of a container that has ended may be another one's already.
        eventually("the port is closed", || {
            (stop.is_finished() || TcpStream::connect(&address).is_err()).then_some(())
        });
        finish();
        stop.join().unwrap()
    })
}

/// Reads up to the first empty line.
fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    String::from_utf8(head).unwrap()
}
