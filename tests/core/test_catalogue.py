import json

from semrouter_extproc.core.catalogue import Catalogue

CATALOGUE = Catalogue(["auto", "Qwen/Qwen3-8B"])


def test_every_name_is_listed_in_the_given_order() -> None:
    status, body = CATALOGUE.answer("/v1/models") or (0, b"")

    listed = json.loads(body)
    assert status == 200
    assert listed["object"] == "list"
    assert [entry["id"] for entry in listed["data"]] == ["auto", "Qwen/Qwen3-8B"]
    assert {entry["object"] for entry in listed["data"]} == {"model"}


def test_one_name_is_told_also_when_its_slash_is_escaped() -> None:
    for path in ("/v1/models/Qwen/Qwen3-8B", "/v1/models/Qwen%2FQwen3-8B"):
        status, body = CATALOGUE.answer(path) or (0, b"")

        assert status == 200
        assert json.loads(body)["id"] == "Qwen/Qwen3-8B"


def test_an_unknown_name_is_not_found_in_openais_shape() -> None:
    status, body = CATALOGUE.answer("/v1/models/gpt-9") or (0, b"")

    assert status == 404
    assert json.loads(body)["error"]["code"] == "model_not_found"


def test_another_path_is_none_of_the_catalogues() -> None:
    assert CATALOGUE.answer("/v1/modelsx") is None
    assert CATALOGUE.answer("/health") is None
