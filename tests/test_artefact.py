import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from semrouter_extproc.artefact import load, require_encoder, require_likeness, resolve, save
from semrouter_extproc.core.centroids import SCOPE_SHARES, Centroids
from semrouter_extproc.core.classify import classify
from semrouter_extproc.core.ngrams import BUCKETS, NgramModel, buckets_of
from semrouter_extproc.core.probes import PROBES
from semrouter_extproc.errors import ArtefactError
from support.artefacts import artefact, centroids, with_static_tier
from support.kernels import random_kernel_model, random_units
from support.prompts import PROMPTS


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save(tmp_path / "fitted", artefact())
    return tmp_path / "fitted"


@pytest.fixture
def static_folder(tmp_path: Path) -> Path:
    save(tmp_path / "with-static", with_static_tier())
    return tmp_path / "with-static"


def change_meta(folder: Path, **members: object) -> None:
    path = folder / "meta.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | members))


def change_tensor(folder: Path, name: str, array: NDArray[np.generic]) -> None:
    path = folder / "centroids.safetensors"
    save_file(load_file(path) | {name: array}, path)


def test_what_is_saved_is_loaded(folder: Path) -> None:
    loaded, written = load(folder), artefact()
    assert loaded.meta == written.meta
    assert loaded.centroids.labels == written.centroids.labels
    assert np.array_equal(loaded.centroids.owners, written.centroids.owners)
    assert np.array_equal(loaded.centroids.scope, written.centroids.scope)
    assert loaded.centroids.temperature == 0.75
    assert np.array_equal(loaded.probes, written.probes)
    assert loaded.seen.tolist() == [3, 2**64 - 1]
    assert loaded.static is None


def test_the_kernel_model_is_loaded_as_it_was_saved(folder: Path) -> None:
    loaded, written = load(folder).centroids.model, centroids().model
    assert np.array_equal(loaded.landmarks, written.landmarks)
    assert np.array_equal(loaded.weights, written.weights)
    assert np.array_equal(loaded.offset, written.offset)
    assert np.array_equal(loaded.ngrams.rarity, written.ngrams.rarity)
    assert np.array_equal(loaded.ngrams.weights, written.ngrams.weights)
    assert loaded.sharpness == 2.5


def test_arrays_that_lie_in_memory_column_by_column_are_saved_as_they_read(tmp_path: Path) -> None:
    rows = centroids()
    ngrams = NgramModel(rows.model.ngrams.rarity, np.asfortranarray(rows.model.ngrams.weights))
    columns = replace(
        rows,
        scope=np.asfortranarray(rows.scope),
        model=replace(rows.model, weights=np.asfortranarray(rows.model.weights), ngrams=ngrams),
    )
    save(tmp_path, artefact(columns))
    loaded = load(tmp_path).centroids
    assert np.array_equal(loaded.scope, rows.scope)
    assert np.array_equal(loaded.model.weights, rows.model.weights)
    assert np.array_equal(loaded.model.ngrams.weights, rows.model.ngrams.weights)


