"""The settings of a gunicorn that boots when the test creates a file."""

import os
import time

from gunicorn import systemd


def on_starting(server):
    while not os.path.exists("boot"):
        time.sleep(0.01)


def when_ready(server):
    """With SENDS_MAINPID each new master sends MAINPID; gunicorn itself sends only READY=1."""
    if "SENDS_MAINPID" in os.environ:
        systemd.sd_notify(f"MAINPID={os.getpid()}", server.log)
