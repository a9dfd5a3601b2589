"""Serves every chat template of a folder with vLLM's own render server.

A script for the interpreter of vLLM's environment, away from this folder's modules:
`python -P serve_templates.py PORT MODEL FOLDER`. What answers below `/NAME` is what `vllm launch
render MODEL --served-model-name NAME --chat-template FOLDER/NAME.jinja` starts. All share one
process, as importing vLLM takes longer than everything else together.
"""

import asyncio
import sys
from pathlib import Path
from typing import Final

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send
from vllm import AsyncEngineArgs
from vllm.config import VllmConfig
from vllm.entrypoints.launchers.app import build_app
from vllm.entrypoints.launchers.cli_args import make_arg_parser
from vllm.entrypoints.launchers.render.app_state import init_render_app_state
from vllm.utils.argparse_utils import FlexibleArgumentParser

_HOST: Final = "127.0.0.1"

# vLLM knows these models by their architecture, and writes their prompts with code of its own.
_RENDERERS: Final = {
    "Kimi-K3": "kimi_k3",
    "deepseek-ai-DeepSeek-V3.2": "deepseek_v32",
    "deepseek-ai-DeepSeek-V4": "deepseek_v4",
    "deepseek-ai-DeepSeek-V4-Flash-0731": "deepseek_v4",
}


class RenderServers:
    """One server for each template, started when the first request for it comes."""

    def __init__(self, model: str, folder: Path) -> None:
        self._model = model
        self._folder = folder
        self._servers: dict[str, ASGIApp] = {}
        self._starting = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request to the server that its path names."""
        name = scope["path_params"]["name"]
        async with self._starting:
            if name not in self._servers:
                self._servers[name] = await self._start(name)
        await self._servers[name](scope, receive, send)

    async def _start(self, name: str) -> ASGIApp:
        template = self._folder / f"{name}.jinja"
        if not template.is_file():
            return JSONResponse({"error": {"message": f"no model {name!r}"}}, status_code=404)
        arguments = make_arg_parser(FlexibleArgumentParser()).parse_args(
            [
                *("--model", self._model, "--served-model-name", name),
                *("--chat-template", str(template)),
                *("--tokenizer-mode", _RENDERERS.get(name, "auto")),
            ]
        )
        engine = AsyncEngineArgs.from_cli_args(arguments)
        server: Starlette = build_app(arguments, ("render",))
        config = VllmConfig(model_config=engine.create_model_config())
        await init_render_app_state(config, server.state, arguments)
        return server


def _health(_: Request) -> Response:
    return Response()


async def main(port: int, model: str, folder: Path) -> None:
    """Serve until the process is told to end."""
    app = Starlette(
        routes=[Route("/health", _health), Mount("/{name}", RenderServers(model, folder))]
    )
    await uvicorn.Server(uvicorn.Config(app, host=_HOST, port=port, access_log=False)).serve()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])))
