"""A server by grpclib, with its health service: grpclib_server.py HOST:PORT PATH [--bare|--tls CERTIFICATE KEY]"""

import asyncio
import ssl
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


def tls(certificate, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    # gRPC requires it, and the context selects none without this.
    context.set_alpn_protocols(["h2"])
    return context


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
        context = tls(*options[1:]) if "--tls" in options else None
        await servers[1].start(host, int(port), ssl=context)
        for server in servers:
            await server.wait_closed()


asyncio.run(main(*sys.argv[1:]))
