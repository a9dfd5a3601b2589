"""One trouble after the other while clients ask: `benchmarks/faults.py`, in short."""

from collections.abc import Iterator

import pytest

from support.eventually import eventually
from support.fault_storm import TROUBLES, Storm, running_storm

REQUESTS = 200


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

    def all_are_routed() -> bool:
        cells = storm.blow(TROUBLES["none"], 10)
        return {cell.answer.headers.get("x-semrouter-reason") for cell in cells} == {"routed"}

    assert eventually(all_are_routed, seconds=60)
