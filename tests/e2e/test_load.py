"""Much traffic of every kind, then storms, through a real Envoy to a real router.

`benchmarks/soak.py` and `benchmarks/storms.py` are the long form of this, with figures.
"""

from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from semrouter_extproc.config import Address
from semrouter_extproc.envoy.launcher import EnvoyProcess
from semrouter_extproc.testing.upstream import Upstream
from support.load.material import MIX, Kind
from support.load.offering import all_due, at_random, offered, offering
from support.load.plan import Outcome, Plan
from support.load.serving import CountingUpstream, counting_upstream
from support.load.site import Look, Site
from support.processes import running_router
from support.stack import LAW, MATH, bootstrap_of, stack_config

# Half a minute where the machine is free.
pytestmark = pytest.mark.timeout(300)

TEXTS = [MATH, LAW]
RATE = 25.0
SECONDS = 10.0
BURST = 500
SLOW = 50
HASTY = 300

# What leaks does so with each of a thousand requests; a pool may have one more of something.
A_FEW = 5
MEGABYTES = 100.0


@dataclass(frozen=True)
class Loaded:
    """What became of all that was asked, and what was held at rest before it and after.

    `asked` is how often the model was, for what is in `mixed` and in `burst`.
    """

    mixed: Sequence[Outcome]
    burst: Sequence[Outcome]
    asked: Counter[str]
    beside: Sequence[Outcome]
    hasty: Sequence[Outcome]
    before: Look
    after: Look


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    """Put a stack of its own under load."""
    folder = tmp_path_factory.mktemp("load")
    with ExitStack() as running:
        upstream = running.enter_context(counting_upstream())
        answerer = Upstream("answerer", upstream.address.port)
        config = stack_config(answerer, answerer)
        router = running.enter_context(running_router(config, folder))
        envoy = running.enter_context(EnvoyProcess(bootstrap_of(config), folder))
        site = Site(router.process.pid, config.server.admin, envoy.pid, envoy.admin)
        return under_load(config.envoy.listen, site, upstream)


def under_load(front: Address, site: Site, upstream: CountingUpstream) -> Loaded:
    """Have mixed traffic, a burst, and mixed traffic beside slow bodies and hang-ups."""
    # Threads and connections that the first requests of each kind make are there to stay.
    offered(at_once(front, Kind.CHAT, BURST))
    offered(at_random(front, TEXTS, RATE, 1.0, first=10_000))
    before, asked = site.at_rest(), Counter(upstream.counts())
    mixed = offered(at_random(front, TEXTS, RATE, SECONDS, first=20_000))
    burst = offered(at_once(front, Kind.CHAT, BURST, first=30_000))
    asked = Counter(upstream.counts()) - asked
    with (
        offering(at_once(front, Kind.TRICKLE, SLOW)),
        offering(at_once(front, Kind.ABANDON, HASTY, first=40_000)) as leaving,
    ):
        beside = offered(at_random(front, TEXTS, RATE, SECONDS / 3, first=50_000))
        hasty = leaving.all_outcomes()
    return Loaded(mixed, burst, asked, beside, hasty, before, site.at_rest())


def at_once(front: Address, kind: Kind, count: int, *, first: int = 0) -> Plan:
    """Plan requests that all come in the same moment."""
    return all_due(front, TEXTS, [0.0] * count, [kind] * count, first=first)


def test_every_request_is_answered_in_whole(loaded: Loaded) -> None:
    outcomes = [*loaded.mixed, *loaded.burst, *loaded.beside]

    assert [each for each in outcomes if not each.is_well] == []
    assert {each.kind for each in loaded.mixed} == set(MIX)


def test_mixed_traffic_is_decided_about(loaded: Loaded) -> None:
    undecided = [each for each in loaded.mixed if not each.reason]

    # The most that a router has at a time may come together on a machine that stood still.
    assert len(undecided) < len(loaded.mixed) / 2


def test_no_request_is_lost_or_doubled_and_no_stream_cut(loaded: Loaded) -> None:
    kinds = Counter(each.kind for each in [*loaded.mixed, *loaded.burst])
    streams = kinds[Kind.STREAM] + kinds[Kind.HANG_UP]

    assert loaded.asked["streams"] == streams
    assert loaded.asked["answers"] == kinds.total() - streams
    assert loaded.asked["whole"] >= kinds[Kind.STREAM]


def test_whoever_hangs_up_half_way_ends_the_models_work(loaded: Loaded) -> None:
    hung_up = sum(each.kind is Kind.HANG_UP for each in loaded.mixed)

    assert loaded.asked["cut"] > hung_up / 2


def test_nothing_is_under_way_afterwards(loaded: Loaded) -> None:
    assert len(loaded.hasty) == HASTY
    assert loaded.after.is_idle


def test_neither_threads_nor_descriptors_nor_memory_are_left(loaded: Loaded) -> None:
    for before, after in (
        (loaded.before.router, loaded.after.router),
        (loaded.before.envoy, loaded.after.envoy),
    ):
        assert after.threads <= before.threads + A_FEW
        assert after.descriptors <= before.descriptors + A_FEW
        assert after.megabytes < before.megabytes + MEGABYTES
