"""What the real Envoy writes about a request: the decision, and what it cost."""

import pytest

from support.scene import THINKER, Scene


@pytest.mark.parametrize(
    ("path", "prompt_tokens", "completion_tokens"),
    [
        ("/v1/chat/completions", 11, 22),
        ("/v1/responses", 33, 44),
        ("/v1/messages", 55, 66),
    ],
)
def test_the_access_log_has_the_usage_of_a_stream(
    scene: Scene, path: str, prompt_tokens: int, completion_tokens: int
) -> None:
    scene.send(b'{"model": "plain", "stream": true}', path)

    line = scene.logged(scene.plain.last_request_id)
    assert (line["prompt_tokens"], line["completion_tokens"]) == (prompt_tokens, completion_tokens)


def test_the_access_log_has_decision_usage_and_times_of_a_json_answer(scene: Scene) -> None:
    scene.ask(THINKER)

    line = scene.logged(scene.thinker.last_request_id)
    expected = {
        "method": "POST",
        "path": "/v1/chat/completions",
        "code": 200,
        "cluster": "model-Org_Thinker-2_5_x_y",
        "model": THINKER,
        "category": "computer science",
        "prompt_tokens": 7,
        "completion_tokens": 9,
        "router_failed_open": "0",
    }
    assert expected.items() <= line.items()
    assert int(line["router_body_us"]) > 0


def test_a_query_is_not_logged(scene: Scene) -> None:
    scene.send(b"{}", "/v1/embeddings?api_key=secret")

    assert scene.logged(scene.plain.last_request_id)["path"] == "/v1/embeddings"


def test_router_client_and_log_are_told_one_id_which_no_client_can_choose(scene: Scene) -> None:
    answer = scene.send(b'{"model": "plain"}', x_request_id="of-the-client")

    name = answer.headers["x-request-id"]
    assert name == scene.router.heard[-1]["x-request-id"] == scene.plain.last_request_id
    assert name == scene.logged(name)["request_id"] != "of-the-client"
