"""Runs each script NAME.sh in /queue, and keeps its output as NAME.sh.done."""

import pathlib
import signal
import subprocess
import threading

stopping = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stopping.set())
queue = pathlib.Path("/queue")

while not stopping.is_set():
    pathlib.Path("/dev/shm/alive").touch()
    for script in queue.glob("*.sh"):
        running = script.rename(f"{script}.running")
        output = subprocess.run(["sh", running], stdout=subprocess.PIPE, start_new_session=True).stdout
        pathlib.Path(f"{script}.done").write_bytes(output)
        running.unlink()
    stopping.wait(1)
