import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from semrouter_extproc.artefact import (
    Artefact,
    Judgement,
    Meta,
    Provenance,
    Source,
    load,
    require_encoder,
    resolve,
    save,
)
from semrouter_extproc.core.centroids import Centroids
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
    return Artefact(centroids, meta)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save(tmp_path / "fitted", artefact())
    return tmp_path / "fitted"


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


def test_saving_twice_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    save(tmp_path / "again", artefact())
    for path in folder.iterdir():
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
    with pytest.raises(ArtefactError, match="holds weights, not owners and prototypes"):
        load(folder)


def test_the_encoder_that_centroids_were_fitted_with_is_accepted() -> None:
    require_encoder(artefact(), "tiny@sha256:0123456789abcdef", 3)


def test_another_encoder_is_refused_naming_both() -> None:
    with pytest.raises(ArtefactError) as caught:
        require_encoder(artefact(), "huge@sha256:fedcba9876543210", 768)
    message = str(caught.value)
    assert "tiny@sha256:0123456789abcdef (3 dimensions)" in message
    assert "huge@sha256:fedcba9876543210 (768 dimensions)" in message


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


def test_the_built_in_artefact_holds_no_prompts() -> None:
    medoids = load(resolve("mmlu-pro")).meta.medoids
    assert all(medoid.startswith("mmlu-pro/") and " " not in medoid for medoid in medoids)
