"""A server by grpclib, with its health service: grpclib_server.py HOST:PORT PATH [--bare]"""

import asyncio
import sys

from grpclib.health.check import ServiceStatus
from grpclib.health.service import OVERALL, Health
from grpclib.server import Server
from grpclib.utils import graceful_exit


class Service:
    """A service whose status the health service reports."""

    def __init__(self, name):
        self.name = name

    def __mapping__(self):
        return {f"/{self.name}/Method": None}


def status(value):
    status = ServiceStatus()
    status.set(value)
    return status


async def main(address, path, *options):
    checks = {
        OVERALL: [],
        Service("up"): [status(True)],
        Service("down"): [status(False)],
        Service("unsure"): [status(None)],
    }
    services = [] if "--bare" in options else [Health(checks)]
    servers = [Server(services), Server(services)]
    host, port = address.split(":")
    with graceful_exit(servers):
        await servers[0].start(path=path)
        await servers[1].start(host, int(port))
        for server in servers:
            await server.wait_closed()


asyncio.run(main(*sys.argv[1:]))
