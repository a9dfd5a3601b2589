"""The script of the experiment: `python benchmarks/when_to_reason/live.py --help`."""

import sys
from pathlib import Path

# Python puts this file's folder here, and what benchmarks share lies one above.
sys.path[0] = str(Path(__file__).parents[1])

from when_to_reason.experiment import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
