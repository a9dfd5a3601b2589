import numpy as np

from semrouter_extproc.core.learned import Learned
from semrouter_extproc.core.ngrams import buckets_of
from semrouter_extproc.core.policy import Choice, Reason, Route
from semrouter_extproc.core.reasoning import Reasoning
from support import tiny
from support.outcomes import learned

ON, OFF = Route("thinker", Reasoning.ON), Route("talker", Reasoning.OFF)
OPEN = Choice(
    Route("thinker", Reasoning.UNCHANGED, arms={"reasoning": ON, "direct": OFF}),
    Reason.ROUTED,
    "math",
    0.8,
    0.6,
)


def settled(choice: Choice, text: str, by: Learned) -> Choice:
    return by.settled(choice, np.array(tiny.VECTORS[text], np.float32), text, buckets_of(text))


def test_an_open_route_becomes_that_of_the_arm_that_suits_the_prompt() -> None:
    assert settled(OPEN, tiny.MATH, learned()).route is ON
    assert settled(OPEN, tiny.LAW, learned()).route is OFF


def test_a_higher_price_of_tokens_reasons_less() -> None:
    assert settled(OPEN, tiny.MATH, learned(price=0.01)).route is OFF


def test_what_was_known_about_the_prompt_stays() -> None:
    found = settled(OPEN, tiny.MATH, learned())
    assert (found.reason, found.category, found.confidence, found.lead) == (
        Reason.ROUTED,
        "math",
        0.8,
        0.6,
    )


def test_a_route_that_is_not_open_stays() -> None:
    choice = Choice(OFF, Reason.LOW_MARGIN, "math", 0.5, 0.01)
    assert settled(choice, tiny.MATH, learned()) is choice
