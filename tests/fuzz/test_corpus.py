"""What a fuzzer found worth keeping, tried again."""

from pathlib import Path

import pytest

from support.fuzzing import TARGETS

CORPUS = Path(__file__).parent / "corpus"


@pytest.mark.parametrize("target", TARGETS)
def test_every_case_that_was_kept_holds(target: str) -> None:
    cases = sorted((CORPUS / target).iterdir())

    assert len(cases) > 10
    for case in cases:
        TARGETS[target](case.read_bytes())
