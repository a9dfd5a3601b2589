from pathlib import Path

import pytest

from semrouter_extproc.encoding.prepared import prepare
from semrouter_extproc.encoding.weights import DEFAULT_MODEL, folder_of
from support import sentence_models


@pytest.fixture(scope="session")
def minilm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the default encoder, prepared."""
    folder = tmp_path_factory.mktemp("prepared") / "minilm"
    prepare(DEFAULT_MODEL, folder_of(DEFAULT_MODEL), folder)
    return folder


@pytest.fixture(scope="session")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a small model. Tests that change it copy it."""
    return sentence_models.write_older(tmp_path_factory.mktemp("models") / "bert")


@pytest.fixture(scope="session")
def distilbert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a small model that only torch can run."""
    return sentence_models.write_other(tmp_path_factory.mktemp("models") / "distilbert")
