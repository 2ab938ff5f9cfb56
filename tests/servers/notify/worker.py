"""A server whose worker sends messages when the test creates a file."""

import os
import signal
import time

import sdnotify


def wait_for(name):
    while not os.path.exists(name):
        time.sleep(0.01)


print(os.environ["NOTIFY_SOCKET"], flush=True)
if os.fork() == 0:
    notifier = sdnotify.SystemdNotifier()
    wait_for("send")
    notifier.notify("STATUS=from the worker")
    wait_for("go")
    notifier.notify("READY=1")
while True:
    signal.pause()
