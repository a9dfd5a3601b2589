"""`semrouter serve`: the ext_proc server and its admin port."""

import asyncio

from semrouter_extproc.cli.options import ConfigFile


def serve(config: ConfigFile) -> None:
    """Serve Envoy's ext_proc calls until SIGTERM, then drain."""
    # Loading grpc and uvicorn takes a second that `--help` need not spend.
    from semrouter_extproc.config import load
    from semrouter_extproc.observe import logs
    from semrouter_extproc.server import serve as serve_until_stopped

    logs.configure()
    asyncio.run(serve_until_stopped(load(config)))
