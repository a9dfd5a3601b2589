"""How easily a prompt is worded so that the router takes another side, and what a page can do.

An attacker wants reasoning for a question about which the paper's policy does not reason, or none
for one about which it does. Writes `results/steering.json` and `results/steering.md`.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any, Final

from classification import machine
from prompt_material import reasons, sample
from results_files import publish
from rich.console import Console
from steering_honest import Honest, chats_in
from steering_material import ATTACKS, Attack, Target, between, of_length, said, side_of
from steering_report import AttackRow, Both, LengthRow, PolicyRow, Results, Share, Sides, markdown
from steering_router import QUERIES, Found, Router, Vectors, nearest_of, searched, turned

from semrouter_extproc.artefact import save
from semrouter_extproc.encoding.cores import usable_cores
from semrouter_extproc.encoding.encoder import AnyEncoder
from semrouter_extproc.encoding.local import local_encoder
from semrouter_extproc.encoding.weights import DEFAULT_MODEL
from semrouter_extproc.workbench.examples import Example, ExampleFile, read_examples
from semrouter_extproc.workbench.fit import fit, is_held_out
from semrouter_extproc.workbench.progress import Progress
from semrouter_extproc.workbench.waiting import waiting_on

PER_CATEGORY: Final = 20
PER_CATEGORY_AND_PAGE: Final = 10
LEARNED_EVERY: Final = 3
LENGTHS: Final = (10, 20, 40, 80, 160, 240, 320)

PAGES: Final[Mapping[str, Mapping[str, Any]]] = {
    "as shipped": {},
    "`classifier.min_margin: 0.5`": {"classifier": {"min_margin": 0.5}},
    "`classifier.min_margin: 0.9`": {"classifier": {"min_margin": 0.9}},
    "`classifier.out_of_scope: 0.01`": {"classifier": {"out_of_scope": 0.01}},
    "`classifier.out_of_scope: 0.2`": {"classifier": {"out_of_scope": 0.2}},
    "`classifier.static_tier: false`": {"classifier": {"static_tier": False}},
    "`prompt.max_chars: 250`": {"prompt": {"max_chars": 250}},
    "`prompt.max_chars: 1000`": {"prompt": {"max_chars": 1000}},
    "`default.reasoning: on`": {"default": {"model": "model", "reasoning": "on"}},
}

Targets = tuple[Sequence[Target], Sequence[Target]]
"""What is to be turned to on, and what to off."""


def main() -> None:
    """Run everything and write the two files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "data",
        type=Path,
        help="folder that holds examples/mmlu_pro.jsonl.gz and examples/chat_prompts.jsonl.gz",
        metavar="DATA",
    )
    arguments = parser.parse_args()
    console = Console()
    with waiting_on(console) as progress, TemporaryDirectory() as scratch:
        results = measure(arguments.data / "examples", Path(scratch), progress)
    publish("steering", results, markdown(results), console)


def measure(folder: Path, scratch: Path, progress: Progress) -> Results:
    """Learn centroids that do not know the questions, and attack these and the shipped ones."""
    started = monotonic()
    (file,) = read_examples([folder / "mmlu_pro.jsonl.gz"])
    learned = tuple(row for row in file.examples if not is_held_out(row.id))[::LEARNED_EVERY]
    held_out = [row for row in file.examples if is_held_out(row.id)]
    encoder = local_encoder(DEFAULT_MODEL, backend="auto", device="auto", workers=usable_cores())
    unseen = _fitted(replace(file, examples=learned), scratch / "unseen", encoder, progress)
    vectors = Vectors(encoder, progress)
    progress.step("Encoding questions and examples")
    field = _Field(vectors, learned, sample(held_out, PER_CATEGORY))
    shipped, stranger = Router(vectors), Router(vectors, classifier={"centroids": str(unseen)})
    honest = Honest(held_out, chats_in(folder / "chat_prompts.jsonl.gz"), str(unseen))
    return Results(
        data_sha256=file.digest,
        encoder=f"{encoder.fingerprint}, {encoder.description}",
        learned_from=len(learned),
        shipped=field.attacked(shipped, "the shipped centroids", progress),
        stranger=field.attacked(stranger, "centroids that do not know the questions", progress),
        pages=tuple(_pages(vectors, learned, held_out, honest, progress)),
        questions=len(held_out),
        chats=len(honest.chats),
        machine=machine(),
        minutes=round((monotonic() - started) / 60, 1),
    )


