from semrouter_extproc.core import headers
from semrouter_extproc.core.policy import Decision, Reason
from semrouter_extproc.core.reasoning import Reasoning


def test_a_full_decision_is_told_in_five_headers() -> None:
    decision = Decision("qwen3", Reasoning.ON, Reason.ROUTED, "math", 0.91234)

    assert headers.headers_of(decision) == {
        "x-semrouter-model": "qwen3",
        "x-semrouter-category": "math",
        "x-semrouter-reasoning": "on",
        "x-semrouter-reason": "routed",
        "x-semrouter-confidence": "0.912",
    }


def test_what_was_not_decided_has_no_header() -> None:
    decision = Decision(None, Reasoning.UNCHANGED, Reason.PINNED_MODEL)

    assert headers.headers_of(decision) == {
        "x-semrouter-reasoning": "unchanged",
        "x-semrouter-reason": "pinned_model",
    }


def test_every_header_is_under_the_prefix_that_clients_cannot_use() -> None:
    assert all(name.startswith(headers.PREFIX) for name in headers.ALL)
