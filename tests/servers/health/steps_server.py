"""Python's http.server, which answers in steps: steps_server.py PORT HTTP/1.0|HTTP/1.1 [CERTIFICATE KEY]"""

import os
import signal
import ssl
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

STEPS = [b"first ", b"second ", b"third ", b"fourth\n"]


class Handler(BaseHTTPRequestHandler):
    # With 1.1 it keeps connections open unless the client requests otherwise.
    protocol_version = sys.argv[2]

    def do_HEAD(self):
        self.send_response(503 if self.path == "/down" else 200)
        self.send_header("Content-Length", sum(map(len, STEPS)))
        self.end_headers()

    def do_GET(self):
        if self.protocol_version == "HTTP/1.0":
            # The body ends with the connection.
            self.send_response(503 if self.path == "/down" else 200)
            self.end_headers()
        else:
            self.do_HEAD()
        for step in STEPS:
            time.sleep(0.005)
            self.wfile.write(step)

    def log_message(self, *_):
        pass


signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
if len(sys.argv) > 3:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*sys.argv[3:])
    server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
