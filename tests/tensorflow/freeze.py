"""Freezes what TensorFlow gives for every case in ``frozen.json``. Run from the root with a Python that has TensorFlow:

PYTHONPATH=. python tests/tensorflow/freeze.py [MODULE ...]

With names of modules the cases of these alone are run, and the others are kept.
"""

import json
import platform
import sys

import numpy as np
import tensorflow as tf

from tests.tensorflow.describe import FROZEN, cases, outcome

stored = json.loads(FROZEN.read_text())["cases"] if sys.argv[1:] else {}
results = {name: stored[name] for name in cases() if name in stored}
for name, case in cases().items():
    if sys.argv[1:] and name.split(".")[0] not in sys.argv[1:]:
        continue
    tf.random.set_seed(0)
    results[name] = outcome(case, tf)
versions = {
    "tensorflow": tf.__version__,
    "keras": tf.keras.__version__,
    "numpy": np.__version__,
    "python": platform.python_version(),
}
lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(result)}" for name, result in sorted(results.items()))
FROZEN.write_text(f'{{"versions": {json.dumps(versions)},\n"cases": {{\n{lines}\n}}}}\n')
print(f"{len(results)} cases, {FROZEN.stat().st_size / 1024:.0f} KiB, {versions}")
