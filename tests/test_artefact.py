import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs
from safetensors.numpy import save_file

from semrouter_extproc.artefact import (
    Artefact,
    Judgement,
    Meta,
    Provenance,
    Source,
    StaticJudgement,
    StaticMeta,
    load,
    require_encoder,
    require_likeness,
    resolve,
    save,
)
from semrouter_extproc.core.centroids import Centroids
from semrouter_extproc.core.probes import PROBES
from semrouter_extproc.core.static import BUCKETS, StaticModel, classify_static
from semrouter_extproc.errors import ArtefactError


def artefact() -> Artefact:
    centroids = Centroids(
        labels=("law", "math"),
        prototypes=np.eye(3, dtype=np.float32),
        owners=np.array([0, 1, 1]),
        sharpness=20.0,
        temperature=0.75,
    )
    judgement = Judgement(rows=10, accuracy=0.9, macro_f1=0.9, log_loss=0.3, ece=0.02)
    provenance = Provenance(
        command="semrouter fit",
        origin="our own",
        licence="Apache-2.0",
        sources=(Source("prompts.jsonl", "0" * 64, 10),),
        precision="float32",
        categories={"law": 4, "math": 6},
        cross_validation=judgement,
        held_out=None,
        refitted=False,
    )
    meta = Meta(
        labels=centroids.labels,
        encoder="tiny@sha256:0123456789abcdef",
        dimensions=3,
        sharpness=20.0,
        temperature=0.75,
        medoids=("a", "b", "c"),
        provenance=provenance,
    )
    probes = np.eye(3, dtype=np.float32)[[0, 1, 2, 0]]
    return Artefact(centroids, probes, meta)


def with_static_tier() -> Artefact:
    """Return the same with a tier whose numbers are exact in half precision."""
    judged = StaticJudgement(rows=10, answered=0.5, differ=0.0, accuracy=0.9, encoder_accuracy=0.9)
    known = StaticMeta(temperature=0.5, bar=0.9, cross_validation=judged, held_out=None)
    bare = artefact()
    static = StaticModel(
        labels=bare.meta.labels,
        weights=np.arange(2 * BUCKETS, dtype=np.float32).reshape(BUCKETS, 2) % np.float32(64),
        rarity=np.full(BUCKETS, 1.5, np.float32),
        temperature=0.5,
        bar=0.9,
    )
    return replace(bare, meta=structs.replace(bare.meta, static=known), static=static)


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


def test_what_is_saved_is_loaded(folder: Path) -> None:
    loaded, written = load(folder), artefact()
    assert loaded.meta == written.meta
    assert loaded.centroids.labels == written.centroids.labels
    assert np.array_equal(loaded.centroids.prototypes, written.centroids.prototypes)
    assert np.array_equal(loaded.centroids.owners, written.centroids.owners)
    assert loaded.centroids.sharpness == 20.0
    assert loaded.centroids.temperature == 0.75
    assert np.array_equal(loaded.probes, written.probes)
    assert loaded.static is None


def test_a_static_tier_is_loaded_as_it_was_saved(static_folder: Path) -> None:
    loaded, written = load(static_folder), with_static_tier()
    assert loaded.meta == written.meta
    assert loaded.static is not None
    assert written.static is not None
    assert np.array_equal(loaded.static.weights, written.static.weights)
    assert np.array_equal(loaded.static.rarity, written.static.rarity)
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
    with pytest.raises(ArtefactError, match=r"with-static: the static tier .*\[32768, 2\]; fit it"):
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
        ({"labels": ["art", "law", "math"]}, "'math' has no prototype"),
        ({"dimensions": 4}, r"meta\.json says 4 dimensions, centroids\.safetensors has 3"),
        ({"medoids": ["a"]}, "names 1 medoids, centroids.safetensors has 3 prototypes"),
        ({"temperature": 0}, "temperature is 0"),
        ({"format": 2}, r"\$\.format"),
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
    with pytest.raises(ArtefactError, match="holds weights, not owners, probes, prototypes"):
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


def test_the_built_in_artefact_has_the_14_categories_and_says_where_they_came_from() -> None:
    built_in = load(resolve("mmlu-pro"))
    assert len(built_in.centroids.labels) == 14
    provenance = built_in.meta.provenance
    assert "MMLU-Pro" in provenance.origin
    assert provenance.licence
    assert provenance.refitted
    assert provenance.held_out is not None
    assert provenance.held_out.accuracy > 0.79


def test_the_built_in_static_tier_was_judged_no_worse_than_the_encoder() -> None:
    known = load(resolve("mmlu-pro")).meta.static
    assert known is not None
    assert known.held_out is not None
    assert known.held_out.differ < 0.01
    assert known.held_out.accuracy >= known.held_out.encoder_accuracy


def test_the_built_in_static_tier_answers_what_is_plain() -> None:
    static = load(resolve("mmlu-pro")).static
    assert static is not None
    plain = classify_static(
        "A ball is thrown upward with an initial velocity of 20 m/s. Find its acceleration and "
        "the kinetic energy at its maximum height, given its mass.",
        static,
    )
    assert (plain.category, plain.confidence > static.bar) == ("physics", True)


@pytest.mark.parametrize("text", ["Why?", "Tell me more about it, please.", "Écris un poème."])
def test_the_built_in_static_tier_leaves_what_says_little_to_the_encoder(text: str) -> None:
    static = load(resolve("mmlu-pro")).static
    assert static is not None
    assert classify_static(text, static).confidence < static.bar


def test_the_built_in_artefact_holds_no_prompts() -> None:
    medoids = load(resolve("mmlu-pro")).meta.medoids
    assert all(medoid.startswith("mmlu-pro/") and " " not in medoid for medoid in medoids)
