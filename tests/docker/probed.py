"""Answers every probe that README.md and the guides show, each with TLS and without; a tiny server of each protocol.

It also touches a heartbeat, says that it is ready, and writes each HUP and QUIT to /shared/signals.
"""

import os
import signal
import socket
import ssl
import threading
import time


def read(client, end):
    """Reads until the request ends like this."""
    request = b""
    while not request.endswith(end):
        more = client.recv(4096)
        if not more:
            raise ConnectionError
        request += more
    return request


def http(client):
    read(client, b"\r\n\r\n")
    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n")


def redis(client):
    read(client, b"PING\r\n")
    client.sendall(b"+PONG\r\n")


def smtp(client):
    client.sendall(b"220 ready\r\n")
    client.recv(4096)


def fastcgi(client):
    def record(kind, content):
        return bytes([1, kind, 0, 1, 0, len(content), 0, 0]) + content

    read(client, bytes([1, 5, 0, 1, 0, 0, 0, 0]))  # the empty FCGI_STDIN
    client.sendall(record(6, b"Content-Type: text/plain\r\n\r\npong") + record(6, b"") + record(3, bytes(8)))


def grpc(client):
    def frame(kind, flags, stream, payload):
        return len(payload).to_bytes(3, "big") + bytes([kind, flags, 0, 0, 0, stream]) + payload

    def literal(name, value):
        return bytes([0, len(name)]) + name + bytes([len(value)]) + value

    client.sendall(frame(4, 0, 0, b""))  # SETTINGS
    read(client, frame(0, 1, 1, bytes(5)))  # an empty HealthCheckRequest in DATA, which ends the stream
    head = b"\x88" + literal(b"content-type", b"application/grpc")  # :status 200
    serving = b"\0\0\0\0\2\x08\1"
    client.sendall(
        frame(4, 1, 0, b"")
        + frame(1, 4, 1, head)
        + frame(0, 0, 1, serving)
        + frame(1, 5, 1, literal(b"grpc-status", b"0"))
    )
    client.recv(4096)


def nothing(client):
    client.recv(4096)


def answer(client, protocol):
    try:
        # The first byte of a TLS handshake. An SMTP server speaks first.
        if protocol is not smtp and client.recv(1, socket.MSG_PEEK) == b"\x16":
            client = TLS.wrap_socket(client, server_side=True)
        protocol(client)
    except OSError:
        pass  # the client has closed the connection, as after a probe that only connects
    finally:
        client.close()


def serve(listener, protocol):
    while True:
        client, _ = listener.accept()
        threading.Thread(target=answer, args=(client, protocol), daemon=True).start()


def note(number, _):
    with open("/shared/signals", "a") as file:
        print(signal.Signals(number).name, file=file)


TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
TLS.load_cert_chain("/tls.crt", "/tls.key")
TLS.set_alpn_protocols(["h2", "http/1.1"])
for number in signal.SIGHUP, signal.SIGQUIT:
    signal.signal(number, note)

protocols = {25: smtp, 5432: nothing, 6379: redis, 8000: http, 8443: http, 9000: fastcgi, 50051: grpc}
listeners = [(socket.create_server(("", port)), protocol) for port, protocol in protocols.items()]
if os.access("/run", os.W_OK):
    listeners.append((socket.socket(socket.AF_UNIX), redis))
    listeners[-1][0].bind("/run/redis.sock")
    listeners[-1][0].listen()
for listener in listeners:
    threading.Thread(target=serve, args=listener, daemon=True).start()

print("my-server: started", flush=True)
if "NOTIFY_SOCKET" in os.environ:
    name = os.environ["NOTIFY_SOCKET"].replace("@", "\0", 1)
    socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"READY=1", name)
while True:
    for heartbeat in ["/run/app/alive", "/dev/shm/alive"]:
        with open(heartbeat, "w"):
            pass
    time.sleep(1)
