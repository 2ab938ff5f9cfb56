"""The application of the tests: it says which worker answers, and takes its time for /slow."""

import os
import sys
import time


def app(environ, start_response):
    if environ["PATH_INFO"] == "/slow":
        print("slow request begins", file=sys.stderr, flush=True)
        time.sleep(2)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"worker {os.getpid()}\n".encode()]
