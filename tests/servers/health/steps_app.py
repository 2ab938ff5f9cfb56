"""The application under uWSGI: a generator, whose answer is sent in steps."""

import time


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return () if environ["REQUEST_METHOD"] == "HEAD" else steps()


def steps():
    for step in [b"first ", b"second ", b"third ", b"fourth\n"]:
        time.sleep(0.005)
        yield step
