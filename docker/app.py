"""The application of Dockerfile.example. Its answer contains the PID of the worker, and /slow takes two seconds, to show a
graceful stop."""

import os
import sys
import time


def app(environ, start_response):
    if environ["PATH_INFO"] == "/slow":
        print("slow request begins", file=sys.stderr, flush=True)
        time.sleep(2)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"worker {os.getpid()}\n".encode()]