def test_half_precision_keeps_the_decisions(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    written = Centroids(
        labels=("art", "law", "math"),
        model=random_kernel_model(rng, landmarks=60),
        owners=np.arange(60) % 3,
        temperature=0.5,
        scope=np.zeros((3, len(SCOPE_SHARES)), np.float32),
    )
    save(tmp_path, artefact(written))
    loaded = load(tmp_path).centroids
    texts = [text for prompts in PROMPTS.values() for text in prompts]
    for vector, text in zip(random_units(rng, len(texts)), texts, strict=True):
        before, after = (classify(vector, buckets_of(text), each) for each in (written, loaded))
        assert after.category == before.category
        assert after.probabilities.tolist() == pytest.approx(
            before.probabilities.tolist(), abs=0.01
        )
        assert after.familiarity == pytest.approx(before.familiarity, abs=0.01)


def test_what_is_large_is_kept_in_half_precision(static_folder: Path) -> None:
    large = ("landmarks", "rarity", "ngram_weights")
    tensors = load_file(static_folder / "centroids.safetensors")
    static = load_file(static_folder / "static.safetensors")
    found = [*(tensors[name].dtype for name in large), *(array.dtype for array in static.values())]
    assert found == [np.float16] * 5


def test_a_static_tier_is_loaded_as_it_was_saved(static_folder: Path) -> None:
    loaded, written = load(static_folder), with_static_tier()
    assert loaded.meta == written.meta
    assert loaded.static is not None
    assert written.static is not None
    assert np.array_equal(loaded.static.ngrams.weights, written.static.ngrams.weights)
    assert np.array_equal(loaded.static.ngrams.rarity, written.static.ngrams.rarity)
    assert loaded.static.labels == ("law", "math")
    assert (loaded.static.temperature, loaded.static.bar) == (0.5, 0.9)


def test_saving_without_a_static_tier_removes_the_one_of_before(static_folder: Path) -> None:
    save(static_folder, artefact())
    assert not (static_folder / "static.safetensors").exists()
    assert load(static_folder).static is None


def test_a_missing_static_tier_is_named(static_folder: Path) -> None:
    (static_folder / "static.safetensors").unlink()
    with pytest.raises(ArtefactError, match=r"static\.safetensors: No such file"):
        load(static_folder)


def test_a_static_tier_for_other_labels_is_refused(static_folder: Path) -> None:
    weights = np.zeros((BUCKETS, 3), np.float16)
    rarity = np.ones(BUCKETS, np.float16)
    save_file({"weights": weights, "rarity": rarity}, static_folder / "static.safetensors")
    with pytest.raises(ArtefactError, match=r"with-static: the static .* 2 categories; fit it"):
        load(static_folder)


def test_a_static_bar_out_of_range_is_refused(static_folder: Path) -> None:
    static = json.loads((static_folder / "meta.json").read_text())["static"]
    change_meta(static_folder, static=static | {"bar": 1.5})
    with pytest.raises(ArtefactError, match=r"bar is 1\.5"):
        load(static_folder)


def test_saving_twice_gives_the_same_bytes(static_folder: Path, tmp_path: Path) -> None:
    save(tmp_path / "again", with_static_tier())
    for path in static_folder.iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()


def test_a_missing_folder_names_the_built_in_artefacts(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match=r"meta\.json: No such file.*built-in one: mmlu-pro"):
        load(tmp_path / "nowhere")


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ArtefactError, match="cannot be written"):
        save(tmp_path / "file" / "fitted", artefact())


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"labels": ["law"]}, "1 categories"),
        ({"labels": ["art", "law", "math"]}, "2 outputs, but 3 categories"),
        ({"dimensions": 4}, r"meta\.json says 4 dimensions, centroids\.safetensors has 3"),
        (
            {"landmarks": ["a"]},
            r"meta\.json names 1 landmarks, centroids\.safetensors has 3; fit it again",
        ),
        ({"temperature": 0}, "temperature is 0"),
        ({"sharpness": 0}, "sharpness is 0"),
        ({"format": 1}, "is of format 1, and this release reads 2; fit it again"),
        ({"format": 3}, "is of format 3, and this release reads 2; fit it again"),
        ({"static": {"bar": 0.9}}, r"missing required field .* - at `\$\.static`"),
        ({"threshold": 1}, "unknown field `threshold`"),
        ({"sharpness": "high"}, r"Expected `float`, got `str` - at `\$\.sharpness`"),
    ],
)
def test_meta_that_does_not_fit_is_refused(
    folder: Path, members: dict[str, object], message: str
) -> None:
    change_meta(folder, **members)
    with pytest.raises(ArtefactError, match=message) as caught:
        load(folder)
    assert str(folder) in str(caught.value)