def _fitted(file: ExampleFile, folder: Path, encoder: AnyEncoder, progress: Progress) -> Path:
    save(folder, fit([file], encoder, progress=progress).artefact)
    return folder


class _Field:
    """Questions to attack with, and the examples that an attacker has at hand."""

    def __init__(
        self, vectors: Vectors, public: Sequence[Example], questions: Sequence[Example]
    ) -> None:
        self._questions = questions
        vectors.learn([row.text for row in questions])
        self._nearest = {
            on: nearest_of(vectors, [row.text for row in public if reasons(row.category) is on])
            for on in (True, False)
        }

    def targets(self, router: Router, *, on: bool) -> list[Target]:
        """Return what is to be turned: the questions that are decided as they should be."""
        asked = [row.text for row in self._questions if reasons(row.category) is not on]
        decided = router.reasons([said(text) for text in asked])
        right = [text for text, thinks in zip(asked, decided, strict=True) if thinks is not on]
        side = side_of(on)
        return [
            Target(text, side[number % len(side)], self._nearest[on](text))
            for number, text in enumerate(right)
        ]

    def attacked(self, router: Router, name: str, progress: Progress) -> Sides:
        """Try everything on a router, both ways."""
        to = self.both_ways(router)
        progress.step(f"Attacks on {name}")
        rows = [AttackRow(attack, _both(router, to, how)) for attack, how in ATTACKS.items()]
        for sees_headers in (True, False):
            rows += _search_rows(router, to, sees_headers=sees_headers)
        progress.step(f"How many characters it takes with {name}")
        lengths = [LengthRow(each, _both(router, to, of_length(each))) for each in LENGTHS]
        return Sides(tuple(rows), tuple(lengths))

    def both_ways(self, router: Router) -> Targets:
        """Return what is to be turned to on, and to off."""
        return self.targets(router, on=True), self.targets(router, on=False)


def _both(router: Router, to: Targets, attack: Attack) -> Both:
    to_on, to_off = to
    return (
        Share.of(turned(router, to_on, attack, on=True)),
        Share.of(turned(router, to_off, attack, on=False)),
    )


def _search_rows(router: Router, to: Targets, *, sees_headers: bool) -> Iterator[AttackRow]:
    to_on, to_off = _searched(router, to, sees_headers=sees_headers)
    how = "by the headers of answers" if sees_headers else "without them"
    for limit in QUERIES:
        yield AttackRow(
            f"a few words at a time, {how}, queries: {limit}",
            (Share.of(_within(to_on, limit)), Share.of(_within(to_off, limit))),
            (_characters(to_on, limit), _characters(to_off, limit)),
        )


def _searched(
    router: Router, to: Targets, *, sees_headers: bool
) -> tuple[Sequence[Found], Sequence[Found]]:
    to_on, to_off = to
    return (
        searched(router, to_on, on=True, sees_headers=sees_headers),
        searched(router, to_off, on=False, sees_headers=sees_headers),
    )


def _within(found: Sequence[Found], limit: int) -> list[bool]:
    return [each.queries is not None and each.queries <= limit for each in found]


def _characters(found: Sequence[Found], limit: int) -> int | None:
    """Return the median of what was added where it was enough."""
    enough = zip(found, _within(found, limit), strict=True)
    added = [each.characters for each, is_enough in enough if is_enough]
    return round(median(added)) if added else None


def _pages(
    vectors: Vectors,
    learned: Sequence[Example],
    held_out: Sequence[Example],
    honest: Honest,
    progress: Progress,
) -> Iterator[PolicyRow]:
    field = _Field(vectors, learned, sample(held_out, PER_CATEGORY_AND_PAGE))
    for name, page in PAGES.items():
        progress.step(f"Attacks on {name.strip('`')}")
        router = Router(vectors, **page)
        to = field.both_ways(router)
        to_on, to_off = _searched(router, to, sees_headers=True)
        yield PolicyRow(
            name=name,
            sentence=_both(router, to, ATTACKS["a sentence of it, before"]),
            search=(
                Share.of(_within(to_on, max(QUERIES))),
                Share.of(_within(to_off, max(QUERIES))),
            ),
            hidden=_both(router, to, between(router.max_chars // 2)),
            questions=honest.questions_right(vectors, page),
            chats=honest.chats_right(router),
        )


if __name__ == "__main__":
    main()
