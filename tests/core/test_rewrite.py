import json

from hypothesis import given
from hypothesis import strategies as st

from semrouter_extproc.core.chat import parse
from semrouter_extproc.core.rewrite import rewrite

THINKING = ("chat_template_kwargs", "enable_thinking")


def test_a_member_is_replaced_in_its_place_and_every_other_byte_stays() -> None:
    request = parse(b'{"temperature": 1e-07, "model": "auto", "seed": 1.0, "z": {"b" : 1}}')

    assert rewrite(request, {("model",): "qwen3"}) == (
        b'{"temperature":1e-07,"model":"qwen3","seed":1.0,"z":{"b" : 1}}'
    )


def test_a_new_member_goes_to_the_end() -> None:
    request = parse(b'{"model": "auto"}')

    assert rewrite(request, {THINKING: False}) == (
        b'{"model":"auto","chat_template_kwargs":{"enable_thinking":false}}'
    )


def test_the_clients_other_template_arguments_stay() -> None:
    request = parse(b'{"chat_template_kwargs": {"persona": "pirate", "depth": 1.50}}')

    assert rewrite(request, {THINKING: True}) == (
        b'{"chat_template_kwargs":{"persona":"pirate","depth":1.50,"enable_thinking":true}}'
    )


def test_template_arguments_that_are_null_are_replaced() -> None:
    request = parse(b'{"chat_template_kwargs": null}')

    assert rewrite(request, {THINKING: True}) == (
        b'{"chat_template_kwargs":{"enable_thinking":true}}'
    )


def test_of_duplicate_members_only_the_one_that_was_read_is_sent() -> None:
    request = parse(b'{"model": "big", "n": 1, "model": "auto"}')

    assert json.loads(rewrite(request, {("model",): "qwen3"}), object_pairs_hook=list) == [
        ("model", "qwen3"),
        ("n", 1),
    ]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), json_values))
def test_a_rewritten_body_says_the_same_but_for_the_edits(members: dict[str, object]) -> None:
    members = {**members, "model": "auto", "chat_template_kwargs": {"a": 1}, "messages": []}

    rewritten = rewrite(parse(json.dumps(members).encode()), {("model",): "qwen3", THINKING: False})

    expected = members | {
        "model": "qwen3",
        "chat_template_kwargs": {"a": 1, "enable_thinking": False},
    }
    assert json.dumps(json.loads(rewritten)) == json.dumps(expected)
