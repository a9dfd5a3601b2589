"""One trouble after the other while clients ask: `benchmarks/faults.py`, in short."""

from collections.abc import Iterator

import pytest

from support.fault_storm import TROUBLES, Storm, running_storm

REQUESTS = 300


@pytest.fixture(scope="module")
def storm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storm]:
    with running_storm(tmp_path_factory.mktemp("storm")) as storm:
        yield storm


@pytest.mark.parametrize(
    "trouble", ["none", "both are dead", "one is slow", "the encoder of one hangs"]
)
def test_every_client_has_its_answer_and_every_body_arrives_once(
    storm: Storm, trouble: str
) -> None:
    cells = storm.blow(TROUBLES[trouble], REQUESTS)

    assert len(cells) == REQUESTS
    assert all(cell.is_harmless for cell in cells)


def test_requests_are_decided_again_when_the_trouble_is_over(storm: Storm) -> None:
    storm.blow(TROUBLES["one is dead"], REQUESTS)

    cells = storm.blow(TROUBLES["none"], REQUESTS)

    decided = [cell for cell in cells if "x-semrouter-reason" in cell.answer.headers]
    assert len(decided) > REQUESTS / 2
