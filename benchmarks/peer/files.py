"""What `material.py` leaves in a folder and the contestants find there."""

from typing import Final

EXAMPLES: Final = "examples.jsonl"
VECTORS: Final = "vectors.npy"
ARTEFACT: Final = "artefact"
