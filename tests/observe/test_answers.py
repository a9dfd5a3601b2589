from prometheus_client import CollectorRegistry

from semrouter_extproc.observe.answers import Answered, Decided
from semrouter_extproc.observe.metrics import Metrics

THOUGHT = Answered("/v1/chat/completions", Decided("qwen3", "math", "on"), 200, 10, 900, 0.25, 9.0)
DIRECT = Answered("/v1/completions", Decided("qwen3", "law", "off"), 200, 20, 30, 0.1, 0.5)
UNTOLD = DIRECT._replace(prompt_tokens=None, completion_tokens=None)
FAILED = UNTOLD._replace(status=503)
BROKEN = UNTOLD._replace(status=0)


def counted(*answers: Answered) -> CollectorRegistry:
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    for answer in answers:
        metrics.answers.over(answer)
    return registry


def test_tokens_are_summed_by_what_was_decided() -> None:
    registry = counted(THOUGHT, THOUGHT, DIRECT, UNTOLD)

    def tokens(kind: str, **labels: str) -> float | None:
        return registry.get_sample_value(
            "semrouter_answer_tokens_total", {"model": "qwen3", "type": kind, **labels}
        )

    assert tokens("output", category="math", reasoning="on") == 1800
    assert tokens("input", category="math", reasoning="on") == 20
    assert tokens("output", category="law", reasoning="off") == 30


def test_answers_are_counted_by_status_and_by_whether_their_tokens_are_known() -> None:
    registry = counted(DIRECT, UNTOLD, UNTOLD, FAILED, BROKEN)

    def answers(status: str, usage: str) -> float | None:
        labels = {"model": "qwen3", "category": "law", "reasoning": "off"}
        return registry.get_sample_value(
            "semrouter_answers_total", {**labels, "status": status, "usage": usage}
        )

    assert answers("2xx", "told") == 1
    assert answers("2xx", "untold") == 2
    assert answers("5xx", "untold") == 1
    assert answers("none", "untold") == 1


def test_the_conventions_names_say_the_same_by_operation_and_model() -> None:
    registry = counted(THOUGHT, DIRECT)
    chat = {"gen_ai_operation_name": "chat", "gen_ai_request_model": "qwen3"}
    text = chat | {"gen_ai_operation_name": "text_completion"}

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(f"gen_ai_{name}", labels)

    tokens = "client_token_usage_token_sum"
    assert value(tokens, **chat | {"gen_ai_token_type": "output"}) == 900
    assert value(tokens, **text | {"gen_ai_token_type": "input"}) == 20
    assert value("server_request_duration_seconds_sum", **chat) == 9.0
    assert value("server_time_to_first_token_seconds_sum", **text) == 0.1


def test_only_an_answer_that_succeeded_has_a_first_token() -> None:
    registry = counted(FAILED)
    labels = {"gen_ai_operation_name": "text_completion", "gen_ai_request_model": "qwen3"}

    duration = "gen_ai_server_request_duration_seconds_count"
    first = "gen_ai_server_time_to_first_token_seconds_count"
    assert registry.get_sample_value(duration, labels) == 1
    assert registry.get_sample_value(first, labels) is None
