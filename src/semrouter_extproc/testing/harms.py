"""What may befall a processor, and at which moment of a request.

Each harm is done to a scene: a victim, a model behind it, and questions on their way.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from semrouter_extproc.testing.asking import Question
from semrouter_extproc.testing.upstream import Upstream
from semrouter_extproc.testing.victim import Victim

_MOMENT: Final = 0.3
"""Seconds in which Envoy hands on what it has received."""


@dataclass(frozen=True)
class Scene:
    """Where harm is done."""

    victim: Victim
    model: Upstream
    questions: Sequence[Question]

    def send_heads(self) -> None:
        """Have Envoy ask about the headers."""
        for question in self.questions:
            question.send_head()
        time.sleep(_MOMENT)

    def send_halves(self) -> None:
        """Send the headers and half of the body, and have Envoy hand them on."""
        for question in self.questions:
            question.send_head()
            question.send_half()
        time.sleep(_MOMENT)

    def send_rest(self) -> None:
        """Send what is left."""
        for question in self.questions:
            question.send_rest()

    def send(self) -> None:
        """Send everything."""
        for question in self.questions:
            question.send()

    def send_and_pause_the_answers(self) -> None:
        """Send everything, and wait until each answer has begun and none has ended."""
        self.model.pauses = True
        self.send()
        for question in self.questions:
            question.await_answer()


@dataclass(frozen=True)
class Harm:
    """`do` sends the questions, and does harm on the way; `mend` ends it."""

    name: str
    do: Callable[[Scene], None]
    mend: Callable[[Scene], None] = lambda _: None


def _dead(scene: Scene) -> None:
    scene.victim.kill()
    scene.send()


def _killed_before_the_body(scene: Scene) -> None:
    scene.send_heads()
    scene.victim.kill()
    scene.send_rest()


def _killed_during_the_body(scene: Scene) -> None:
    scene.send_halves()
    scene.victim.kill()
    scene.send_rest()


def _killed_after_the_body(scene: Scene) -> None:
    scene.send_halves()
    # Or it might have answered before it is killed.
    scene.victim.pause()
    scene.send_rest()
    time.sleep(_MOMENT)
    scene.victim.kill()


def _killed_during_the_answer(scene: Scene) -> None:
    scene.send_and_pause_the_answers()
    scene.victim.kill()
    time.sleep(_MOMENT)
    scene.model.pauses = False


def _paused(scene: Scene) -> None:
    scene.victim.pause()
    scene.send()


def _paused_before_the_body(scene: Scene) -> None:
    scene.send_heads()
    scene.victim.pause()
    scene.send_rest()


def _paused_during_the_answer(scene: Scene) -> None:
    scene.send_and_pause_the_answers()
    scene.victim.pause()
    time.sleep(_MOMENT)
    scene.model.pauses = False


def _starved(scene: Scene) -> None:
    scene.victim.starve()
    scene.send()


def _starved_anew(scene: Scene) -> None:
    # Envoy's connections end with the process, and no new one is accepted.
    scene.victim.kill()
    scene.victim.start()
    # Until it has closed what it was greeted by, or that would be free again.
    time.sleep(_MOMENT)
    _starved(scene)


def _answered_early(scene: Scene) -> None:
    scene.model.answers_early = True
    scene.send_halves()
    scene.send_rest()


def _start(scene: Scene) -> None:
    scene.victim.start()


def _resume(scene: Scene) -> None:
    scene.victim.resume()


def _feed(scene: Scene) -> None:
    scene.victim.feed()


def _end_early_answers(scene: Scene) -> None:
    scene.model.answers_early = False


NONE: Final = Harm("none", Scene.send)

HARMS: Final = (
    NONE,
    Harm("dead", _dead, _start),
    Harm("killed before the body", _killed_before_the_body, _start),
    Harm("killed during the body", _killed_during_the_body, _start),
    Harm("killed after the body", _killed_after_the_body, _start),
    Harm("killed during the answer", _killed_during_the_answer, _start),
    Harm("paused past the timeout", _paused, _resume),
    Harm("paused before the body", _paused_before_the_body, _resume),
    Harm("paused during the answer", _paused_during_the_answer, _resume),
    Harm("out of descriptors", _starved, _feed),
    Harm("out of descriptors, and no connection yet", _starved_anew, _feed),
    Harm("the model answers before the body", _answered_early, _end_early_answers),
)
