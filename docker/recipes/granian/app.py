"""The application: its answer names the worker's PID, and /slow takes two seconds, to show a graceful stop."""

import asyncio
import os
import sys


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    if scope["path"] == "/slow":
        print("slow request begins", file=sys.stderr, flush=True)
        await asyncio.sleep(2)
    headers = [(b"content-type", b"text/plain")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": f"worker {os.getpid()}\n".encode()})
