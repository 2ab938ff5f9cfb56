"""A server by grpcio, with the official health service: grpcio_server.py ADDRESS PATH [--bare|--tls CERTIFICATE KEY]"""

import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
from grpc_health.v1.health import HealthServicer
from grpc_health.v1.health_pb2 import HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import add_HealthServicer_to_server

SIGNALS = [signal.SIGTERM, signal.SIGUSR1]
STATUSES = {
    "": HealthCheckResponse.SERVING,
    "up": HealthCheckResponse.SERVING,
    "down": HealthCheckResponse.NOT_SERVING,
    "unsure": HealthCheckResponse.UNKNOWN,
    "unheard-of": HealthCheckResponse.SERVICE_UNKNOWN,
    "halfway": HealthCheckResponse.SERVING,
}


class Health(HealthServicer):
    """The official service, with one more whose call fails after the message was sent."""

    def Check(self, request, context):
        if request.service == "halfway":
            context.set_code(grpc.StatusCode.INTERNAL)
        return super().Check(request, context)


# Before threads start, because they inherit the mask.
signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
server = grpc.server(ThreadPoolExecutor())
health = Health()
for service, status in STATUSES.items():
    health.set(service, status)
if "--bare" not in sys.argv:
    add_HealthServicer_to_server(health, server)
if "--tls" in sys.argv:
    certificate, key = (Path(name).read_bytes() for name in sys.argv[-2:])
    server.add_secure_port(sys.argv[1], grpc.ssl_server_credentials([(key, certificate)]))
else:
    server.add_insecure_port(sys.argv[1])
server.add_insecure_port("unix:" + sys.argv[2])
server.start()
# After the signal it continues to serve, and reports NOT_SERVING.
while signal.sigwait(SIGNALS) == signal.SIGUSR1:
    health.enter_graceful_shutdown()
server.stop(None).wait()
