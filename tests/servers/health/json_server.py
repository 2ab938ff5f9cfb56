"""Answers as servers do that say in JSON how they are, and always with 200: json_server.py PORT STATUS

GET /_cluster/health is Elasticsearch's; POST / is a JSON-RPC node's, which answers a right request only."""

import json
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

STATUS = sys.argv[2]


class Handler(BaseHTTPRequestHandler):
    def answer(self, code, body):
        body = json.dumps(body, separators=(",", ":")).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", len(body))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer(200, {"cluster_name": "it", "status": STATUS, "number_of_nodes": 1})

    def do_POST(self):
        if self.headers["Content-Type"] != "application/json":
            return self.answer(415, {"error": "not JSON"})
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        syncing = STATUS != "green"
        known = request.get("method") == "eth_syncing"
        result = {"result": syncing} if known else {"error": {"code": -32601}}
        self.answer(200, {"jsonrpc": "2.0", "id": request["id"], **result})

    def log_message(self, *_):
        pass


signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
