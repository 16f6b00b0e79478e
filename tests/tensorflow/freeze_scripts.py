"""Freezes what the scripts give under TensorFlow in ``scripts.json``. Run from the root with a Python that has it:

PYTHONPATH=. python tests/tensorflow/freeze_scripts.py FOLDER_WITH_THE_FOUR_FILES_OF_MNIST [SCRIPT ...]
"""

import contextlib
import gzip
import json
import platform
import sys
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf

from tests.tensorflow.scripts import FROZEN, SCRIPTS, run

folder = Path(sys.argv[1]).resolve()


def read(part, offset, *shape):
    return np.frombuffer(gzip.decompress((folder / f"{part}.gz").read_bytes()), np.uint8, offset=offset).reshape(shape)


DIGITS = tuple(
    (read(f"{part}-images-idx3-ubyte", 16, -1, 28, 28), read(f"{part}-labels-idx1-ubyte", 8, -1))
    for part in ("train", "t10k")
)
tf.keras.datasets.mnist.load_data = lambda: DIGITS  # it would download them
stored = json.loads(FROZEN.read_text())["scripts"] if FROZEN.exists() else {}
results = {name: stored[name] for name in SCRIPTS if name in stored}
for script in sys.argv[2:] or SCRIPTS:
    tf.keras.backend.clear_session()
    with tempfile.TemporaryDirectory() as place, contextlib.chdir(place):
        losses, described = run(script, "tensorflow")
    results[script] = {"losses": losses, "results": described}
versions = {
    "tensorflow": tf.__version__,
    "keras": tf.keras.__version__,
    "numpy": np.__version__,
    "python": platform.python_version(),
}
lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(result)}" for name, result in sorted(results.items()))
FROZEN.write_text(f'{{"versions": {json.dumps(versions)},\n"scripts": {{\n{lines}\n}}}}\n')
print(f"{len(results)} scripts, {FROZEN.stat().st_size / 1024:.0f} KiB, {versions}")
