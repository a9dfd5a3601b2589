"""`semrouter serve`: the ext_proc server and its admin port."""

import os
import resource
from typing import Final

from semrouter_extproc.cli.options import ConfigFile

_BLAS_THREADS: Final = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def serve(config: ConfigFile) -> None:
    """Serve Envoy's ext_proc calls until SIGTERM, then drain."""
    # A product with one vector is small work: threads that share it wait for each other, ten
    # times as long where the cores are busy. numpy looks once, when it is loaded.
    for name in _BLAS_THREADS:
        os.environ.setdefault(name, "1")
    # A core would hold the prompts that are under way.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Loading grpc and uvicorn takes a second that `--help` need not spend.
    import uvloop

    from semrouter_extproc.observe import logs
    from semrouter_extproc.server import serve as serve_until_stopped

    with logs.written_aside():
        # A fifth less of CPU time per request than asyncio's own loop.
        uvloop.run(serve_until_stopped(config))
