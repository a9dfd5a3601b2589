"""What switching reasoning inside a conversation costs in prefix cache, family by family.

A conversation of ten turns goes to a real vLLM with prefix caching, as each family's real chat
template renders it: without a switch, with reasoning switched on the same model, and with a
switch between two models, one that reasons and one that does not. Only where tokens come from is
measured, so the model behind all templates is tiny. Writes `results/prefix_cache.json`, `.md`
and `.svg`. The real templates and vLLM are set up as for the tests, whose folder must be in
PYTHONPATH.
"""

import argparse
import json
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from prefix_cache_conversation import TURNS, Prompts, Subject, prompts, subjects
from prefix_cache_report import Outcome, Results, Row, Ways, draw, markdown, total
from results_files import RESULTS, publish
from rich.console import Console

from semrouter_extproc.config import Address
from semrouter_extproc.workbench.backend.cache import digest
from semrouter_extproc.workbench.backend.server import Installation, install
from semrouter_extproc.workbench.loopback import get
from semrouter_extproc.workbench.progress import Progress
from semrouter_extproc.workbench.waiting import waiting_on
from support.client import send
from support.templates import chat_templates
from support.vllm import running_template_server, running_tiny_vllm

NEVER: Final = (False,) * TURNS
EVERY_TURN: Final = (False, True) * (TURNS // 2)
ONCE: Final = (*(False,) * (TURNS // 2), True)


def main() -> None:
    """Measure every family and write the three files."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.parse_args()
    console = Console()
    with waiting_on(console) as progress:
        results = measure(progress)
    publish("prefix_cache", results, markdown(results), console)
    draw(results, RESULTS / "prefix_cache.svg")


def measure(progress: Progress) -> Results:
    """Render every prompt first, then let two vLLMs read them."""
    installation = install(progress)
    with TemporaryDirectory() as scratch:
        rendered = list(render_all(installation, Path(scratch), progress))
        with two_models(installation, Path(scratch), progress) as models:
            version = json.loads(get(models[0].address, "/version"))["version"]
            block = models[0].block_size()
            progress.step(f"Measuring {len(rendered)} templates")
            rows = tuple(row(subject, each, models, progress) for subject, each in rendered)
    return Results(f"vLLM {version}", block, TURNS, rows)


def render_all(
    installation: Installation, scratch: Path, progress: Progress
) -> Iterator[tuple[Subject, Prompts]]:
    """Yield every template's prompts."""
    templates = chat_templates(progress)
    log = scratch / "render.log"
    with running_template_server(installation, templates, log, progress) as server:
        progress.step("Rendering the conversation")
        for subject in subjects():
            progress.detail(subject.template)
            yield subject, prompts(subject, server)


@dataclass(frozen=True, slots=True)
class Engine:
    """A running vLLM."""

    address: Address
    model: str

    def cached(self, prompt: Sequence[int], salt: str) -> int:
        """Let the model read a prompt; return how many of its tokens were in the cache.

        Nothing is shared with prompts of another `salt`.
        """
        queried, hit = self._counters()
        body = {"model": self.model, "prompt": prompt, "max_tokens": 1, "cache_salt": salt}
        answer = send(
            self.address,
            json.dumps(body).encode(),
            method="POST",
            path="/v1/completions",
            headers={},
        )
        if answer.status != 200:  # noqa: PLR2004 - HTTP's success
            raise RuntimeError(answer.body.decode())
        # The counters follow a moment after the answer.
        while (now := self._counters())[0] < queried + len(prompt):
            time.sleep(0.01)
        return now[1] - hit

    def block_size(self) -> int:
        """Return how many tokens are cached or not as one."""
        return int(self._read(r'vllm:cache_config_info{.*?\bblock_size="(\d+)".*'))

    def _counters(self) -> tuple[int, int]:
        queried = self._read(r"vllm:prefix_cache_queries_total{.*} (\S+)")
        hit = self._read(r"vllm:prefix_cache_hits_total{.*} (\S+)")
        return int(float(queried)), int(float(hit))

    def _read(self, sample: str) -> str:
        (value,) = re.findall(f"^{sample}$", get(self.address, "/metrics"), re.MULTILINE)
        return str(value)


@contextmanager
def two_models(
    installation: Installation, scratch: Path, progress: Progress
) -> Iterator[tuple[Engine, Engine]]:
    """Run two vLLMs, each with a cache of its own."""
    names = ("direct", "thinker")
    with ExitStack() as running:
        engines = [
            Engine(
                running.enter_context(
                    running_tiny_vllm(installation, scratch / f"{name}.log", progress, names=[name])
                ),
                name,
            )
            for name in names
        ]
        yield engines[0], engines[1]


def row(
    subject: Subject, prompts: Prompts, models: tuple[Engine, Engine], progress: Progress
) -> Row:
    """Measure one template."""
    progress.detail(subject.template)

    def held(switches: Sequence[bool], models: tuple[Engine, Engine]) -> list[Outcome]:
        """Hold the conversation with reasoning as `switches` say; `models` answer without, with."""
        salt = digest(subject.template, str(switches), models[1].model)
        asked = [prompts.at(turn, thinks=thinks) for turn, thinks in enumerate(switches)]
        return [
            Outcome(len(prompt), models[thinks].cached(prompt, salt))
            for thinks, prompt in zip(switches, asked, strict=True)
        ]

    one = (models[0], models[0])
    return Row(
        family=subject.family,
        template=subject.template,
        weak=subject.weak,
        strong=subject.strong,
        system_prompt=prompts.framed,
        differs=prompts.differs,
        first_difference=prompts.parted,
        last_prompt=len(prompts.at(TURNS - 1, thinks=False)),
        never=total(held(NEVER, one)),
        every_turn=Ways(total(held(EVERY_TURN, one)), total(held(EVERY_TURN, models))),
        one_switch=Ways(held(ONCE, one)[-1], held(ONCE, models)[-1]),
    )


if __name__ == "__main__":
    main()
