"""Everything this project raises, in one tree.

SemRouterError
├── ConfigError          the configuration cannot be used; lists every fault with its path
├── ArtefactError        a centroid folder is missing, damaged or made for something else
├── EncoderUnavailable   no encoder can be loaded; says which extra to install
├── EnvironmentProblem   the demo cannot be set up on this machine; says what to do instead
├── MalformedRequest     a client's body or header cannot be understood; becomes a 400
├── Overloaded           the encoder's queue is full; the default route answers
├── Closed               the batcher is shutting down; the default route answers
└── EncodingFailed       the encoder raised or returned nonsense; the default route answers

All of them stop a command with exit code 2 and one clear message. The last four belong to one
request: the server turns each into an answer.
"""

from collections.abc import Sequence


class SemRouterError(Exception):
    """Base of every error this project raises on purpose."""


class ConfigError(SemRouterError):
    """A configuration that cannot be used.

    `faults` holds every problem found, each as `path: what is wrong`.
    """

    def __init__(self, source: str, faults: Sequence[str]) -> None:
        self.source = source
        self.faults = tuple(faults)
        super().__init__("\n".join(f"{source}: {fault}" for fault in faults))


class ArtefactError(SemRouterError):
    """A centroid folder that is missing, damaged or was made for another encoder."""


class EncoderUnavailable(SemRouterError):
    """The configured encoder cannot be loaded here."""


class EnvironmentProblem(SemRouterError):
    """Something the demo needs cannot be had on this machine."""


class MalformedRequest(SemRouterError):
    """A request that cannot be understood, and that no server would understand either."""


class Overloaded(SemRouterError):
    """The encoder's queue is full."""


class Closed(SemRouterError):
    """The batcher has been told to stop."""


class EncodingFailed(SemRouterError):
    """The encoder raised, or returned vectors that cannot be used."""
