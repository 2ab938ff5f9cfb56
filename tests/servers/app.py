"""The application under gunicorn: it says which worker has which request, and takes its time."""

import ctypes
import os
import time


def say(line):
    """In one piece, as the workers share their output."""
    os.write(1, f"{line}\n".encode())


# A worker imports this when its signal handlers are there.
say("ready")


def app(environ, start_response):
    path = environ["PATH_INFO"]
    say(f"{path} {os.getpid()}")
    if path == "/hang":
        hang()
    while not os.path.exists("go"):
        time.sleep(0.01)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"done\n"]


def hang():
    """Waits in C for ever, where no signal handler of Python's gets its turn."""
    libc = ctypes.CDLL(None)
    mutex = ctypes.create_string_buffer(64)  # zeroes are an unlocked mutex
    libc.pthread_mutex_lock(mutex)
    libc.pthread_mutex_lock(mutex)
