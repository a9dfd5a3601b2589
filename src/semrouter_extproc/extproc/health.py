"""What Envoy's gRPC health checks, and those of Kubernetes, are told."""

import grpc
from grpc_health.v1 import health, health_pb2

from semrouter_extproc.extproc.service import SERVICE


class Health:
    """The health service of a `grpc.aio` server, for the whole of it and for ext_proc."""

    def __init__(self, server: grpc.aio.Server) -> None:
        self._servicer = health.aio.HealthServicer()  # type: ignore[attr-defined]  # stubs lack aio
        server.add_generic_rpc_handlers((self._handler(),))

    async def report(self, *, serving: bool) -> None:
        """Tell everyone who asks or watches whether requests are welcome."""
        response = health_pb2.HealthCheckResponse
        for name in (health.OVERALL_HEALTH, SERVICE):
            await self._servicer.set(name, response.SERVING if serving else response.NOT_SERVING)

    def _handler(
        self,
    ) -> "grpc.GenericRpcHandler[health_pb2.HealthCheckRequest, health_pb2.HealthCheckResponse]":
        # The library's own way registers each method, for each of which `grpc.aio` then waits
        # apart, again with every request that comes in.
        serializers = {
            "request_deserializer": health_pb2.HealthCheckRequest.FromString,
            "response_serializer": health_pb2.HealthCheckResponse.SerializeToString,
        }
        return grpc.method_handlers_generic_handler(
            health.SERVICE_NAME,
            {
                "Check": grpc.unary_unary_rpc_method_handler(self._servicer.Check, **serializers),
                "Watch": grpc.unary_stream_rpc_method_handler(self._servicer.Watch, **serializers),
            },
        )
