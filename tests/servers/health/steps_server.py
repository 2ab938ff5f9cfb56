"""Python's http.server, which answers in steps: steps_server.py PORT HTTP/1.0|HTTP/1.1"""

import os
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

STEPS = [b"first ", b"second ", b"third ", b"fourth\n"]


class Handler(BaseHTTPRequestHandler):
    # With 1.1 it keeps connections open unless the client requests otherwise.
    protocol_version = sys.argv[2]

    def do_HEAD(self):
        self.send_response(200)
        self.send_header("Content-Length", sum(map(len, STEPS)))
        self.end_headers()

    def do_GET(self):
        if self.protocol_version == "HTTP/1.0":
            # The body ends with the connection.
            self.send_response(200)
            self.end_headers()
        else:
            self.do_HEAD()
        for step in STEPS:
            time.sleep(0.005)
            self.wfile.write(step)

    def log_message(self, *_):
        pass


signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
