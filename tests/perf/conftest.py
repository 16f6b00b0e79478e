"""The benchmarks are scripts beside a folder of helpers, not an installed package."""

import sys
from pathlib import Path

PERF = str(Path(__file__).parents[2] / "perf")
if PERF not in sys.path:
    sys.path.insert(0, PERF)
