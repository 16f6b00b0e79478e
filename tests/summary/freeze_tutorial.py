"""Writes tutorial.json: the events of the TensorBoard tutorials under TensorFlow. Run from the root with a Python that
has TensorFlow and tensorboard: python -m tests.summary.freeze_tutorial FOLDER_WITH_THE_FOUR_FILES_OF_MNIST
"""

import gzip
import json
import os
import sys
import tempfile
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"], os.environ["TF_ENABLE_ONEDNN_OPTS"] = "3", "0"

import numpy as np  # noqa: E402 (after the environment)
import tensorboard  # noqa: E402 (after the environment)
import tensorflow as tf  # noqa: E402

from tests.summary import tutorial  # noqa: E402
from tests.summary.events import described, graph_names  # noqa: E402


def read(part, offset, *shape):
    content = gzip.decompress((Path(sys.argv[1]) / f"{part}.gz").read_bytes())
    return np.frombuffer(content, np.uint8, offset=offset).reshape(shape)


DIGITS = tuple(
    (read(f"{part}-images-idx3-ubyte", 16, -1, 28, 28), read(f"{part}-labels-idx1-ubyte", 8, -1))
    for part in ("train", "t10k")
)
libraries = {"tensorflow": tf, "keras": tf.keras, "tensorboard": tensorboard}
frozen: dict = {"versions": {name: library.__version__ for name, library in libraries.items()}}
for name, run in tutorial.TUTORIALS.items():
    with tempfile.TemporaryDirectory() as folder:
        if name == "with_summaries":
            tf.compat.v1.disable_eager_execution()
        run(tf.compat.v1 if name == "with_summaries" else tf, folder, DIGITS)
        runs = sorted({str(path.parent.relative_to(folder)) for path in Path(folder).rglob("events.out.tfevents.*")})
        frozen[name] = {part: described(Path(folder) / part) for part in runs}
        if name == "with_summaries":
            frozen["graph"] = graph_names(Path(folder) / "train")
lines = ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in frozen.items())
Path(__file__).with_name("tutorial.json").write_text(f"{{\n{lines}\n}}\n")
