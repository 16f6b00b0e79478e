"""Freezes what TensorFlow's compat.v1 gives for every case in ``frozen.json``, one case a line.

Run from the root with a Python that has TensorFlow and tf_keras (TensorFlow's own tf.layers needs it):

PYTHONPATH=. TF_USE_LEGACY_KERAS=1 python tests/compat/freeze.py
"""

import json
import platform
import tempfile
from pathlib import Path

import numpy as np
import tensorflow
import tensorflow.compat.v1 as tf
import tf_keras

from tests.compat.describe import FROZEN, cases, outcome
from tests.compat.scripts import SCRIPTS, losses

tf.disable_v2_behavior()
results: dict = {name: outcome(case, tf) for name, case in cases().items()}
for script in SCRIPTS:
    with tempfile.TemporaryDirectory() as folder:
        results[f"script.{script}"] = losses(script, "tensorflow", Path(folder))
versions = {
    "tensorflow": tensorflow.__version__,
    "tf_keras": tf_keras.__version__,
    "numpy": np.__version__,
    "python": platform.python_version(),
}
lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(result)}" for name, result in sorted(results.items()))
FROZEN.write_text(f'{{"versions": {json.dumps(versions)},\n"cases": {{\n{lines}\n}}}}\n')
print(f"{len(results)} cases, {FROZEN.stat().st_size / 1024:.0f} KiB, {versions}")
