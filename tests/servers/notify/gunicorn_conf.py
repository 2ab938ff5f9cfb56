"""The settings of a gunicorn that boots when the test wants it to."""

import os
import time

from gunicorn import systemd


def on_starting(server):
    while not os.path.exists("boot"):
        time.sleep(0.01)


def when_ready(server):
    """Each new master takes over, where that is wanted: by itself gunicorn says no more than READY=1."""
    if "SAYS_MAINPID" in os.environ:
        systemd.sd_notify(f"MAINPID={os.getpid()}", server.log)