def test_a_folder_of_the_first_format_is_asked_to_be_fitted_again(folder: Path) -> None:
    first = {"format": 1, "labels": ["law", "math"], "medoids": ["a", "b"]}
    (folder / "meta.json").write_text(json.dumps(first))
    save_file({"prototypes": np.eye(3)}, folder / "centroids.safetensors")
    with pytest.raises(ArtefactError, match=r"meta\.json: is of format 1, .*; fit it again"):
        load(folder)


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("landmarks", 2 * np.eye(3, dtype=np.float16), "row 0 has length 2"),
        ("landmarks", np.eye(2, 3, dtype=np.float16), r"weights are .* must be float32 \[2, 2\]"),
        ("weights", np.zeros((3, 3), np.float32), r"weights are float32 \[3, 3\]"),
        ("offset", np.full(2, np.nan, np.float32), "offset are not all finite"),
        ("rarity", np.ones(5, np.float16), r"rarity are float32 \[5\]"),
        ("ngram_weights", np.full((BUCKETS, 2), np.inf, np.float16), "weights are not all finite"),
        ("owners", np.array([0, 1], np.int32), r"3 landmarks, but owners \[2\]"),
        ("owners", np.array([0, 1, 2], np.int32), "beyond the 2 there are"),
        ("scope", np.ones((2, 3), np.float32), r"scope is \[2, 3\]"),
        ("probes", np.eye(3, dtype=np.float32), r"probes are \[3, 3\], they must be \[4, 3\]"),
    ],
)
def test_an_array_that_does_not_fit_is_refused(
    folder: Path, name: str, array: NDArray[np.generic], message: str
) -> None:
    change_tensor(folder, name, array)
    with pytest.raises(ArtefactError, match=rf"fitted: .*{message}.*; fit it again"):
        load(folder)


def test_half_a_tensor_file_is_refused(folder: Path) -> None:
    path = folder / "centroids.safetensors"
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(ArtefactError, match=r"centroids\.safetensors: damaged"):
        load(folder)


def test_meta_cut_short_is_refused(folder: Path) -> None:
    path = folder / "meta.json"
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(ArtefactError, match=r"meta\.json: .*truncated"):
        load(folder)


def test_other_tensors_are_refused(folder: Path) -> None:
    save_file({"weights": np.eye(3)}, folder / "centroids.safetensors")
    with pytest.raises(ArtefactError, match="holds weights, not landmarks, ngram_weights, off"):
        load(folder)


def test_the_encoder_that_centroids_were_fitted_with_is_accepted() -> None:
    require_encoder(artefact(), "tiny@sha256:0123456789abcdef", 3)


def test_another_encoder_is_refused_naming_both() -> None:
    with pytest.raises(ArtefactError) as caught:
        require_encoder(artefact(), "huge@sha256:fedcba9876543210", 768)
    message = str(caught.value)
    assert "tiny@sha256:0123456789abcdef (3 dimensions)" in message
    assert "huge@sha256:fedcba9876543210 (768 dimensions)" in message


def test_vectors_a_little_turned_are_accepted() -> None:
    turned = artefact().probes + np.float32(0.1)
    turned /= np.linalg.norm(turned, axis=1, keepdims=True)
    require_likeness(artefact(), turned, "elsewhere")


def test_one_vector_that_points_elsewhere_is_refused() -> None:
    vectors = artefact().probes.copy()
    vectors[1] = [0, 0, 1]
    with pytest.raises(ArtefactError) as caught:
        require_likeness(artefact(), vectors, "elsewhere")
    message = str(caught.value)
    assert "tiny@sha256:0123456789abcdef" in message
    assert "elsewhere point elsewhere (cosine 0.000" in message


def test_vectors_without_a_direction_are_refused() -> None:
    nowhere = np.full((len(PROBES), 3), np.nan, np.float32)
    with pytest.raises(ArtefactError, match="cosine nan"):
        require_likeness(artefact(), nowhere, "elsewhere")


def test_vectors_of_another_length_are_refused() -> None:
    with pytest.raises(ArtefactError, match=r"3 dimensions, the vectors of encoder elsewhere 2"):
        require_likeness(artefact(), np.ones((len(PROBES), 2), np.float32), "elsewhere")


def test_a_path_is_taken_as_it_is() -> None:
    assert resolve("some/folder") == Path("some/folder")
