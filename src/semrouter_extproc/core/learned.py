"""The routes that what was learned from records decides about, prompt by prompt."""

from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from semrouter_extproc.core.frontier import Setting
from semrouter_extproc.core.ngrams import Buckets
from semrouter_extproc.core.outcomes import Outcomes
from semrouter_extproc.core.policy import Choice


@dataclass(frozen=True, slots=True)
class Learned:
    """What each arm is expected to make of a prompt, and what the operator will spend."""

    outcomes: Outcomes
    setting: Setting

    def settled(
        self, choice: Choice, vector: NDArray[np.float32], text: str, buckets: Buckets
    ) -> Choice:
        """Return `choice` with the route of the arm that suits the prompt, if it is open.

        `vector` is the prompt's unit vector `[D]`.
        """
        if not choice.route.arms:
            return choice
        arm = self.outcomes.arm(vector, text, buckets, self.setting)
        return msgspec.structs.replace(choice, route=choice.route.arms[arm])
