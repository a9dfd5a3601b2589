import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semrouter_extproc.core.apis import APIS, CHAT_COMPLETIONS, Api
from semrouter_extproc.core.reasoning import Path
from semrouter_extproc.core.request import Request, parse
from semrouter_extproc.core.rewrite import Changes, rewrite
from support.requests import conversation

THINKING = ("chat_template_kwargs", "enable_thinking")


def chat(body: bytes) -> Request:
    return parse(body, CHAT_COMPLETIONS)


def writing(*removed: Path, **members: Any) -> Changes:
    return Changes({tuple(name.split("__")): value for name, value in members.items()},
                   frozenset(removed))  # fmt: skip


def test_a_member_is_replaced_in_its_place_and_every_other_byte_stays() -> None:
    request = chat(b'{"temperature": 1e-07, "model": "auto", "seed": 1.0, "z": {"b" : 1}}')

    assert rewrite(request, writing(model="qwen3")) == (
        b'{"temperature":1e-07,"model":"qwen3","seed":1.0,"z":{"b" : 1}}'
    )


def test_a_new_member_goes_to_the_end() -> None:
    request = chat(b'{"model": "auto"}')

    assert rewrite(request, Changes({THINKING: False})) == (
        b'{"model":"auto","chat_template_kwargs":{"enable_thinking":false}}'
    )


def test_the_clients_other_members_of_a_member_stay() -> None:
    request = chat(b'{"chat_template_kwargs": {"persona": "pirate", "depth": 1.50}}')

    assert rewrite(request, Changes({THINKING: True})) == (
        b'{"chat_template_kwargs":{"persona":"pirate","depth":1.50,"enable_thinking":true}}'
    )


def test_a_member_that_is_null_becomes_an_object() -> None:
    request = chat(b'{"chat_template_kwargs": null}')

    assert rewrite(request, Changes({THINKING: True})) == (
        b'{"chat_template_kwargs":{"enable_thinking":true}}'
    )


def test_what_is_removed_is_gone_and_its_neighbours_stay() -> None:
    request = chat(b'{"n":1,"reasoning_effort":"low","reasoning":{"effort":"low","summary":"x"}}')

    told = rewrite(request, writing(("reasoning_effort",), ("reasoning", "effort")))

    assert told == b'{"n":1,"reasoning":{"summary":"x"}}'


def test_an_object_of_which_nothing_is_left_is_gone() -> None:
    request = chat(b'{"n":1,"reasoning":{"effort":"low"}}')

    assert rewrite(request, writing(("reasoning", "effort"))) == b'{"n":1}'


def test_a_member_that_is_removed_and_then_written_has_only_what_is_written() -> None:
    request = chat(b'{"thinking":{"type":"enabled","budget_tokens":9}}')

    told = rewrite(request, writing(("thinking",), thinking__type="disabled"))

    assert told == b'{"thinking":{"type":"disabled"}}'


def test_of_duplicate_members_only_the_one_that_was_read_is_sent() -> None:
    request = chat(b'{"model": "big", "n": 1, "model": "auto"}')

    assert json.loads(rewrite(request, writing(model="qwen3")), object_pairs_hook=list) == [
        ("model", "qwen3"),
        ("n", 1),
    ]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=10,
)
# Hypothesis finds these in our own source; most values of theirs are refused.
known = {"messages", "prompt", "input", "instructions", "system", "chat_template_kwargs"}
names = st.text().filter(lambda name: name not in known)
separators = st.sampled_from([(",", ":"), (", ", ": "), (" ,\n ", "\t: ")])


@pytest.mark.parametrize("api", APIS.values(), ids=lambda api: api.path)
@given(st.data())
def test_a_rewritten_body_says_the_same_but_for_the_changes(api: Api, data: st.DataObject) -> None:
    strange = data.draw(st.dictionaries(names, json_values))
    members = {**strange, "model": "auto", "reasoning": {"a": 1}, **conversation(api, "Why?")}
    ascii_only = data.draw(st.booleans())
    body = json.dumps(members, separators=data.draw(separators), ensure_ascii=ascii_only)
    changes = Changes({("model",): "qwen3", ("reasoning", "effort"): "low"})

    request = parse(body.encode("utf-8", "surrogatepass"), api)
    rewritten = rewrite(request, changes)

    expected = members | {"model": "qwen3", "reasoning": {"a": 1, "effort": "low"}}
    assert json.dumps(json.loads(rewritten)) == json.dumps(expected)
    after = parse(rewritten, api).members
    assert list(after) == list(expected)
    for name in request.members.keys() - {"model", "reasoning"}:
        assert bytes(after[name]) == bytes(request.members[name])
