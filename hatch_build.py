"""Compile `proto/` into `semrouter_extproc/extproc/_pb/` whenever the project is built."""

from importlib.resources import files
from pathlib import Path
from typing import Any

from grpc_tools import protoc
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PROTOS = ("ext_proc.proto", "access_log.proto")


class ProtoBuildHook(BuildHookInterface[Any]):
    """Run protoc before hatchling collects files, for wheels and editable installs alike."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        """Generate the message classes and their type stubs."""
        root = Path(self.root)
        target = root / "src/semrouter_extproc/extproc/_pb"
        target.mkdir(exist_ok=True)
        (target / "__init__.py").write_text('"""Generated from proto/; do not edit."""\n')
        status = protoc.main(
            [
                "protoc",
                f"--proto_path={root / 'proto'}",
                # Google's own types.
                f"--proto_path={files('grpc_tools') / '_proto'}",
                f"--python_out={target}",
                f"--pyi_out={target}",
                *PROTOS,
            ]
        )
        if status != 0:
            raise RuntimeError(f"protoc could not compile {PROTOS} (exit status {status})")
        build_data["artifacts"].append("src/semrouter_extproc/extproc/_pb/*")
