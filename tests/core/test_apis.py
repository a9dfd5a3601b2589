from semrouter_extproc.core.apis import CHAT_COMPLETIONS, COMPLETIONS, MESSAGES, RESPONSES
from semrouter_extproc.core.reasoning import Dialect, Reasoning, Spelling
from support import dialects


def test_an_effort_is_said_where_each_api_has_it() -> None:
    said = {
        api.path: api.dialect(dialects.EFFORTS).spell(Reasoning.HIGH).members
        for api in (CHAT_COMPLETIONS, RESPONSES, MESSAGES)
    }

    assert said == {
        "/v1/chat/completions": {("reasoning_effort",): "high"},
        "/v1/responses": {("reasoning", "effort"): "high"},
        "/v1/messages": {("output_config", "effort"): "high"},
    }


def test_anthropics_messages_have_their_own_word_for_no_effort_and_none_for_a_minimal_one() -> None:
    hosted = Dialect(
        "hosted",
        {
            Reasoning.OFF: Spelling({dialects.EFFORT: "none"}),
            Reasoning.MINIMAL: Spelling({dialects.EFFORT: "minimal"}),
        },
    )

    assert MESSAGES.dialect(hosted).spellings == {
        Reasoning.OFF: Spelling({("thinking", "type"): "disabled"})
    }


def test_the_templates_switch_is_the_same_in_every_api_that_has_templates() -> None:
    for api in (CHAT_COMPLETIONS, RESPONSES, MESSAGES):
        switch = api.dialect(dialects.SWITCH)

        assert switch.spell(Reasoning.OFF) == Spelling({dialects.ENABLE: False})


def test_what_is_removed_is_removed_where_the_api_has_it() -> None:
    assert RESPONSES.dialect(dialects.SWITCH).removes == {("reasoning", "effort")}


def test_only_chat_completions_take_vllms_budget_of_thinking() -> None:
    assert CHAT_COMPLETIONS.dialect(dialects.SWITCH).budget == dialects.BUDGET
    assert RESPONSES.dialect(dialects.SWITCH).budget is None


def test_a_text_completion_has_no_template_and_so_no_switch() -> None:
    for dialect in dialects.ALL:
        assert COMPLETIONS.dialect(dialect).spellings == {}


def test_an_error_has_the_shape_that_the_clients_of_the_api_read() -> None:
    assert CHAT_COMPLETIONS.error("no", "why")["error"]["code"] == "why"
    assert MESSAGES.error("no", "why") == {
        "type": "error",
        "error": {"type": "invalid_request_error", "message": "no"},
    }
