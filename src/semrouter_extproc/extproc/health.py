"""What Envoy's gRPC health checks, and those of Kubernetes, are told."""

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from semrouter_extproc.extproc.service import SERVICE


class Health:
    """The health service of a `grpc.aio` server, for the whole of it and for ext_proc."""

    def __init__(self, server: grpc.aio.Server) -> None:
        self._servicer = health.aio.HealthServicer()  # type: ignore[attr-defined]  # stubs lack aio
        health_pb2_grpc.add_HealthServicer_to_server(self._servicer, server)

    async def report(self, *, serving: bool) -> None:
        """Tell everyone who asks or watches whether requests are welcome."""
        response = health_pb2.HealthCheckResponse
        for name in (health.OVERALL_HEALTH, SERVICE):
            await self._servicer.set(name, response.SERVING if serving else response.NOT_SERVING)
