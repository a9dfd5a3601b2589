"""`semrouter serve`: the ext_proc server and its admin port."""

import asyncio
from typing import Annotated

import typer

from semrouter_extproc.cli.options import ConfigFile


def serve(
    config: ConfigFile,
    debug: Annotated[bool, typer.Option(help="Log more; still never a prompt.")] = False,
) -> None:
    """Serve Envoy's ext_proc calls until SIGTERM, then drain."""
    # Loading grpc and uvicorn takes a second that `--help` need not spend.
    from semrouter_extproc.config import load
    from semrouter_extproc.observe import logs
    from semrouter_extproc.server import serve as serve_until_stopped

    logs.configure(debug=debug)
    asyncio.run(serve_until_stopped(load(config)))
