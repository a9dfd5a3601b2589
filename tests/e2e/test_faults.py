"""Every fault that docs/faults.md lists, done again: clients and model must see what it says."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack

import pytest

from semrouter_extproc.testing.faults import Bench
from semrouter_extproc.testing.harms import HARMS, NONE, Harm
from support.fault_table import Section, by_itself, documented, with_a_remote_encoder

DOCUMENTED = documented()
ATTEMPTS = 4

Suffering = Mapping[str, tuple[Bench, Harm]]


@pytest.fixture(scope="module")
def sections(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sequence[Section]]:
    with ExitStack() as stack:
        yield [
            *stack.enter_context(by_itself(tmp_path_factory.mktemp("own"))),
            *stack.enter_context(with_a_remote_encoder(tmp_path_factory.mktemp("remote"))),
        ]


@pytest.fixture(scope="module")
def harms(sections: Sequence[Section]) -> Suffering:
    return {harm.name: (each.bench, harm) for each in sections for harm in each.harms}


def test_each_fault_is_documented_and_no_other(harms: Suffering) -> None:
    assert list(harms) == list(DOCUMENTED)


def test_each_moment_of_a_request_is_among_the_faults() -> None:
    assert {harm.name for harm in HARMS} <= set(DOCUMENTED)


@pytest.mark.parametrize("name", DOCUMENTED)
def test_clients_and_model_see_what_is_documented(harms: Suffering, name: str) -> None:
    bench, harm = harms[name]
    seen: list[str] = []

    # On a starved machine a deadline passes by itself now and then; a fault comes every time.
    for _ in range(ATTEMPTS):
        bench.await_recovery(DOCUMENTED[NONE.name])
        seen = bench.words(bench.suffer(harm))
        if seen == DOCUMENTED[name]:
            break

    assert seen == DOCUMENTED[name]
