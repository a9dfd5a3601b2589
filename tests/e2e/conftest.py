from collections.abc import Iterator

import pytest

from support.front import service
from support.stack import Stack, running_stack
from support.vllm import (
    chat_templates,
    installation,
    rendering,
    template_server,
    tiny_vllm,
)

__all__ = [
    "chat_templates",
    "installation",
    "rendering",
    "service",
    "template_server",
    "tiny_vllm",
]


@pytest.fixture(scope="session")
def shared_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One stack for every test that leaves it as it found it."""
    with running_stack(tmp_path_factory.mktemp("stack")) as stack:
        yield stack


@pytest.fixture
def stack(shared_stack: Stack) -> Stack:
    return shared_stack.forget()
