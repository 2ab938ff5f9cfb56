"""A server that sends WATCHDOG=1 six times within the timeout of its watchdog, but not while it hangs."""

import os
import socket
import time

import sdnotify

notifier = sdnotify.SystemdNotifier()
listener = socket.socket(socket.AF_UNIX)
listener.bind("socket")
listener.listen()
listener.settimeout(int(os.environ["WATCHDOG_USEC"]) / 1e6 / 6)


def answer(client):
    with client:
        request = client.makefile().readline()
        client.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
    if request.startswith("GET /hang "):
        while not os.path.exists("go"):
            time.sleep(0.01)


notifier.notify("READY=1")
while True:
    try:
        answer(listener.accept()[0])
    except TimeoutError:
        pass
    notifier.notify("WATCHDOG=1")
