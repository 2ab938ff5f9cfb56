"""The application under gunicorn: it prints which worker has which request, and its answers take time."""

import ctypes
import os
import time


def say(line):
    """Prints a line in one write, because the workers share their output."""
    os.write(1, f"{line}\n".encode())


# A worker imports this after it has installed its signal handlers.
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
    """Waits in C without end, so that no signal handler of Python runs."""
    libc = ctypes.CDLL(None)
    mutex = ctypes.create_string_buffer(64)  # zeroes are an unlocked mutex
    libc.pthread_mutex_lock(mutex)
    libc.pthread_mutex_lock(mutex)
