from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from semrouter_extproc.artefact import save
from semrouter_extproc.assembly import load_edition, secret
from semrouter_extproc.config import parse
from semrouter_extproc.core.classify import Classification
from semrouter_extproc.core.policy import Reason
from semrouter_extproc.errors import ConfigError
from support.artefacts import artefact


def reason_for(familiarity: float, folder: Path, **classifier: Any) -> Reason:
    """Return why a clear case of law of this familiarity goes its way, by a page's rules."""
    page = page_with(folder, classifier={"centroids": str(folder), **classifier})
    rules = load_edition(parse(page, source="page")).rules
    found = Classification(0, "law", 0.9, np.array([0.9, 0.1]), familiarity=familiarity)
    return rules.policy.choose(found).reason


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write centroids by which law's familiarity rises from 0.1 to 0.9 with the share."""
    save(tmp_path, artefact())
    return tmp_path


@pytest.mark.parametrize(
    ("share", "reason"), [(0.001, Reason.ROUTED), (0.2, Reason.OUT_OF_SCOPE), (0, Reason.ROUTED)]
)
def test_the_page_says_how_many_known_prompts_may_be_taken_for_strange(
    folder: Path, share: float, reason: Reason
) -> None:
    assert reason_for(0.5, folder, out_of_scope=share) is reason


def test_with_a_share_of_nothing_no_prompt_is_too_strange(folder: Path) -> None:
    assert reason_for(-100.0, folder, out_of_scope=0) is Reason.ROUTED


def test_no_prompt_is_too_strange_unless_the_page_says_so(folder: Path) -> None:
    assert reason_for(-100.0, folder) is Reason.ROUTED


def page_with(folder: Path, **sections: Any) -> dict[str, Any]:
    return {
        "models": {"qwen3": {"dialect": "qwen3", "endpoints": ["127.0.0.1:8000"]}},
        "default": {"model": "qwen3"},
        "routes": {"law": {"reasoning": "on"}},
        "classifier": {"centroids": str(folder)},
        **sections,
    }


@pytest.mark.parametrize(
    ("sections", "fault"),
    [
        ({"shadow": "third.yaml"}, "shadow: a shadow has no shadow of its own"),
        ({"encoder": {"threads": 1}}, "encoder: a shadow judges by the same vectors"),
        ({"routes": {"cooking": {"reasoning": "on"}}}, "routes.cooking"),
    ],
)
def test_a_shadow_that_cannot_be_compared_is_refused_by_its_path(
    folder: Path, sections: dict[str, Any], fault: str
) -> None:
    shadow = folder.parent / "shadow.yaml"
    shadow.write_text(yaml.safe_dump(page_with(folder, **sections)))

    with pytest.raises(ConfigError, match=fault):
        load_edition(parse(page_with(folder, shadow=str(shadow)), source="page"))


def test_a_shadow_that_is_not_there_is_named(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: cannot be read"):
        load_edition(parse(page_with(folder, shadow="nowhere.yaml"), source="page"))


def test_a_secret_is_what_the_variable_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN_OF_THE_TEST", " of the operator \n")

    assert secret("server.admin_token_env", "TOKEN_OF_THE_TEST") == "of the operator"
    assert secret("server.admin_token_env", None) is None


@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_secret_that_is_not_set_is_named_with_its_path(
    monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    if value is not None:
        monkeypatch.setenv("TOKEN_OF_THE_TEST", value)

    with pytest.raises(
        ConfigError, match=r"server\.admin_token_env: .* TOKEN_OF_THE_TEST is not set"
    ):
        secret("server.admin_token_env", "TOKEN_OF_THE_TEST")
